"""The set-up step on machines that are not as one would wish. Nothing is downloaded: a stand-in for pip
and, where the machine itself must look different, a `sitecustomize` come in through PYTHONPATH."""

import os
import subprocess
import sys
import tempfile
import unittest
from pathlib import Path

SCRIPT = Path(__file__).resolve().parents[2] / "tools" / "fetch-libtorch.py"

# Writes small wheels where the real pip would put the large ones, and a line into a log.
WORKING_PIP = '''
import os, sys, time, zipfile
if "--version" in sys.argv:
    sys.exit(0)
attempts = os.environ["PIP_LOG"]
with open(attempts, "a") as log:
    log.write("download\\n")
number = len(open(attempts).readlines())
time.sleep(0.3)
if number <= int(os.environ.get("PIP_FAILURES", "0")):
    sys.exit(1)
destination = sys.argv[sys.argv.index("--dest") + 1]
wheel = os.path.join(destination, "torch.whl")
if number <= int(os.environ.get("PIP_DAMAGED", "0")):
    open(wheel, "wb").write(b"PK half a wheel")
    sys.exit(0)
with zipfile.ZipFile(wheel, "w") as archive:
    for name in ("libtorch_cpu.so", "libc10.so", "libgomp.so.1", "libcudart.so.13", "libcupti.so.13"):
        archive.writestr("torch/lib/" + name, name)
    archive.writestr("torch/include/torch/torch.h", "// header")
    archive.writestr("torch/lib/libtorch_cuda.so", "not wanted")
'''
MISSING_PIP = "import sys\nsys.exit('No module named pip')\n"
FULL_DISK = "import shutil\nshutil.disk_usage = lambda path: shutil._ntuple_diskusage(10**12, 10**12, 3 * 10**8)\n"
ROOMY_DISK = "import shutil\nshutil.disk_usage = lambda path: shutil._ntuple_diskusage(10**12, 0, 10**12)\n"
LINUX_ON_X86 = "import platform\nplatform.system = lambda: 'Linux'\nplatform.machine = lambda: 'x86_64'\n"
UNKNOWN_MACHINE = "import platform\nplatform.machine = lambda: 'riscv64'\n"


