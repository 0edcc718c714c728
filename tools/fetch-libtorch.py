#!/usr/bin/env python3
"""Find or make a CPU libtorch for tch 0.24 and point ./.libtorch at it.

    python3 tools/fetch-libtorch.py [--link PATH] [--cache DIR]

Standard library + pip only. Safe when several copies run at once (one flock per
cache), restartable (pip keeps whole wheels in dl/, final directory appears by one
rename), hash-pinned (pip --require-hashes).
"""
import argparse, fcntl, os, platform, shutil, subprocess, sys, tempfile, zipfile
from pathlib import Path

VERSION, REV = "2.11.0", "1"
# (system, machine) -> (pip platform tag, {requirement: sha256})
PINS = {
    ("Linux", "x86_64"): ("manylinux_2_28_x86_64", {
        f"torch=={VERSION}": "7aa2f9bbc6d4595ba72138026b2074be1233186150e9292865e04b7a63b8c67a",
        "nvidia-cuda-runtime==13.0.96": "7f82250d7782aa23b6cfe765ecc7db554bd3c2870c43f3d1821f1d18aebf0548",
        "nvidia-cuda-cupti==13.0.85": "4eb01c08e859bf924d222250d2e8f8b8ff6d3db4721288cf35d14252a4d933c8"}),
}
KEEP = {"libtorch_cpu.so", "libc10.so", "libgomp.so.1", "libcudart.so.13", "libcupti.so.13"}

def ready(d: Path) -> bool:
    return (d / "OK").is_file()

def build(root: Path, final: Path, tag: str, pins: dict) -> None:
    dl = root / "dl"; dl.mkdir(parents=True, exist_ok=True)
    req = root / "requirements.txt"
    req.write_text("".join(f"{r} --hash=sha256:{h}\n" for r, h in pins.items()))
    cmd = [sys.executable, "-m", "pip", "download", "--no-deps", "--require-hashes",
           "--only-binary=:all:", "--python-version", "3.11", "--implementation", "cp",
           "--abi", "cp311", "--abi", "none", "-d", str(dl), "-r", str(req), "--no-cache-dir",
           "--disable-pip-version-check", "--retries", "10", "--timeout", "60", "--quiet"]
    for t in (tag, "manylinux_2_25_x86_64", "manylinux2014_x86_64", "manylinux_2_17_x86_64"):
        cmd += ["--platform", t]
    for attempt in range(3):
        if subprocess.run(cmd).returncode == 0: break
        if attempt == 2: sys.exit("pip download failed three times")
    tmp = Path(tempfile.mkdtemp(prefix=".new-", dir=root))
    try:
        (tmp / "lib").mkdir()
        for whl in sorted(dl.glob("*.whl")):
            with zipfile.ZipFile(whl) as z:
                for m in z.infolist():
                    n, base = m.filename, os.path.basename(m.filename)
                    if base in KEEP:
                        out = tmp / "lib" / base
                    elif n.startswith("torch/include/") and not m.is_dir():
                        out = tmp / n[len("torch/"):]
                        out.parent.mkdir(parents=True, exist_ok=True)
                    else:
                        continue
                    with z.open(m) as src, open(out, "wb") as dst:
                        shutil.copyfileobj(src, dst, 1 << 20)
        missing = KEEP - {p.name for p in (tmp / "lib").iterdir()}
        if missing: sys.exit(f"wheels lack {sorted(missing)}")
        os.symlink("libgomp.so.1", tmp / "lib" / "libgomp.so")
        (tmp / "lib" / "libtorch.so").write_text("INPUT(libtorch_cpu.so)\n")
        (tmp / "build-version").write_text(VERSION + "\n")
        (tmp / "OK").write_text("")
        os.chmod(tmp, 0o755)
        os.replace(tmp, final)          # same file system: atomic; final does not exist (we hold the lock)
        shutil.rmtree(dl, ignore_errors=True)
    finally:
        shutil.rmtree(tmp, ignore_errors=True)

def main() -> None:
    ap = argparse.ArgumentParser()
    ap.add_argument("--link", default=".libtorch")
    ap.add_argument("--cache", default=os.environ.get("TEMBLOR_CACHE") or
                    os.path.join(os.environ.get("XDG_CACHE_HOME") or os.path.expanduser("~/.cache"), "temblor"))
    a = ap.parse_args()
    key = (platform.system(), platform.machine())
    if key not in PINS: sys.exit(f"no pinned wheels for {key}: set LIBTORCH by hand (see README)")
    tag, pins = PINS[key]
    if os.environ.get("LIBTORCH"):
        final = Path(os.environ["LIBTORCH"]).resolve()
    else:
        root = Path(a.cache).expanduser().resolve(); root.mkdir(parents=True, exist_ok=True)
        final = root / f"libtorch-{VERSION}-cpu-{key[1]}-r{REV}"
        if not ready(final):
            with open(root / "lock", "w") as lk:
                fcntl.flock(lk, fcntl.LOCK_EX)
                if not ready(final):
                    for junk in root.glob(".new-*"): shutil.rmtree(junk, ignore_errors=True)
                    if final.exists(): shutil.rmtree(final)
                    build(root, final, tag, pins)
    link = Path(a.link)
    if not link.is_symlink() or os.readlink(link) != str(final):
        t = link.with_name(f".{link.name}.{os.getpid()}")
        os.symlink(final, t); os.replace(t, link)
    print(final)

main()
