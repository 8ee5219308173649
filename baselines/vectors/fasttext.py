"""fastText models (Bojanowski et al. 2017): trained by gensim with fastText's settings, stored in fastText's format."""

from __future__ import annotations

import struct
import sys
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import Any

from sembridge.extras import require

_EVERY = 100  # lines between two calls of `progress`
_MAGIC = 793_712_314  # the first four bytes of a fastText .bin file


def train(
    corpus: Any, *, dimension: int, epochs: int, learning_rate: float, buckets: int,
    progress: Callable[[int, int], None] | None = None, **settings: Any,
) -> Any:  # fmt: skip
    """Return gensim's FastText model after CBOW with negative sampling on `corpus`, a sized iterable of lists of words.

    settings  negative, min_count, min_n, max_n, window, sample, seed: as gensim calls them
    progress  called now and then with the lines read so far, of how many in all epochs

    Where gensim's defaults differ from fastText's, fastText's are used: down-sampling of frequent words above `sample`
    (1e-3 in gensim), negatives drawn with count^0.5 (0.75), learning rate falling to 0 in small steps (once per 10,000
    words). `buckets` hash slots for n-grams take `buckets * dimension * 4` bytes: 800 MB as published; a small
    vocabulary needs far fewer. With one worker, the same input gives the same bits in every process.
    """
    require("focus", "training fastText vectors")
    from gensim.models import FastText

    fixed = {"sg": 0, "hs": 0, "cbow_mean": 1, "min_alpha": 0.0, "ns_exponent": 0.5, "batch_words": 1000, "workers": 1}
    variable = {"vector_size": dimension, "epochs": epochs, "alpha": learning_rate, "bucket": buckets, **settings}
    model = FastText(**fixed, **variable)
    model.build_vocab(corpus_iterable=corpus)
    read = corpus if progress is None else _Watched(corpus, epochs, progress)
    model.train(corpus_iterable=read, total_examples=len(corpus), epochs=epochs)
    return model


class _Watched:
    """A corpus that tells how much of it was read, counted over all its readings."""

    def __init__(self, corpus: Any, epochs: int, progress: Callable[[int, int], None]) -> None:
        self._corpus, self._total, self._progress = corpus, epochs * len(corpus), progress
        self._read = 0

    def __len__(self) -> int:
        return len(self._corpus)

    def __iter__(self) -> Iterator[list[str]]:
        for line in self._corpus:
            yield line
            self._read += 1
            if self._read % _EVERY == 0:
                self._progress(self._read, self._total)


def train_words(
    sentences: Iterable[list[str]],
    progress: Callable[[int, int], None] | None = None,
    *,
    dimension: int = 100,
    epochs: int = 20,
    negative: int = 10,
    min_count: int = 5,
    min_n: int = 5,
    max_n: int = 5,
    window: int = 5,
    learning_rate: float = 0.05,
    sample: float = 1e-4,
    buckets: int = 2_000_000,
    seed: int = 42,
) -> Any:
    """Return gensim's FastText model of one language, trained on `sentences`, which are lists of words.

    The defaults are those of the `wechsel` package (dimension, epochs, negative, n-grams), and fastText's own
    otherwise. They suit texts of millions of words. `progress` is that of `train`.

    Raises ValueError if no word occurs `min_count` times.
    """
    counts: Counter[str] = Counter()
    corpus = []
    for sentence in sentences:
        if sentence:
            corpus.append([sys.intern(word) for word in sentence])  # each word once in memory, however often it occurs
            counts.update(sentence)
    if max(counts.values(), default=0) < min_count:
        raise ValueError(nothing_to_learn("word", min_count, counts.total(), len(corpus)))
    ngrams: dict[str, Any] = {"min_n": min_n, "max_n": max_n, "buckets": buckets}
    contexts: dict[str, Any] = {"negative": negative, "min_count": min_count, "window": window, "sample": sample}
    descent: dict[str, Any] = {"dimension": dimension, "epochs": epochs, "learning_rate": learning_rate, "seed": seed}
    return train(corpus, progress=progress, **ngrams, **contexts, **descent)


# The keyword arguments of train_words: a grid passes them on from a method's settings.
TRAINING_PARAMETERS = tuple(train_words.__kwdefaults__ or ())


def nothing_to_learn(unit: str, min_count: int, units: int, lines: int) -> str:
    """Return the error message for a text in which nothing is frequent enough."""
    size = f"{units:,} {unit}s in {lines:,} lines"
    advice = "give more text or lower min_count"
    return f"no {unit} occurs {min_count} times in the text ({size}), so fastText has nothing to learn; {advice}"


def save(model: Any, path: str | Path) -> None:
    """Write a model of `train_words` as a fastText `.bin` file: numbers and strings in a fixed layout, no pickle."""
    from gensim.models.fasttext import save_facebook_model

    save_facebook_model(model, str(path))


def load(path: str | Path) -> Any:
    """Return gensim's FastTextKeyedVectors of a fastText `.bin` file, such as the published cc.ko.300.bin.

    Raises ValueError for any other file, and for classifiers.
    """
    require("focus", "reading fastText vectors")
    from gensim.models.fasttext import load_facebook_vectors

    check(path)
    try:
        return load_facebook_vectors(str(path))
    except (
        *(NotImplementedError, struct.error, EOFError, ValueError),
        *(AssertionError, MemoryError, LookupError, OverflowError),
    ) as error:
        advice = "give an unsupervised model, complete"
        raise ValueError(f"{str(path)!r} cannot be read as fastText word vectors ({error}); {advice}") from error


def check(path: str | Path) -> None:
    """Raise ValueError if a file does not begin as a fastText `.bin` file does; read four bytes only."""
    with Path(path).open("rb") as file:
        if file.read(4) != struct.pack("@i", _MAGIC):
            raise ValueError(
                f"{str(path)!r} is not a fastText model: the .bin file is needed, unpacked; "
                "the text file of vectors (.vec) lacks the n-grams that make vectors of subwords"
            )
