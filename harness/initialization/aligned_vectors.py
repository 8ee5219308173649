"""Declare the need `aligned` and its stages: vectors of two vocabularies from fastText and a dictionary (WECHSEL)."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from harness.collections.text import lines
from harness.files import headway
from harness.initialization.needs import TEXT, Materials, Need, Option
from harness.store.artifact import Artifact, Location, Member, Source
from harness.store.stage import Stage
from sembridge.words import words

MODEL = "model.bin"
FILE = "vectors.safetensors"
ABOUT = "about.json"
SOURCE_LANGUAGE = "en"


def build_fasttext(out: Path, parameters: Mapping[str, Any], inputs: Mapping[str, Location]) -> None:
    """Train a fastText model.

    parameters  language, and keyword arguments of `train_words`
    inputs      text (see `collections.text`), split as `sembridge.words` does
    """
    from baselines.vectors.fasttext import save, train_words

    training = dict(parameters)
    language = training.pop("language")
    sentences = (words(line, language) for line in lines(inputs["text"].path))
    with headway.counting("lines", 0):
        save(train_words(sentences, headway.reach, **training), out / MODEL)


FASTTEXT = Stage("fasttext", version=2, seconds=60, build=build_fasttext)


def build(out: Path, parameters: Mapping[str, Any], inputs: Mapping[str, Location]) -> None:
    """Align the vectors of two fastText models, and store those of both vocabularies, and how well they are aligned.

    parameters  profile: compat reads and aligns them as the published code does
    inputs      source, target (tokenizers), dictionary (TSV), source_words, target_words (fastText models, .bin)
    """
    from safetensors.numpy import save_file

    from baselines.vectors.aligned import aligned_subwords, read_dictionary
    from baselines.vectors.fasttext import load as load_words
    from baselines.vectors.published_alignment import published_subwords
    from sembridge.encoder.loading import load_tokenizer
    from sembridge.vocabulary.vocabulary import Vocabulary

    profile = parameters["profile"]
    source_words, target_words = (load_words(inputs[name].path) for name in ("source_words", "target_words"))
    tokenizers = load_tokenizer(*inputs["source"]), load_tokenizer(*inputs["target"])
    source, target = (Vocabulary.from_tokenizer(tokenizer, profile) for tokenizer in tokenizers)
    dictionary = read_dictionary(inputs["dictionary"].path, normalized=profile == "fixed")
    if profile == "compat":
        sizes = len(source), len(target)
        vectors = published_subwords(source_words, target_words, dictionary, tokenizers, sizes)
    else:
        vectors = aligned_subwords(source_words, target_words, dictionary, source, target)
    save_file({"source": vectors.source, "target": vectors.target}, out / FILE)
    about = {"label": vectors.label, "statistics": dict(vectors.statistics)}
    (out / ABOUT).write_text(json.dumps(about, sort_keys=True), encoding="utf-8")


ALIGNED_VECTORS = Stage("aligned-vectors", version=2, seconds=10, build=build)


def load(folder: Path) -> Any:
    """Return the stored `SubwordVectors`."""
    from safetensors.numpy import load_file

    from baselines.vectors.words import SubwordVectors

    about = json.loads((folder / ABOUT).read_text(encoding="utf-8"))
    vectors = load_file(folder / FILE)
    return SubwordVectors(vectors["source"], vectors["target"], about["label"], about["statistics"])


def _inputs(materials: Materials) -> Mapping[str, Source]:
    sources = materials.sources

    def words_of(model: str, text: str, language: str) -> Source:
        if model in sources:
            return sources[model]
        parameters = {**materials.training, "language": language}
        return Member(Artifact(FASTTEXT, parameters, {"text": sources[text]}), MODEL)

    read = {
        "source": materials.source_tokenizer,
        "target": materials.tokenizer,
        "dictionary": sources["dictionary"],
        "source_words": words_of("source_vectors", "source_text", SOURCE_LANGUAGE),
        "target_words": words_of("target_vectors", "text", materials.language),
    }
    return {"aligned": Artifact(ALIGNED_VECTORS, {"profile": materials.profile}, read)}


def _stand_in(files: Mapping[str, str], profile: str) -> Any:
    """Return empty vectors with the label that those of the profile have."""
    import numpy as np

    from baselines.vectors.aligned import LABEL
    from baselines.vectors.published_alignment import LABEL as PUBLISHED
    from baselines.vectors.words import SubwordVectors

    empty = np.empty((0, 1), dtype=np.float32)
    return SubwordVectors(empty, empty, PUBLISHED if profile == "compat" else LABEL)


def _training() -> Mapping[str, Any]:
    from baselines.vectors.fasttext import train_words

    return train_words.__kwdefaults__ or {}


def _check_dictionary(path: Path) -> None:
    from baselines.vectors.aligned import read_dictionary

    read_dictionary(path)


def _check_model(path: Path) -> None:
    from baselines.vectors.fasttext import check

    check(path)


def _model(name: str, language: str, instead: str) -> Option:
    title = f"a fastText model (.bin) of the {language}"
    return Option(name, title, f"wechsel, instead of {instead}", is_text=False, check=_check_model)


DICTIONARY = Option(
    "dictionary",
    "a bilingual dictionary, a source word, a tab and a target word on each line",
    "wechsel",
    check=_check_dictionary,
)
SOURCE_TEXT = Option("source_text", "text of the source's language to train word vectors on", "wechsel")
SOURCE_VECTORS = _model("source_vectors", "source's language", "--source-text")
TARGET_VECTORS = _model("target_vectors", "new language", "--text")

NEED = Need(
    "aligned",
    field="aligned",
    options=((DICTIONARY,), (SOURCE_VECTORS, SOURCE_TEXT), (TARGET_VECTORS, TEXT)),
    inputs=_inputs,
    load=lambda inputs: load(inputs["aligned"].path),
    makes="fastText vectors of both languages, aligned by the dictionary",
    training=_training,
    stand_in=_stand_in,
    sides=lambda aligned: (aligned.source, aligned.target),
    measure="by the aligned word vectors",
    extra="focus",
)
