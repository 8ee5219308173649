"""Stages: the frequent words of a text, and the bridge's vectors of them.

Neither reads a tokenizer, so all architectures, tokenizers, alphas and seeds share them.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from harness.collections.text import lines
from harness.files import headway
from harness.store.artifact import Location
from harness.store.stage import Stage

COUNTS, FILE = "words.json", "vectors.safetensors"
BATCH = 1024  # words that are embedded together


def build_counts(out: Path, parameters: Mapping[str, Any], inputs: Mapping[str, Location]) -> None:
    """Count words; parameters: language, most (see `count_words`); inputs: text (see `collections.text`)."""
    from sembridge.bridging.counted_words import count_words

    with headway.counting("lines", 0):
        words = count_words(_counted(inputs["text"].path), parameters["language"], most=parameters["most"])
    counts = dict(zip(words.words, words.counts.tolist(), strict=True))
    content = json.dumps({"spaced": words.spaced, "counts": counts}, ensure_ascii=False)
    (out / COUNTS).write_text(content, encoding="utf-8")


WORD_COUNTS = Stage("word-counts", version=1, seconds=2, build=build_counts, light=True)


def build(out: Path, parameters: Mapping[str, Any], inputs: Mapping[str, Location], batch_divisor: int = 1) -> None:
    """Embed counted words; parameters: prompt (None: the bridge's own); inputs: bridge, words."""
    from safetensors.numpy import save_file

    from sembridge.bridge import embed_words, load_bridge

    words, bridge = load_counts(inputs["words"].path).words, load_bridge(*inputs["bridge"])
    options: dict[str, Any] = {"batch_size": BATCH // batch_divisor, "progress": sys.stderr.isatty()}
    with headway.counting("words", len(words)):
        vectors = embed_words(bridge, words, prompt=parameters["prompt"], advance=headway.advance, **options)
    save_file({"vectors": vectors}, out / FILE)


WORD_VECTORS = Stage("word-vectors", version=2, seconds=3, build=build)


def load_counts(folder: Path) -> Any:
    """Return the stored `CountedWords`."""
    from sembridge.bridging.counted_words import CountedWords

    stored = json.loads((folder / COUNTS).read_text(encoding="utf-8"))
    return CountedWords.of(stored["counts"], spaced=stored["spaced"], most=len(stored["counts"]))


def load(folder: Path) -> Any:
    """Return the stored vectors [W, K]."""
    from safetensors.numpy import load_file

    return load_file(folder / FILE)["vectors"]


def _counted(text: Path) -> Iterator[str]:
    for line in lines(text):
        yield line
        headway.advance()
