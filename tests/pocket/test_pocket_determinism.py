"""Processes with different hash seeds write the same bytes: nothing in the pocket depends on the order of a set."""

from __future__ import annotations

import hashlib
import os
import subprocess
import sys

BUILD = """
import sys
from pathlib import Path
from harness.grid.artefact import Location
from harness.pocket import tokenizers, world
from harness.pocket.parts import SEED
out = Path(sys.argv[1])
(out / "text").mkdir()
(out / "tokenizers").mkdir()
world.build(out / "text", {"seed": SEED}, {})
tokenizers.build(out / "tokenizers", {}, {"text": Location(str(out / "text"))})
"""


def digests(folder):
    return {str(path.relative_to(folder)): hashlib.sha256(path.read_bytes()).hexdigest() for path in sorted(folder.rglob("*")) if path.is_file()}


def test_world_and_tokenizers_are_the_same_bytes_in_another_process(pocket_text, pocket_tokenizers, tmp_path):
    """The other process hashes strings differently, and trains tokenizers on another number of threads."""
    here = {f"text/{name}": digest for name, digest in digests(pocket_text).items()}
    here |= {f"tokenizers/{name}": digest for name, digest in digests(pocket_tokenizers).items()}
    changed = {"PYTHONHASHSEED": "2" if os.environ.get("PYTHONHASHSEED") == "1" else "1", "RAYON_NUM_THREADS": "3"}
    done = subprocess.run([sys.executable, "-c", BUILD, str(tmp_path)], env=os.environ | changed, capture_output=True, text=True, timeout=120)
    assert done.returncode == 0, done.stderr
    assert len(here) > 60
    assert digests(tmp_path) == here
