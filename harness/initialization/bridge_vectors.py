"""Stage: the bridge's vectors of one vocabulary. Shared by every architecture, alpha and seed that meets the same vocabulary."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from harness.store.artifact import Location
from harness.store.stage import Stage

FILE = "vectors.safetensors"
BATCH = 1024  # tokens that are embedded together


def build(out: Path, parameters: Mapping[str, Any], inputs: Mapping[str, Location], batch_divisor: int = 1) -> None:
    """parameters: prompt, profile; inputs: bridge (SentenceTransformer), tokenizer."""
    from safetensors.numpy import save_file

    from sembridge.bridge import embed_vocabulary, load_bridge
    from sembridge.encoder.loading import load_tokenizer
    from sembridge.vocabulary.vocabulary import Vocabulary

    vocabulary = Vocabulary.from_tokenizer(load_tokenizer(*inputs["tokenizer"]), parameters["profile"])
    found = embed_vocabulary(
        load_bridge(*inputs["bridge"]), vocabulary, prompt=parameters["prompt"], batch_size=BATCH // batch_divisor
    )
    save_file({"vectors": found.vectors, "known": found.known}, out / FILE)


BRIDGE_VECTORS = Stage("bridge-vectors", version=3, seconds=2, build=build)


def load(folder: Path) -> Any:
    """The stored `TokenVectors`."""
    from safetensors.numpy import load_file

    from sembridge.bridge import TokenVectors

    return TokenVectors(**load_file(folder / FILE))
