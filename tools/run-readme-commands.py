#!/usr/bin/env python3
"""Runs the commands that README.md shows, so that none of them can go stale.

    python3 tools/run-readme-commands.py [--readme README.md] [--programs target/debug] [--list]

A fenced block is run when the line before it says `<!-- run -->`. In a ```console block the lines that
begin with `$ ` are commands (a trailing backslash continues them) and the others are what they print;
in a ```sh block every line is a command. All blocks run in one fresh folder, in the order of the text,
with the built program on PATH and links to the repository's fixtures/ and examples/. The first command
that fails ends the run and is named with its line in the text.
"""

import argparse
import os
import re
import subprocess
import sys
import tempfile
import time
from pathlib import Path

REPOSITORY = Path(__file__).resolve().parents[1]
BLOCK = re.compile(r"^<!-- run -->[ \t]*\n+```(console|sh)[ \t]*\n(.*?)^```[ \t]*$", re.MULTILINE | re.DOTALL)


def commands(text):
    """(line number, command) of every block marked to be run."""
    found = []
    for block in BLOCK.finditer(text):
        line = text.count("\n", 0, block.start(2)) + 1
        if block.group(1) == "sh":
            found.append((line, block.group(2).rstrip("\n")))
            continue
        lines = block.group(2).split("\n")
        at = 0
        while at < len(lines):
            start = at
            if lines[at].startswith("$ "):
                command = lines[at][2:]
                while command.endswith("\\") and at + 1 < len(lines):
                    at += 1
                    command += "\n" + lines[at].removeprefix("> ")
                found.append((line + start, command))
            at += 1
    return found


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--readme", type=Path, default=REPOSITORY / "README.md")
    parser.add_argument("--programs", type=Path, default=REPOSITORY / "target" / "debug", help="folder of the built program")
    parser.add_argument("--list", action="store_true", help="print the commands, run nothing")
    arguments = parser.parse_args()

    found = commands(arguments.readme.read_text(encoding="utf-8"))
    if not found:
        print(f"error: {arguments.readme} has no block marked <!-- run -->", file=sys.stderr)
        return 2
    if arguments.list:
        for line, command in found:
            print(f"{arguments.readme.name}:{line}: {command}")
        return 0

    programs = arguments.programs.resolve()
    environment = dict(os.environ, PATH=f"{programs}{os.pathsep}{os.environ['PATH']}")
    with tempfile.TemporaryDirectory(prefix="temblor-readme-") as folder:
        for name in ("fixtures", "examples"):
            if (REPOSITORY / name).is_dir():
                os.symlink(REPOSITORY / name, Path(folder) / name)
        for line, command in found:
            print(f"{arguments.readme.name}:{line}: {command}", flush=True)
            started = time.monotonic()
            done = subprocess.run(["bash", "-euo", "pipefail", "-c", command], cwd=folder, env=environment)
            if done.returncode != 0:
                print(f"error: {arguments.readme}:{line}: ended with exit code {done.returncode}: {command}", file=sys.stderr)
                return 1
            print(f"  done in {time.monotonic() - started:.1f} s", flush=True)
    return 0


if __name__ == "__main__":
    sys.exit(main())
