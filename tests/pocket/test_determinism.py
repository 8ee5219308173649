"""Processes with different hash seeds write the same bytes: nothing in the pocket depends on the order of a set."""

from __future__ import annotations

import hashlib
import os
import subprocess
import sys

import pytest

from harness.pocket import dictionary
from tests.helpers.short_training import FEW

pytestmark = pytest.mark.slow

BUILD = """
import sys
from pathlib import Path
import torch
from harness.store.artifact import Location
from harness.pocket import dictionary, encoder, encoder_training, static_embeddings, texts, tokenizers
from harness.pocket.architectures import ARCHITECTURES
from harness.pocket.names import SEED
torch.manual_seed(99)
torch.set_num_threads(1)  # as in the first process
static_embeddings.STEPS = encoder_training.STEPS = encoder_training.CASES = int(sys.argv[2])
out = Path(sys.argv[1])
for name in ("text", "dictionary", "tokenizers", *ARCHITECTURES):
    (out / name).mkdir()
texts.build(out / "text", {"seed": SEED}, {})
dictionary.build(out / "dictionary", {}, {})
tokenizers.build(out / "tokenizers", {}, {"text": Location(str(out / "text"))})
for architecture in ARCHITECTURES:
    inputs = {name: Location(str(out / name)) for name in ("text", "tokenizers")}
    encoder.build(out / architecture, {"family": architecture, "seed": SEED}, inputs)
"""


def digests(folder):
    return {
        str(path.relative_to(folder)): hashlib.sha256(path.read_bytes()).hexdigest()
        for path in sorted(folder.rglob("*"))
        if path.is_file()
    }


def test_another_process_writes_the_same_bytes(pocket_text, pocket_tokenizers, encoders, tmp_path):
    """The other process has another hash seed, another number of threads, and another global generator."""
    (tmp_path / "here").mkdir()
    dictionary.build(tmp_path / "here", {}, {})
    folders = {"text": pocket_text, "tokenizers": pocket_tokenizers, "dictionary": tmp_path / "here", **encoders}
    here = {f"{folder}/{name}": digest for folder, path in folders.items() for name, digest in digests(path).items()}
    environment = {**os.environ, "RAYON_NUM_THREADS": "3"}
    environment["PYTHONHASHSEED"] = "2" if os.environ.get("PYTHONHASHSEED") == "1" else "1"
    environment.pop("HF_HUB_OFFLINE", None)  # transformers writes it into tokenizer_config.json
    there = tmp_path / "there"
    there.mkdir()
    command = [sys.executable, "-c", BUILD, str(there), str(FEW)]
    process = subprocess.run(command, env=environment, capture_output=True, text=True, timeout=300)
    assert process.returncode == 0, process.stderr
    assert len(here) > 90
    assert digests(there) == here
