"""Stages: a fastText model of the words of a text, and the vectors of two vocabularies that two such models and a dictionary give (WECHSEL)."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from harness.collections.text import lines
from harness.collections.words import words
from harness.store.artifact import Location
from harness.store.stage import Stage

MODEL = "model.bin"
FILE = "vectors.safetensors"


def build_fasttext(out: Path, parameters: Mapping[str, Any], inputs: Mapping[str, Location]) -> None:
    """parameters: language, and keyword arguments of `train_words`; inputs: text (see `collections.text`), split as `collections.words` does."""
    from baselines.vectors.fasttext import save, train_words

    training = dict(parameters)
    language = training.pop("language")
    save(train_words((words(line, language) for line in lines(inputs["text"].path)), **training), out / MODEL)


FASTTEXT = Stage("fasttext", version=1, seconds=60, build=build_fasttext)


def build(out: Path, parameters: Mapping[str, Any], inputs: Mapping[str, Location]) -> None:
    """inputs: source, target (tokenizers), dictionary (TSV), source_words, target_words (fastText models, .bin)."""
    from safetensors.numpy import save_file

    from baselines.vectors.aligned import aligned_subwords, read_dictionary
    from baselines.vectors.fasttext import load as load_words
    from sembridge.encoder.loading import load_tokenizer
    from sembridge.vocabulary.vocabulary import Vocabulary

    found = aligned_subwords(
        load_words(inputs["source_words"].path),
        load_words(inputs["target_words"].path),
        read_dictionary(inputs["dictionary"].path),
        Vocabulary.from_tokenizer(load_tokenizer(*inputs["source"])),
        Vocabulary.from_tokenizer(load_tokenizer(*inputs["target"])),
    )
    save_file({"source": found.source, "target": found.target}, out / FILE)


ALIGNED_VECTORS = Stage("aligned-vectors", version=1, seconds=10, build=build)


def load(folder: Path) -> Any:
    """The stored `SubwordVectors`."""
    from safetensors.numpy import load_file

    from baselines.vectors.aligned import LABEL
    from baselines.vectors.words import SubwordVectors

    return SubwordVectors(**load_file(folder / FILE), label=LABEL)
