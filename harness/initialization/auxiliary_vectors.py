"""Stage: FOCUS's auxiliary token vectors, trained on target-language text with the target tokenizer."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from harness.collections.text import lines
from harness.store.artifact import Location
from harness.store.stage import Stage

FILE = "vectors.safetensors"


def build(out: Path, parameters: Mapping[str, Any], inputs: Mapping[str, Location]) -> None:
    """parameters: keyword arguments of `train_auxiliary`; inputs: tokenizer, text (see `collections.text`)."""
    from safetensors.numpy import save_file

    from baselines.focus import train_auxiliary
    from sembridge.encoder.loading import load_tokenizer

    found = train_auxiliary(lines(inputs["text"].path), load_tokenizer(*inputs["tokenizer"]), **parameters)
    save_file({"vectors": found.vectors, "known": found.known}, out / FILE)


AUXILIARY_VECTORS = Stage("auxiliary-vectors", version=1, seconds=5, build=build)


def load(folder: Path) -> Any:
    """The stored `AuxiliaryVectors`."""
    from safetensors.numpy import load_file

    from baselines.focus import AuxiliaryVectors

    return AuxiliaryVectors(**load_file(folder / FILE))
