"""Declare the need `words` and its stage: OFA's subword vectors of both vocabularies.

They are made of the user's word vectors or, with a label that says so, of the bridge's vectors of words.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from harness.collections.text import lines
from harness.files import headway
from harness.initialization.needs import BRIDGE, TEXT, Materials, Need, Option
from harness.store.artifact import Artifact, Location, Source
from harness.store.stage import Stage
from sembridge.words import words

FILE = "vectors.safetensors"
MOST_WORDS = 100_000  # target words by frequency; the tail of a large text adds time, not subwords
BATCH = 1024  # words that are embedded together


def build(out: Path, parameters: Mapping[str, Any], inputs: Mapping[str, Location], batch_divisor: int = 1) -> None:
    """Make subword vectors.

    parameters  prompt (of a bridge; None: its own), language
    inputs      source, target (tokenizers), and either words (word2vec text format) or bridge and text
    """
    from safetensors.numpy import save_file

    from baselines.vectors.words import BRIDGE, SubwordVectors, WordVectors, subword_vectors
    from sembridge.bridge import load_bridge
    from sembridge.encoder.loading import load_tokenizer
    from sembridge.prompt import prompt_of
    from sembridge.vocabulary.vocabulary import Vocabulary

    source_tokenizer, target_tokenizer = load_tokenizer(*inputs["source"]), load_tokenizer(*inputs["target"])
    source, target = Vocabulary.from_tokenizer(source_tokenizer), Vocabulary.from_tokenizer(target_tokenizer)

    def from_words(vectors: WordVectors) -> SubwordVectors:
        return subword_vectors(vectors, source_tokenizer, target_tokenizer, len(source), len(target))

    if "words" in inputs:
        vectors = from_words(WordVectors.load(inputs["words"].path))
    else:
        bridge = load_bridge(*inputs["bridge"])
        prompt = prompt_of(bridge) if parameters["prompt"] is None else parameters["prompt"]
        options = prompt, BATCH // batch_divisor
        target_words = _frequent_words(inputs["text"].path, parameters["language"])
        # Each side has words of its own language: cut into single source letters, target-language words would make
        # donors of those letters.
        source_words = _whole_words(source)
        with headway.counting("words", len(source_words) + len(target_words)):
            english = from_words(_embed(bridge, source_words, *options))
            foreign = from_words(_embed(bridge, target_words, *options))
        vectors = SubwordVectors(english.source, foreign.target, BRIDGE)
    save_file({"source": vectors.source, "target": vectors.target}, out / FILE)
    (out / "label.json").write_text(json.dumps({"label": vectors.label}), encoding="utf-8")


SUBWORD_VECTORS = Stage("subword-vectors", version=3, seconds=3, build=build)


def load(folder: Path) -> Any:
    """Return the stored `SubwordVectors`."""
    from safetensors.numpy import load_file

    from baselines.ofa import SubwordVectors

    label = json.loads((folder / "label.json").read_text(encoding="utf-8"))["label"]
    vectors = load_file(folder / FILE)
    return SubwordVectors(vectors["source"], vectors["target"], label)


def _whole_words(source: Any) -> list[str]:
    """Return the words that are one token of the source vocabulary."""
    initial = {text for text, starts in zip(source.texts, source.word_initial, strict=True) if starts and text}
    return sorted(text for text in initial if text.isalpha() and len(text) > 1)


def _frequent_words(text: Path, language: str) -> list[str]:
    """Return the words of a text, sorted; the `MOST_WORDS` most frequent ones if there are more."""
    counts: Counter[str] = Counter()
    for line in lines(text):
        counts.update(words(line, language))
    return sorted(word for word, _ in sorted(counts.items(), key=lambda item: (-item[1], item[0]))[:MOST_WORDS])


def _embed(bridge: Any, words: list[str], prompt: str, batch_size: int) -> Any:
    """Return the bridge's `WordVectors` of words."""
    from baselines.ofa import WordVectors
    from sembridge.encoder.embed import embed

    vectors = embed(bridge, words, prompt=prompt, batch_size=batch_size, advance=headway.advance)
    return WordVectors(tuple(words), vectors)


def _inputs(materials: Materials) -> Mapping[str, Source]:
    sides, sources = {"source": materials.encoder, "target": materials.tokenizer}, materials.sources
    if "words" in sources:
        return {"words": Artifact(SUBWORD_VECTORS, {}, {**sides, "words": sources["words"]})}
    parameters = {"prompt": materials.prompt, "language": materials.language}
    read = {**sides, "bridge": sources["bridge"], "text": sources["text"]}
    return {"words": Artifact(SUBWORD_VECTORS, parameters, read)}


def _stand_in(files: Mapping[str, str], profile: str) -> Any:
    """Return the name of the file; without a file, empty word vectors with the label of the bridge's."""
    import numpy as np

    from baselines.vectors.words import BRIDGE as LABEL
    from baselines.vectors.words import WordVectors

    return files.get("words") or WordVectors((), np.empty((0, 1)), LABEL)


def _dimensions(inputs: Mapping[str, Source], sizes: Any) -> int | None:
    vectors = inputs["words"]
    assert isinstance(vectors, Artifact)
    return sizes.dimensions(vectors.inputs["bridge"]) if "bridge" in vectors.inputs else None


WORDS = Option("words", "multilingual word vectors in word2vec text format", "ofa", extra="focus")

NEED = Need(
    "words",
    field="words",
    options=((WORDS, BRIDGE), (WORDS, TEXT)),
    inputs=_inputs,
    load=lambda inputs: load(inputs["words"].path),
    makes="vectors of words become vectors of tokens",
    stand_in=_stand_in,
    sides=lambda words: (words.source, words.target),
    measure="by the word vectors",
    dimensions=_dimensions,
)
