"""Rules that a machine can hold: imports run downwards, --help stays light, nothing unpickles or runs foreign code."""

import re
import subprocess
import sys
from pathlib import Path

from tests.helpers.paths import ROOT

FLOORS = ("sembridge", "baselines", "harness", "experiments")


def test_imports_run_downwards_only():
    done = subprocess.run(
        [Path(sys.executable).with_name("lint-imports"), "--no-cache"], cwd=ROOT, capture_output=True, text=True
    )
    assert done.returncode == 0, done.stdout + done.stderr


def test_help_and_refusals_import_nothing_heavy():
    code = (
        "import sys; from harness.cli.main import main\n"
        "try: main(['grid', *sys.argv[1:]])\n"
        "except SystemExit: pass\n"
        "print([name for name in ('torch', 'ray', 'transformers', 'pandas', 'scipy') if name in sys.modules])"
    )
    for options in (["--help"], ["--list-presets"], ["--preset", "nothing"]):
        done = subprocess.run([sys.executable, "-c", code, *options], cwd=ROOT, capture_output=True, text=True)
        assert done.stdout.splitlines()[-1] == "[]", (options, done.stderr)


def test_planning_imports_no_torch(tmp_path):
    """It takes longer to import than a small grid to plan."""
    code = (
        "import sys; from harness.cli.main import main\n"
        "assert not main(['grid', '--preset', 'pocket', '--dry-run', '--store', sys.argv[1]])\n"
        "print([name for name in ('torch', 'ray', 'transformers', 'pandas') if name in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code, tmp_path / "store"], cwd=ROOT, capture_output=True, text=True)
    assert done.stdout.splitlines()[-1] == "[]", done.stderr


def test_no_pickle_and_no_remote_code():
    """Except BGE-M3's head, which torch reads as tensors or not at all, and code that a preset asks for by name."""
    bad = re.compile(r"\bpickle\.load|torch\.load\(|trust_remote_code\"?[=:](?!\s*False)|allow_pickle=True")
    allowed = {
        "harness/references/bge_m3.py": ['torch.load(path, map_location="cpu", weights_only=True)'],
        "harness/references/milco.py": ['"trust_remote_code": remote_code'],
        "harness/references/sparse_models.py": ['"trust_remote_code": remote_code'],
    }
    for floor in FLOORS:
        for path in (ROOT / floor).rglob("*.py"):
            text = path.read_text(encoding="utf-8")
            for exception in allowed.get(path.relative_to(ROOT).as_posix(), []):
                assert text.count(exception) == 1, (path, exception)
                text = text.replace(exception, "")
            assert not bad.search(text), path