class FetchLibtorch(unittest.TestCase):
    def setUp(self):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.root = Path(folder.name)
        self.modules = self.root / "modules"
        self.modules.mkdir()
        self.log = self.root / "pip.log"
        self.pretend(pip=WORKING_PIP, machine=ROOMY_DISK + LINUX_ON_X86)

    def pretend(self, pip=None, machine=None):
        if pip is not None:
            (self.modules / "pip.py").write_text(pip)
        if machine is not None:
            (self.modules / "sitecustomize.py").write_text(machine)

    def start(self, **variables):
        environment = {k: v for k, v in os.environ.items() if k not in ("LIBTORCH", "TEMBLOR_CACHE", "XDG_CACHE_HOME")}
        environment.update(
            PYTHONPATH=str(self.modules), PYTHONDONTWRITEBYTECODE="1", PIP_LOG=str(self.log),
            TEMBLOR_CACHE=str(self.root / "cache"), **variables,
        )
        return subprocess.Popen(
            [sys.executable, str(SCRIPT), "--link", str(self.root / "link")],
            env=environment, text=True, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
        )

    def run_script(self, **variables):
        process = self.start(**variables)
        out, err = process.communicate(timeout=60)
        return process.returncode, out, err

    def downloads(self):
        return len(self.log.read_text().splitlines()) if self.log.exists() else 0

    def refuses(self, *words, **variables):
        code, out, err = self.run_script(**variables)
        errors = [line for line in err.splitlines() if line.startswith("error:")]
        self.assertEqual((code, out, len(errors)), (2, "", 1), err)
        self.assertNotIn("Traceback", err)
        for word in words:
            self.assertIn(word, errors[0])
        self.assertFalse((self.root / "link").is_symlink())

    def own_libtorch(self, version=None):
        folder = self.root / "own"
        (folder / "lib").mkdir(parents=True)
        (folder / "lib" / "libtorch_cpu.so").write_text("")
        if version:
            (folder / "build-version").write_text(version + "\n")
        return folder

    def test_makes_the_tree_and_the_link_then_leaves_both_alone(self):
        code, out, err = self.run_script()
        self.assertEqual(code, 0, err)
        link = self.root / "link"
        self.assertEqual(os.readlink(link), out.strip())
        self.assertEqual((link / "build-version").read_text(), "2.11.0\n")
        self.assertEqual((link / "lib" / "libtorch.so").read_text(), "INPUT(libtorch_cpu.so)\n")
        self.assertTrue((link / "include" / "torch" / "torch.h").is_file())
        self.assertFalse((link / "lib" / "libtorch_cuda.so").exists())
        before = link.lstat().st_mtime_ns
        self.assertEqual(self.run_script()[0], 0)
        self.assertEqual((self.downloads(), link.lstat().st_mtime_ns), (1, before))

    def test_two_runs_at_once_download_once(self):
        runs = [self.start() for _ in range(3)]
        results = [(run.communicate(timeout=60), run.returncode) for run in runs]
        self.assertEqual([code for _, code in results], [0, 0, 0], results)
        self.assertEqual(len({out for (out, _), _ in results}), 1)
        self.assertEqual(self.downloads(), 1)

    def test_broken_downloads_are_repeated_and_leave_no_litter(self):
        code, _, err = self.run_script(PIP_FAILURES="1", PIP_DAMAGED="2")
        self.assertEqual((code, self.downloads()), (0, 3), err)
        kept = sorted(path.name for path in (self.root / "cache").iterdir())
        self.assertEqual(kept, ["libtorch-2.11.0-cpu-x86_64-r1", "lock", "requirements.txt"])

    def test_three_broken_downloads_are_refused_and_a_later_run_recovers(self):
        self.refuses("damaged", "LIBTORCH", PIP_DAMAGED="3")
        self.assertEqual(self.run_script()[0], 0)

    def test_no_connection_says_so(self):
        self.refuses("pip could not fetch", "connection", PIP_FAILURES="9")

    def test_a_tree_left_half_by_a_killed_run_is_made_again(self):
        half = self.root / "cache" / "libtorch-2.11.0-cpu-x86_64-r1"
        (half / "lib").mkdir(parents=True)
        (self.root / "cache" / ".new-killed").mkdir()
        self.assertEqual(self.run_script()[0], 0)
        self.assertTrue((half / "OK").is_file())
        self.assertFalse((self.root / "cache" / ".new-killed").exists())

    def test_missing_pip_names_the_package(self):
        self.pretend(pip=MISSING_PIP)
        self.refuses("pip is missing", "python3-pip")

    def test_full_disk_names_folder_and_room(self):
        self.pretend(machine=FULL_DISK + LINUX_ON_X86)
        self.refuses("0.3 GB free", "1.2 GB needed", "TEMBLOR_CACHE")
        self.assertEqual(self.downloads(), 0)

    def test_unknown_machine_is_named(self):
        self.pretend(machine=UNKNOWN_MACHINE)
        self.refuses("riscv64", "LIBTORCH")

    def test_cache_that_cannot_be_made_is_one_sentence(self):
        (self.root / "cache").write_text("a file where the folder should be")
        self.refuses("TEMBLOR_CACHE")

    def test_own_libtorch_wins(self):
        for version in (None, "2.11.0", "2.11.0+cu130"):
            with self.subTest(version=version):
                folder = self.own_libtorch(version)
                code, out, err = self.run_script(LIBTORCH=str(folder))
                self.assertEqual((code, out.strip(), self.downloads()), (0, str(folder), 0), err)
                (self.root / "link").unlink()
                folder.rename(self.root / f"own-{version}")

    def test_own_libtorch_of_another_version_is_refused(self):
        self.refuses("2.12.1", "2.11", LIBTORCH=str(self.own_libtorch("2.12.1")))

    def test_own_libtorch_that_is_none_is_refused(self):
        (self.root / "empty").mkdir()
        self.refuses("is not a folder", LIBTORCH=str(self.root / "nowhere"))
        self.refuses("no lib/libtorch_cpu.so", LIBTORCH=str(self.root / "empty"))
        self.refuses("absolute", LIBTORCH="libtorch")


if __name__ == "__main__":
    unittest.main()
