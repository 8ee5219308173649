"""fastText models: trained with gensim under fastText's own settings, kept in fastText's own file format (Bojanowski et al. 2017)."""

from __future__ import annotations

import struct
import sys
from collections import Counter
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from sembridge.extras import require

_MAGIC = 793_712_314  # the first four bytes of a fastText .bin file


def train(
    corpus: Any, *, dimension: int, epochs: int, negative: int, min_count: int, min_n: int, max_n: int, window: int, learning_rate: float,
    sample: float, buckets: int, seed: int,
) -> Any:  # fmt: skip
    """gensim's FastText after CBOW with negative sampling on `corpus`: lists of words, with a length, to be read several times.

    Everything is fastText's own default or given by the caller, where gensim's defaults differ: down-sampling of frequent words above `sample`
    (1e-3 in gensim), negatives drawn with count^0.5 (0.75), learning rate falling to 0 in small steps (once per 10,000 words). `buckets` hash slots
    for n-grams take `buckets * dimension * 4` bytes: 800 MB as published; a small vocabulary needs far fewer. One worker, so the same input gives
    the same bits in every process.
    """
    require("focus", "training fastText vectors")
    from gensim.models import FastText

    model = FastText(
        sg=0, hs=0, cbow_mean=1, vector_size=dimension, epochs=epochs, negative=negative, min_count=min_count, min_n=min_n, max_n=max_n,
        window=window, alpha=learning_rate, min_alpha=0.0, sample=sample, ns_exponent=0.5, bucket=buckets, batch_words=1000, workers=1, seed=seed,
    )  # fmt: skip
    model.build_vocab(corpus_iterable=corpus)
    model.train(corpus_iterable=corpus, total_examples=len(corpus), epochs=epochs)
    return model


def train_words(
    sentences: Iterable[list[str]], *, dimension: int = 100, epochs: int = 20, negative: int = 10, min_count: int = 5, min_n: int = 5,
    max_n: int = 5, window: int = 5, learning_rate: float = 0.05, sample: float = 1e-4, buckets: int = 2_000_000, seed: int = 42,
) -> Any:  # fmt: skip
    """gensim's FastText of the words of one language, `sentences` being its text as lists of words.

    The defaults are those the `wechsel` package trains with (dimension, epochs, negative, n-grams), and fastText's own for the rest. They are for
    texts of millions of words. Raises ValueError if no word occurs `min_count` times.
    """
    counts: Counter[str] = Counter()
    corpus = []
    for sentence in sentences:
        if sentence:
            corpus.append([sys.intern(word) for word in sentence])  # each word once in memory, however often it occurs
            counts.update(sentence)
    if max(counts.values(), default=0) < min_count:
        raise ValueError(
            f"no word occurs {min_count} times in the text ({counts.total():,} words in {len(corpus):,} lines), so fastText has nothing to learn; "
            "give more text or lower min_count"
        )
    return train(
        corpus, dimension=dimension, epochs=epochs, negative=negative, min_count=min_count, min_n=min_n, max_n=max_n, window=window,
        learning_rate=learning_rate, sample=sample, buckets=buckets, seed=seed,
    )  # fmt: skip


# The keyword arguments of train_words: a grid hands them on from a method's settings.
TRAINING_PARAMETERS = tuple(train_words.__kwdefaults__ or ())


def save(model: Any, path: str | Path) -> None:
    """Write a model of `train_words` as a fastText `.bin` file: numbers and strings in a fixed layout, no pickle."""
    from gensim.models.fasttext import save_facebook_model

    save_facebook_model(model, str(path))


def load(path: str | Path) -> Any:
    """gensim's FastTextKeyedVectors of a fastText `.bin` file, such as those published for 157 languages (cc.ko.300.bin).

    Raises ValueError for any other file, and for classifiers.
    """
    require("focus", "reading fastText vectors")
    from gensim.models.fasttext import load_facebook_vectors

    check(path)
    try:
        return load_facebook_vectors(str(path))
    except (
        NotImplementedError,
        struct.error,
        EOFError,
        ValueError,
        AssertionError,
        MemoryError,
        LookupError,
        OverflowError,
    ) as error:
        raise ValueError(
            f"{str(path)!r} cannot be read as fastText word vectors ({error}); give an unsupervised model, complete"
        ) from error


def check(path: str | Path) -> None:
    """Raise ValueError if a file does not begin as a fastText `.bin` does; reads four bytes."""
    with Path(path).open("rb") as file:
        if file.read(4) != struct.pack("@i", _MAGIC):
            raise ValueError(
                f"{str(path)!r} is no fastText model: the .bin file is needed, unpacked; the text file of vectors (.vec) lacks the n-grams that "
                "make vectors of subwords"
            )
