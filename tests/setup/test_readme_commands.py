"""The runner of the README's commands: it runs what is marked, nothing else, and stops at a failure."""

import subprocess
import sys
import tempfile
import unittest
from pathlib import Path

SCRIPT = Path(__file__).resolve().parents[2] / "tools" / "run-readme-commands.py"

TEXT = """# Title

<!-- run -->
```console
$ echo first \\
>     word > made.txt
what it printed, no command
$ cat made.txt
```

```sh
touch not-marked.txt
```

<!-- run -->
```sh
test ! -e not-marked.txt
greeting=kept
echo "$greeting"
```
"""


class ReadmeCommands(unittest.TestCase):
    def run_script(self, text, *arguments):
        with tempfile.TemporaryDirectory() as folder:
            readme = Path(folder) / "README.md"
            readme.write_text(text)
            return subprocess.run(
                [sys.executable, str(SCRIPT), "--readme", str(readme), "--programs", folder, *arguments],
                capture_output=True, text=True, timeout=60,
            )

    def test_marked_blocks_run_in_one_folder(self):
        done = self.run_script(TEXT)
        self.assertEqual(done.returncode, 0, done.stderr)
        self.assertIn("first word\n", done.stdout)
        self.assertIn("kept\n", done.stdout)

    def test_commands_are_listed_with_their_lines(self):
        done = self.run_script(TEXT, "--list")
        starts = [line.split(": ")[0] for line in done.stdout.splitlines() if line.startswith("README")]
        self.assertEqual(starts, ["README.md:5", "README.md:8", "README.md:17"])

    def test_a_failure_names_the_line(self):
        done = self.run_script("<!-- run -->\n```sh\nfalse | true\ntrue\n```\n")
        self.assertEqual(done.returncode, 1)
        self.assertIn("README.md:3", done.stderr)

    def test_a_text_without_marked_blocks_is_refused(self):
        self.assertEqual(self.run_script("# nothing\n").returncode, 2)


if __name__ == "__main__":
    unittest.main()
