"""Stage: OFA's subword vectors of both vocabularies, from word vectors of the user or, labelled so, from the bridge's vectors of words."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from harness.grid.artefact import Location

FILE = "vectors.safetensors"
MOST_WORDS = 100_000  # target words by frequency; the tail of a large text adds time, not subwords


def build(out: Path, parameters: Mapping[str, Any], inputs: Mapping[str, Location]) -> None:
    """parameters: prompt; inputs: source, target (tokenizers), and either words (word2vec text format) or bridge and text."""
    from safetensors.numpy import save_file

    from baselines.ofa import WordVectors, subword_vectors
    from sembridge.encoder import load_tokenizer
    from sembridge.vocabulary import Vocabulary

    source_tokenizer, target_tokenizer = load_tokenizer(*inputs["source"]), load_tokenizer(*inputs["target"])
    source, target = Vocabulary.from_tokenizer(source_tokenizer), Vocabulary.from_tokenizer(target_tokenizer)
    if "words" in inputs:
        words = WordVectors.load(inputs["words"].path)
    else:
        words = _bridged_words(source, inputs["text"].path, load_bridge_of(inputs), parameters["prompt"])
    found = subword_vectors(words, source_tokenizer, target_tokenizer, len(source), len(target))
    save_file({"source": found.source, "target": found.target}, out / FILE)
    (out / "label.json").write_text(json.dumps({"label": found.label}), encoding="utf-8")


def load(folder: Path) -> Any:
    """The stored `SubwordVectors`."""
    from safetensors.numpy import load_file

    from baselines.ofa import SubwordVectors

    return SubwordVectors(**load_file(folder / FILE), label=json.loads((folder / "label.json").read_text(encoding="utf-8"))["label"])


def load_bridge_of(inputs: Mapping[str, Location]) -> Any:
    from sembridge.bridge import load_bridge

    return load_bridge(*inputs["bridge"])


def _bridged_words(source: Any, text: Path, bridge: Any, prompt: str) -> Any:
    """Bridge vectors of the source vocabulary's whole words and of the words of the target text."""
    import re

    from baselines.ofa import WordVectors

    whole = [str(t) for t, initial in zip(source.texts, source.word_initial, strict=True) if t is not None and initial and t.isalpha() and len(t) > 1]
    counts: Counter[str] = Counter()
    with text.open(encoding="utf-8") as lines:
        for line in lines:
            counts.update(re.findall(r"[^\W\d_]+", line))
    frequent = [word for word, _ in sorted(counts.items(), key=lambda item: (-item[1], item[0]))[:MOST_WORDS]]
    words = sorted(set(whole) | set(frequent))
    vectors = bridge.encode([prompt + word for word in words], batch_size=1024, convert_to_numpy=True, show_progress_bar=False)
    return WordVectors(tuple(words), np.asarray(vectors, dtype=np.float32), "bridge vectors")
