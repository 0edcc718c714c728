#!/usr/bin/env bash
# The main job on a made-up archive: leaves demo/forecast.png, demo/classify.png and demo/images.png.
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
echo "demo done in $((SECONDS - started)) s"
