"""Rules of the house that a machine can hold: imports run downwards, --help stays light, nothing unpickles or runs foreign code."""

import re
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
FLOORS = ("sembridge", "baselines", "harness", "experiments")


def test_imports_run_downwards_only():
    done = subprocess.run([Path(sys.executable).with_name("lint-imports"), "--no-cache"], cwd=ROOT, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout + done.stderr


def test_help_and_refusals_import_nothing_heavy():
    code = (
        "import sys; from pathlib import Path; from harness.grid.command import main\n"
        "try: main(sys.argv[1:], Path('experiments/presets'))\n"
        "except SystemExit: pass\n"
        "print([name for name in ('torch', 'ray', 'transformers', 'pandas', 'scipy') if name in sys.modules])"
    )
    for options in (["--help"], ["--preset", "nothing"]):
        done = subprocess.run([sys.executable, "-c", code, *options], cwd=ROOT, capture_output=True, text=True)
        assert done.stdout.splitlines()[-1] == "[]", (options, done.stderr)


def test_no_pickle_and_no_remote_code():
    bad = re.compile(r"\bpickle\.load|torch\.load\(|trust_remote_code=True|allow_pickle=True")
    for floor in FLOORS:
        for path in (ROOT / floor).rglob("*.py"):
            assert not bad.search(path.read_text(encoding="utf-8")), path
