#!/usr/bin/env bash
# The main job on made-up data: leaves demo/forecast.png, demo/classify.png and demo/images.png.
# Run by `make demo` after building; every step is an ordinary command of the program.
set -euo pipefail
cd "$(dirname "$0")/.."

temblor="${TEMBLOR:-target/debug/temblor}"
out=demo
step() {
    echo "+ temblor $*" >&2
    "$temblor" "$@"
}

mkdir -p "$out"
started=$SECONDS

# A volcano with one station; its activity in ten-minute windows, forecast beside trivial baselines.
step synth archive --out "$out/volcano" --days 12 --rate 20 --force
step forecast "$out/volcano/archive" --model lstm --model ar --model persistence --model climatology --model combination \
    --horizon 1,6,12,24 --log10 --seeds 1 --epochs 12 --out "$out/forecast" --force

# Waveform windows: train by whole events, then classify windows of other events.
step synth windows --out "$out/windows" --events-per-class 30 --force
step synth windows --out "$out/new-windows" --events-per-class 10 --seed 2 --force
step train tools/demo/windows.toml --data "$out/windows" --run "$out/windows-run" --force
step classify "$out/windows-run" "$out/new-windows/windows.npy" \
    --index "$out/new-windows/index.csv" --out "$out/classify" --force

# Images of rock textures: the same trainer.
step synth images --out "$out/textures" --per-class 40 --samples 10 --force
step synth images --out "$out/new-textures" --per-class 6 --samples 6 --seed 2 --force
step train tools/demo/images.toml --data "$out/textures" --run "$out/images-run" --force
step classify "$out/images-run" "$out/new-textures" --out "$out/images" --force

cp "$out/forecast/forecast.png" "$out/forecast.png"
cp "$out/classify/confusion.png" "$out/classify.png"
cp "$out/images/images.png" "$out/images.png"
echo "demo done in $((SECONDS - started)) s: $out/forecast.png $out/classify.png $out/images.png"
