"""Processes with different hash seeds write the same bytes: nothing in the pocket depends on the order of a set."""

from __future__ import annotations

import hashlib
import os
import subprocess
import sys

from harness.pocket import dictionary
from tests.helpers.short_training import FEW

BUILD = """
import sys
from pathlib import Path
import torch
from harness.store.artifact import Location
from harness.pocket import dictionary, encoder, lessons, static, tokenizers, world
from harness.pocket.architectures import FAMILIES
from harness.pocket.names import SEED
torch.manual_seed(99)
torch.set_num_threads(1)  # as here
static.STEPS = lessons.STEPS = lessons.CASES = int(sys.argv[2])
out = Path(sys.argv[1])
for name in ("text", "dictionary", "tokenizers", *FAMILIES):
    (out / name).mkdir()
world.build(out / "text", {"seed": SEED}, {})
dictionary.build(out / "dictionary", {}, {})
tokenizers.build(out / "tokenizers", {}, {"text": Location(str(out / "text"))})
for family in FAMILIES:
    inputs = {name: Location(str(out / name)) for name in ("text", "tokenizers")}
    encoder.build(out / family, {"family": family, "seed": SEED}, inputs)
"""


def digests(folder):
    return {
        str(path.relative_to(folder)): hashlib.sha256(path.read_bytes()).hexdigest()
        for path in sorted(folder.rglob("*"))
        if path.is_file()
    }


def test_another_process_writes_the_same_bytes(pocket_text, pocket_tokenizers, encoders, tmp_path):
    """The other process hashes strings differently, trains tokenizers on another number of threads, and has drawn other global numbers before."""
    (tmp_path / "here").mkdir()
    dictionary.build(tmp_path / "here", {}, {})
    folders = {"text": pocket_text, "tokenizers": pocket_tokenizers, "dictionary": tmp_path / "here", **encoders}
    here = {f"{folder}/{name}": digest for folder, path in folders.items() for name, digest in digests(path).items()}
    inherited = {
        name: value for name, value in os.environ.items() if name != "HF_HUB_OFFLINE"
    }  # transformers writes it into tokenizer_config.json
    changed = {"PYTHONHASHSEED": "2" if os.environ.get("PYTHONHASHSEED") == "1" else "1", "RAYON_NUM_THREADS": "3"}
    there = tmp_path / "there"
    there.mkdir()
    done = subprocess.run(
        [sys.executable, "-c", BUILD, str(there), str(FEW)],
        env=inherited | changed,
        capture_output=True,
        text=True,
        timeout=300,
    )
    assert done.returncode == 0, done.stderr
    assert len(here) > 90
    assert digests(there) == here
