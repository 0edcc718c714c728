#!/usr/bin/env python3
"""Finds or makes the libtorch that the program links, and points ./.libtorch at it.

    python3 tools/fetch-libtorch.py [--link PATH] [--cache DIR]

A LIBTORCH set by the user wins and is only checked. Otherwise libtorch is made once per user from
the wheels pinned below, in $TEMBLOR_CACHE, $XDG_CACHE_HOME/temblor or ~/.cache/temblor.

Several copies may run at once: one lock per cache, and the finished tree appears by one rename.
A run that was stopped, or a download that broke, leaves nothing that a later run would trust.
Needs the standard library and pip. What cannot be done ends with one sentence and exit code 2.
"""

import argparse
import fcntl
import os
import platform
import shutil
import subprocess
import sys
import tempfile
import zipfile
from pathlib import Path

# ---- The pins: the one place that names them (besides `tch = "=0.24.0"` in Cargo.toml). ----

TCH = "0.24.0"
LIBTORCH_VERSION = "2.11.0"  # what tch 0.24 is written for; its C++ interface moves with every minor
REVISION = 1  # raise when the recipe below changes, so that old caches are not taken for new ones
PYTHON_TAG = ("3.11", "cp311")  # which wheel; fixed, so that the hash does not depend on the local Python

# (system, machine) -> (pip platform tags, {requirement: sha256}).
# The two small NVIDIA wheels hold profiler libraries that libtorch_cpu.so names; no driver is needed.
WHEELS = {
    ("Linux", "x86_64"): (
        ("manylinux_2_28_x86_64", "manylinux_2_25_x86_64", "manylinux2014_x86_64", "manylinux_2_17_x86_64"),
        {
            f"torch=={LIBTORCH_VERSION}": "7aa2f9bbc6d4595ba72138026b2074be1233186150e9292865e04b7a63b8c67a",
            "nvidia-cuda-runtime==13.0.96": "7f82250d7782aa23b6cfe765ecc7db554bd3c2870c43f3d1821f1d18aebf0548",
            "nvidia-cuda-cupti==13.0.85": "4eb01c08e859bf924d222250d2e8f8b8ff6d3db4721288cf35d14252a4d933c8",
        },
    ),
}
LIBRARIES = {"libtorch_cpu.so", "libc10.so", "libgomp.so.1", "libcudart.so.13", "libcupti.so.13"}
ROOM_NEEDED = 1_200_000_000  # bytes while working: wheels 544 MB and the unpacked tree 498 MB


class Refusal(Exception):
    """What cannot be done, as one sentence that says what to do."""


# ---- A libtorch of the user's own ----


def check_own_libtorch(value):
    """The folder named by LIBTORCH, or a sentence saying what is wrong with it."""
    folder = Path(value)
    hint = f"set LIBTORCH to a libtorch {LIBTORCH_VERSION} folder or unset it to have one made"
    if not folder.is_absolute():
        raise Refusal(f"LIBTORCH={value} is not an absolute path; {hint}")
    if not folder.is_dir():
        raise Refusal(f"LIBTORCH={value} is not a folder; {hint}")
    if not any((folder / "lib" / f"libtorch_cpu.{suffix}").exists() for suffix in ("so", "dylib")):
        raise Refusal(f"LIBTORCH={value} has no lib/libtorch_cpu.so; {hint}")
    try:
        version = (folder / "build-version").read_text().strip()
    except OSError:
        return folder  # an installed PyTorch has no such file; tch checks the headers when it compiles
    wanted = LIBTORCH_VERSION.rsplit(".", 1)[0]
    if version.split("+")[0].split(".")[:2] != wanted.split("."):
        raise Refusal(f"LIBTORCH={value} is version {version}, tch {TCH} needs {wanted}; {hint}")
    return folder


# ---- The libtorch we make ----


def check_pip():
    """pip may be missing although python3 is there (Debian splits it off)."""
    if subprocess.run([sys.executable, "-m", "pip", "--version"], capture_output=True).returncode != 0:
        raise Refusal(
            f"pip is missing for {sys.executable}; install it (Debian, Ubuntu: apt install python3-pip)"
            f" or set LIBTORCH to a libtorch {LIBTORCH_VERSION} folder"
        )


def check_room(cache):
    """libtorch is large: say so before the download, not after."""
    free = shutil.disk_usage(cache).free
    if free < ROOM_NEEDED:
        raise Refusal(
            f"no room for libtorch in {cache}: {free / 1e9:.1f} GB free, {ROOM_NEEDED / 1e9:.1f} GB needed while"
            " unpacking (0.5 GB after); free some or set TEMBLOR_CACHE to a folder on another disk"
        )


def download(cache, wheels_folder, tags, requirements):
    """Lets pip fetch the pinned wheels; pip refuses whatever does not match its hash."""
    listing = cache / "requirements.txt"
    listing.write_text("".join(f"{name} --hash=sha256:{sha}\n" for name, sha in requirements.items()))
    version, abi = PYTHON_TAG
    command = [sys.executable, "-m", "pip", "download", "--no-deps", "--require-hashes", "--only-binary=:all:"]
    command += ["--python-version", version, "--implementation", "cp", "--abi", abi, "--abi", "none"]
    command += [word for tag in tags for word in ("--platform", tag)]
    command += ["--dest", str(wheels_folder), "--requirement", str(listing), "--no-cache-dir", "--quiet"]
    command += ["--disable-pip-version-check", "--retries", "10", "--timeout", "60"]
    # pip's own temporary files are as large as the wheels, and /tmp is often small.
    environment = dict(os.environ, TMPDIR=str(wheels_folder))
    return subprocess.run(command, env=environment, stdout=sys.stderr).returncode == 0


