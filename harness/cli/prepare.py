"""Give a method the inputs it takes: vectors of both vocabularies by the bridge, by text, by word vectors. Made once, used for every matrix."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from harness.cli.inputs import reading
from harness.cli.method import Method
from harness.store.artifact import Location
from sembridge.model_card.record import Nearness

SOURCE_LANGUAGE = "en"


@dataclass(frozen=True)
class Workbench:
    """What inputs are made with: located (option -> where it lies), the transfer, both tokenizers, and what goes before texts the bridge reads."""

    located: Mapping[str, Location]
    asked: Any
    source_tokenizer: Any
    tokenizer: Any
    bridge_prompt: str = ""
    language: str = ""


def prepared(chosen: Method, bench: Workbench, say: Callable[[str, str], None]) -> tuple[Any, Nearness | None]:
    """The initializer with its inputs, and the space in which it looks for donors, if that space has both vocabularies."""
    from harness.files.units import duration

    filled: dict[str, Any] = {}
    nearness = None
    for need in chosen.kind.needs:
        start = time.perf_counter()
        if need == "bridge":
            say(
                "bridge",
                f"{chosen.inputs['bridge'].name} reads {len(bench.asked.source):,} + {len(bench.asked.target):,} tokens",
            )
            with reading("--bridge", chosen.inputs["bridge"]):
                filled["bridge"] = vectors = _bridge_vectors(bench)
            nearness = Nearness(vectors.source.vectors, vectors.target.vectors, "as the bridge sees them")
        elif need == "words":
            say("words", f"{chosen.inputs['words'].name}: vectors of words become vectors of tokens")
            filled["words"] = subwords = _subword_vectors(bench)
            nearness = Nearness(subwords.source, subwords.target, "by the word vectors")
        elif need == "auxiliary":
            say("text", f"{chosen.inputs['text'].name}: token vectors are trained on it")
            filled["text"] = _auxiliary_vectors(bench, chosen)
        elif need == "aligned":
            say("words", f"fastText vectors of both languages, aligned by {chosen.inputs['dictionary'].name}")
            filled["aligned"] = subwords = _aligned_vectors(bench, chosen)
            nearness = Nearness(subwords.source, subwords.target, "by the aligned word vectors")
        else:
            filled[need] = bench.located[need].path
            continue
        say("", duration(time.perf_counter() - start))
    return chosen.kind(**chosen.settings, **filled), nearness


def _bridge_vectors(bench: Workbench) -> Any:
    from sembridge.bridge import BridgeVectors, embed_vocabulary, load_bridge

    model, watched = (
        load_bridge(*bench.located["bridge"]),
        sys.stderr.isatty(),
    )  # a large bridge takes long, but a log needs no bars
    sides = (bench.asked.source, bench.asked.target)
    return BridgeVectors(
        *(embed_vocabulary(model, side, prompt=bench.bridge_prompt, progress=watched) for side in sides)
    )


def _subword_vectors(bench: Workbench) -> Any:
    from baselines.vectors.words import WordVectors, subword_vectors

    words = WordVectors.load(bench.located["words"].path)
    return subword_vectors(
        words, bench.source_tokenizer, bench.tokenizer, len(bench.asked.source), len(bench.asked.target)
    )


def _auxiliary_vectors(bench: Workbench, chosen: Method) -> Any:
    from baselines.focus import TRAINING_PARAMETERS
    from baselines.vectors.auxiliary import train_auxiliary
    from harness.collections.text import lines

    training = {name: value for name, value in chosen.settings.items() if name in TRAINING_PARAMETERS}
    return train_auxiliary(lines(bench.located["text"].path), bench.tokenizer, **training)


def _aligned_vectors(bench: Workbench, chosen: Method) -> Any:
    from baselines.vectors.aligned import aligned_subwords, read_dictionary
    from baselines.vectors.fasttext import load, train_words
    from harness.collections.text import lines
    from harness.collections.words import words

    def vectors(model: str, text: str, language: str) -> Any:
        if model in bench.located:
            return load(bench.located[model].path)
        return train_words((words(line, language) for line in lines(bench.located[text].path)), **chosen.training).wv

    dictionary = read_dictionary(bench.located["dictionary"].path)
    source, target = (
        vectors("source_vectors", "source_text", SOURCE_LANGUAGE),
        vectors("target_vectors", "text", bench.language),
    )
    return aligned_subwords(source, target, dictionary, bench.asked.source, bench.asked.target)
