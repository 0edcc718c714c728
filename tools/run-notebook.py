#!/usr/bin/env python3
"""Executes the notebooks from top to bottom; a cell that fails fails the run.

    python3 tools/run-notebook.py notebooks/01_forecast.ipynb [--programs target/debug] [--save]

The Python packages the notebooks need are installed once per user into the cache (the folder that also
holds libtorch), by `pip install --target`: that needs no virtual environment, which Debian's python3
cannot make without a further package. Each notebook runs in a fresh folder with the built program on
PATH; with --save the outputs are written back into the notebook.
"""

import argparse
import fcntl
import hashlib
import os
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

REPOSITORY = Path(__file__).resolve().parents[1]
# Bounds rather than exact versions: which exact one exists depends on the local Python.
PACKAGES = ["nbclient>=0.10,<1", "nbformat>=5.10,<6", "ipykernel>=6.29,<8", "pandas>=2.2,<4", "pyarrow>=16"]

EXECUTE = """
import sys, nbformat, nbclient
source, folder, target = sys.argv[1:4]
notebook = nbformat.read(source, as_version=4)
try:
    nbclient.NotebookClient(notebook, timeout=1200, kernel_name="python3", resources={"metadata": {"path": folder}}).execute()
except nbclient.exceptions.CellExecutionError as error:
    sys.exit(f"error: {source}: a cell failed:\\n{error}")
nbformat.write(notebook, target)
"""


def packages_folder(cache):
    """The folder with the packages, installed if it is not there; one run at a time installs."""
    recipe = f"{sys.version_info[:2]} {PACKAGES}"
    final = cache / f"notebook-{hashlib.sha256(recipe.encode()).hexdigest()[:12]}"
    if final.is_dir():
        return final
    cache.mkdir(parents=True, exist_ok=True)
    with open(cache / "notebook.lock", "w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if final.is_dir():
            return final
        for left_over in cache.glob(".notebook-*"):
            shutil.rmtree(left_over, ignore_errors=True)
        fresh = Path(tempfile.mkdtemp(prefix=".notebook-", dir=cache))
        print(f"installing the notebooks' Python packages into {final} (once per user)", file=sys.stderr)
        command = [sys.executable, "-m", "pip", "install", "--quiet", "--disable-pip-version-check"]
        command += ["--no-warn-script-location", "--target", str(fresh), *PACKAGES]
        if subprocess.run(command, stdout=sys.stderr).returncode != 0:
            shutil.rmtree(fresh, ignore_errors=True)
            raise SystemExit("error: the notebooks' Python packages were not installed; see pip's message above")
        os.replace(fresh, final)
    return final


def main():
    base = os.environ.get("XDG_CACHE_HOME") or os.path.expanduser("~/.cache")
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("notebooks", nargs="+", type=Path)
    parser.add_argument("--programs", type=Path, default=REPOSITORY / "target" / "debug", help="folder of the built program")
    parser.add_argument("--save", action="store_true", help="write the outputs back into the notebook")
    parser.add_argument("--cache", default=os.environ.get("TEMBLOR_CACHE") or os.path.join(base, "temblor"))
    arguments = parser.parse_args()

    packages = packages_folder(Path(arguments.cache).expanduser().resolve())
    environment = dict(os.environ)
    environment["PATH"] = f"{arguments.programs.resolve()}{os.pathsep}{environment['PATH']}"
    environment["PYTHONPATH"] = os.pathsep.join(filter(None, [str(packages), environment.get("PYTHONPATH")]))
    for notebook in arguments.notebooks:
        with tempfile.TemporaryDirectory(prefix="temblor-notebook-") as folder:
            # IPython and Jupyter would otherwise write into the home folder.
            environment.update(IPYTHONDIR=f"{folder}/.ipython", JUPYTER_CONFIG_DIR=f"{folder}/.jupyter", JUPYTER_DATA_DIR=f"{folder}/.jupyter")
            executed = Path(folder) / ".executed.ipynb"
            command = [sys.executable, "-c", EXECUTE, str(notebook.resolve()), folder, str(executed)]
            if subprocess.run(command, env=environment).returncode != 0:
                return 1
            if arguments.save:
                shutil.copyfile(executed, notebook)
        print(f"{notebook}: every cell ran")
    return 0


if __name__ == "__main__":
    sys.exit(main())