def unpack(wheels_folder, tree):
    """Takes the libraries and headers out of the wheels."""
    (tree / "lib").mkdir()
    for wheel in sorted(wheels_folder.glob("*.whl")):
        with zipfile.ZipFile(wheel) as archive:
            for member in archive.infolist():
                name = os.path.basename(member.filename)
                if name in LIBRARIES:
                    target = tree / "lib" / name
                elif member.filename.startswith("torch/include/") and not member.is_dir():
                    target = tree / member.filename[len("torch/"):]
                    target.parent.mkdir(parents=True, exist_ok=True)
                else:
                    continue
                with archive.open(member) as source, open(target, "wb") as sink:
                    shutil.copyfileobj(source, sink, 1 << 20)
    missing = LIBRARIES - {path.name for path in (tree / "lib").iterdir()}
    if missing:
        raise zipfile.BadZipFile(f"the wheels lack {', '.join(sorted(missing))}")


def finish(tree):
    """Gives the tree the names the linker looks for, and its version."""
    os.symlink("libgomp.so.1", tree / "lib" / "libgomp.so")
    # The wheel's own libtorch.so asks for the CUDA half; this linker script stands in for it.
    (tree / "lib" / "libtorch.so").write_text("INPUT(libtorch_cpu.so)\n")
    (tree / "build-version").write_text(LIBTORCH_VERSION + "\n")
    (tree / "OK").write_text("")
    os.chmod(tree, 0o755)


def make(cache, final, tags, requirements):
    """Downloads, unpacks and puts the finished tree in place; the caller holds the lock."""
    for left_over in cache.glob(".new-*"):  # of a run that was killed: nobody else is at work now
        shutil.rmtree(left_over, ignore_errors=True)
    if final.exists():
        shutil.rmtree(final)
    check_pip()
    check_room(cache)
    print(f"fetching libtorch {LIBTORCH_VERSION} into {final} (once per user, 544 MB)", file=sys.stderr)
    problem = "pip could not fetch it"
    for _attempt in range(3):
        work = Path(tempfile.mkdtemp(prefix=".new-", dir=cache))
        try:
            wheels_folder, tree = work / "wheels", work / "tree"
            wheels_folder.mkdir()
            tree.mkdir()
            if not download(cache, wheels_folder, tags, requirements):
                continue
            unpack(wheels_folder, tree)
            finish(tree)
            os.replace(tree, final)  # same file system, so one step
            return
        except zipfile.BadZipFile as damage:
            problem = f"a download was damaged ({damage})"
        finally:
            shutil.rmtree(work, ignore_errors=True)
    raise Refusal(
        f"libtorch {LIBTORCH_VERSION} was not fetched, three attempts failed: {problem};"
        f" check the connection to the package index and run again, or set LIBTORCH to a libtorch {LIBTORCH_VERSION} folder"
    )


def find_or_make(cache):
    """The cached tree, made if it is not there."""
    key = (platform.system(), platform.machine())
    if key not in WHEELS:
        raise Refusal(
            f"no libtorch is pinned for {' '.join(key)}; set LIBTORCH to a libtorch {LIBTORCH_VERSION} folder for this machine"
        )
    final = cache / f"libtorch-{LIBTORCH_VERSION}-cpu-{key[1]}-r{REVISION}"
    if not (final / "OK").is_file():
        cache.mkdir(parents=True, exist_ok=True)
        with open(cache / "lock", "w") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            if not (final / "OK").is_file():  # another run may have made it while we waited
                make(cache, final, *WHEELS[key])
    return final


def point_link(link, target):
    """Swaps the link in one step; an existing right one is left alone (its time stamp matters to cargo)."""
    if link.is_symlink() and os.readlink(link) == str(target):
        return
    if link.exists() and not link.is_symlink():
        raise Refusal(f"{link} is in the way and not a link; move it aside")
    fresh = link.with_name(f"{link.name}.{os.getpid()}")
    os.symlink(target, fresh)
    os.replace(fresh, link)


def main():
    base = os.environ.get("XDG_CACHE_HOME") or os.path.expanduser("~/.cache")
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--link", default=".libtorch", help="the link to put in place (default: .libtorch)")
    parser.add_argument("--cache", default=os.environ.get("TEMBLOR_CACHE") or os.path.join(base, "temblor"))
    arguments = parser.parse_args()
    try:
        own = os.environ.get("LIBTORCH")
        final = check_own_libtorch(own) if own else find_or_make(Path(arguments.cache).expanduser().resolve())
        point_link(Path(arguments.link), final)
    except Refusal as refusal:
        print(f"error: {refusal}", file=sys.stderr)
        return 2
    except OSError as error:
        print(f"error: libtorch cannot be put in place: {error}; set TEMBLOR_CACHE to a folder you can write to", file=sys.stderr)
        return 2
    print(final)
    return 0


if __name__ == "__main__":
    sys.exit(main())
