"""The need `words`, and its stage: OFA's subword vectors of both vocabularies.

They are made of word vectors of the user or, labeled so, of the bridge's vectors of words.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from harness.collections.text import lines
from harness.collections.words import words
from harness.initialization.needs import BRIDGE, TEXT, Materials, Need, Option
from harness.store.artifact import Artifact, Location, Source
from harness.store.stage import Stage

FILE = "vectors.safetensors"
MOST_WORDS = 100_000  # target words by frequency; the tail of a large text adds time, not subwords
BATCH = 1024  # words that are embedded together


def build(out: Path, parameters: Mapping[str, Any], inputs: Mapping[str, Location], batch_divisor: int = 1) -> None:
    """parameters: prompt, language; inputs: source, target (tokenizers), and either words (word2vec text format) or bridge and text."""
    from safetensors.numpy import save_file

    from baselines.vectors.words import BRIDGE, SubwordVectors, WordVectors, subword_vectors
    from sembridge.bridge import load_bridge
    from sembridge.encoder.loading import load_tokenizer
    from sembridge.vocabulary.vocabulary import Vocabulary

    source_tokenizer, target_tokenizer = load_tokenizer(*inputs["source"]), load_tokenizer(*inputs["target"])
    source, target = Vocabulary.from_tokenizer(source_tokenizer), Vocabulary.from_tokenizer(target_tokenizer)

    def contained(vectors: WordVectors) -> SubwordVectors:
        return subword_vectors(vectors, source_tokenizer, target_tokenizer, len(source), len(target))

    if "words" in inputs:
        found = contained(WordVectors.load(inputs["words"].path))
    else:
        bridge, asked = load_bridge(*inputs["bridge"]), (parameters["prompt"], BATCH // batch_divisor)
        # Each side from words of its own language: target-language words cut into single source letters would let those letters donate.
        english = contained(_embedded(bridge, _whole_words(source), *asked))
        foreign = contained(_embedded(bridge, _frequent_words(inputs["text"].path, parameters["language"]), *asked))
        found = SubwordVectors(english.source, foreign.target, BRIDGE)
    save_file({"source": found.source, "target": found.target}, out / FILE)
    (out / "label.json").write_text(json.dumps({"label": found.label}), encoding="utf-8")


SUBWORD_VECTORS = Stage("subword-vectors", version=1, seconds=3, build=build)


def load(folder: Path) -> Any:
    """The stored `SubwordVectors`."""
    from safetensors.numpy import load_file

    from baselines.ofa import SubwordVectors

    return SubwordVectors(
        **load_file(folder / FILE), label=json.loads((folder / "label.json").read_text(encoding="utf-8"))["label"]
    )


def _whole_words(source: Any) -> list[str]:
    """Words the source vocabulary has whole."""
    entries = zip(source.texts, source.word_initial, strict=True)
    return sorted(
        {text for text, initial in entries if text is not None and initial and text.isalpha() and len(text) > 1}
    )


def _frequent_words(text: Path, language: str) -> list[str]:
    """The words of a text, the most frequent ones if there are very many."""
    counts: Counter[str] = Counter()
    for line in lines(text):
        counts.update(words(line, language))
    return sorted(word for word, _ in sorted(counts.items(), key=lambda item: (-item[1], item[0]))[:MOST_WORDS])


def _embedded(bridge: Any, chosen: list[str], prompt: str, batch_size: int) -> Any:
    import numpy as np

    from baselines.ofa import WordVectors

    vectors = bridge.encode(
        [prompt + word for word in chosen], batch_size=batch_size, convert_to_numpy=True, show_progress_bar=False
    )
    return WordVectors(tuple(chosen), np.asarray(vectors, dtype=np.float32))


def _inputs(materials: Materials) -> Mapping[str, Source]:
    sides, sources = {"source": materials.encoder, "target": materials.tokenizer}, materials.sources
    if "words" in sources:
        return {"words": Artifact(SUBWORD_VECTORS, {}, {**sides, "words": sources["words"]})}
    parameters = {"prompt": materials.prompt, "language": materials.language}
    read = {**sides, "bridge": sources["bridge"], "text": sources["text"]}
    return {"words": Artifact(SUBWORD_VECTORS, parameters, read)}


def _stand_in(files: Mapping[str, str]) -> Any:
    """The name of the file; without one, word vectors without words that are labeled as the bridge's."""
    import numpy as np

    from baselines.vectors.words import BRIDGE as LABEL
    from baselines.vectors.words import WordVectors

    return files.get("words") or WordVectors((), np.empty((0, 1)), LABEL)


def _dimensions(inputs: Mapping[str, Source], sizes: Any) -> int | None:
    vectors = inputs["words"]
    assert isinstance(vectors, Artifact)
    return sizes.dimensions(vectors.inputs["bridge"]) if "bridge" in vectors.inputs else None


WORDS = Option("words", "multilingual word vectors in word2vec text format", "ofa")

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
