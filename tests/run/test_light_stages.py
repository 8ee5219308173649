"""Light stages import neither torch nor what needs it, so that they run while other processes import these."""

from __future__ import annotations

import subprocess
import sys

from tests.helpers.paths import PRESETS, ROOT

CODE = """
import sys
from pathlib import Path
from harness.plan.load_preset import load_preset
from harness.plan.plan import plan
from harness.run.task import make_artifact
from harness.store.store import Store

choices = {"languages": ["ko"], "initializers": ["signet", "wechsel"], "regimes": ["zero-shot"]}
preset = load_preset("pocket", Path(sys.argv[1]), ["dictionary=pocket:dictionary/{language}.tsv"], choices)
artifacts = [part for cell in plan(preset) for root in cell.roots for part in root.walk()]
light = [part for part in dict.fromkeys(artifacts) if part.stage.light]
Store(Path(sys.argv[2])).create()
for artifact in light:
    outcome = make_artifact(artifact, sys.argv[2], 1, 1)
    assert outcome.computed and not outcome.error, outcome
print(sorted({artifact.stage.name for artifact in light}))
print([name for name in ("torch", "sentence_transformers", "transformers") if name in sys.modules])
"""


def test_they_import_none_of_the_libraries(tmp_path):
    command = [sys.executable, "-c", CODE, str(PRESETS), str(tmp_path / "store")]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    stages, imported = done.stdout.splitlines()[-2:]
    assert stages == "['pocket-dictionary', 'pocket-text', 'strata', 'word-counts']" and imported == "[]"
