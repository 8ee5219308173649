"""Stage: the weight of each target token in queries of an inference-free encoder, counted in target-language text."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from harness.collections.text import lines
from harness.store.artifact import Location
from harness.store.stage import Stage

FILE = "weights.safetensors"


def build(out: Path, parameters: Mapping[str, Any], inputs: Mapping[str, Location]) -> None:
    """Count the weights; parameters: none; inputs: tokenizer, text (see `collections.text`)."""
    from safetensors.numpy import save_file

    from sembridge.encoder.idf import idf
    from sembridge.encoder.loading import load_tokenizer
    from sembridge.vocabulary.vocabulary import Vocabulary

    tokenizer = load_tokenizer(*inputs["tokenizer"])
    size = len(Vocabulary.from_tokenizer(tokenizer))
    save_file({"weights": idf(lines(inputs["text"].path), tokenizer, size)}, out / FILE)


QUERY_WEIGHTS = Stage("query-weights", version=2, seconds=3, build=build)


def load(folder: Path) -> Any:
    """Return the stored weights [T]."""
    from safetensors.numpy import load_file

    return load_file(folder / FILE)["weights"]
