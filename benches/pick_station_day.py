"""Times `temblor pick` beside SeisBench's classify on the same stream, in one run.

    python benches/pick_station_day.py --program target/debug/temblor-networks --threads 1,4 \
        CLASS=WEIGHTS [CLASS=WEIGHTS ...] -- STREAM [STREAM ...]

Run it with a Python that has seisbench, torch and obspy. CLASS is SeisBench's name, WEIGHTS the path of
a pair without `.json.vN`. Each measurement is a process of its own, start-up and reading included; the
smaller wall time of two runs is printed with processor seconds, peak memory and the number of picks.
"""
import argparse
import json
import os
import subprocess
import sys
import tempfile
import time

SEISBENCH = """
import glob, json, sys, warnings
warnings.filterwarnings("ignore")
import torch
torch.set_num_threads(int(sys.argv[4]))
import obspy, seisbench.models as models
version = sorted(glob.glob(sys.argv[2] + ".json.v*"))[-1].rsplit(".v", 1)[1]
model = getattr(models, sys.argv[1]).load(sys.argv[2], version_str=version)
model.eval()
print(json.dumps({"picks": len(model.classify(obspy.read(sys.argv[3])).picks)}))
"""


def measured(command, environment):
    """Wall and processor seconds, peak memory in MB, standard output of a process."""
    began = time.perf_counter()
    process = subprocess.Popen(
        command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, env=environment, text=True
    )
    output = process.stdout.read()
    _, status, usage = os.wait4(process.pid, 0)
    wall = time.perf_counter() - began
    if status != 0:
        sys.exit(f"failed: {command}")
    return wall, usage.ru_utime + usage.ru_stime, usage.ru_maxrss / 1024, output


def seisbench(kind, weights, stream, threads):
    environment = dict(os.environ, OMP_NUM_THREADS=str(threads), MKL_NUM_THREADS=str(threads))
    command = [sys.executable, "-c", SEISBENCH, kind, weights, stream, str(threads)]
    wall, cpu, memory, output = measured(command, environment)
    return wall, cpu, memory, json.loads(output.strip().splitlines()[-1])["picks"]


def temblor(program, weights, stream, threads, rules):
    with tempfile.TemporaryDirectory() as folder:
        out = os.path.join(folder, "out")
        command = [program, "-q", "pick", weights, stream, "--out", out, "--threads", str(threads)]
        environment = dict(os.environ, RAYON_NUM_THREADS=str(threads), OMP_NUM_THREADS="1")
        wall, cpu, memory, _ = measured(command + rules, environment)
        with open(os.path.join(out, "picks.csv")) as picks:
            return wall, cpu, memory, sum(1 for _ in picks) - 1


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--program", required=True)
    parser.add_argument("--threads", default="1")
    parser.add_argument("--repeat", type=int, default=2)
    parser.add_argument("arguments", nargs="+")
    settings = parser.parse_args()
    pairs = [a.split("=", 1) for a in settings.arguments if "=" in a]
    streams = [a for a in settings.arguments if "=" not in a]
    print(f"{'network':14} {'stream':16} {'threads':>7} {'tool':18} {'wall s':>7} {'cpu s':>7} {'MB':>6} {'picks':>6}")
    for kind, weights in pairs:
        for stream in streams:
            for threads in map(int, settings.threads.split(",")):
                tools = {
                    "SeisBench": lambda: seisbench(kind, weights, stream, threads),
                    "temblor": lambda: temblor(settings.program, weights, stream, threads, []),
                    "temblor --seisbench": lambda: temblor(
                        settings.program, weights, stream, threads, ["--seisbench", "{}"]
                    ),
                }
                for name, run in tools.items():
                    wall, cpu, memory, picks = min(run() for _ in range(settings.repeat))
                    print(
                        f"{kind:14} {os.path.basename(stream):16} {threads:7} {name:18} {wall:7.2f} "
                        f"{cpu:7.2f} {memory:6.0f} {picks:6}",
                        flush=True,
                    )


main()
