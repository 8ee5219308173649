"""Auxiliary vectors of a target vocabulary: fastText over text that the TARGET tokenizer splits (FOCUS)."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from itertools import chain, islice
from typing import Any

import numpy as np

from baselines.vectors.fasttext import nothing_to_learn, train
from sembridge.vocabulary.token_ids import token_ids
from sembridge.vocabulary.vocabulary import Vocabulary

_LINES = 4096  # tokenized at a time


@dataclass(frozen=True, eq=False)
class AuxiliaryVectors:
    """vectors [T, A] float32 by target id, zero where unknown; known [T] bool: in fastText's dictionary."""

    vectors: np.ndarray
    known: np.ndarray


def train_auxiliary(
    lines: Iterable[str],
    tokenizer: Any,
    progress: Callable[[int, int], None] | None = None,
    *,
    dimension: int = 100,
    epochs: int = 3,
    negative: int = 10,
    min_count: int = 10,
    min_n: int = 3,
    max_n: int = 6,
    window: int = 5,
    learning_rate: float = 0.05,
    sample: float = 1e-4,
    buckets: int = 2_000_000,
    seed: int = 42,
) -> AuxiliaryVectors:
    """Train fastText CBOW with negative sampling on `lines` (one passage each), split by the target tokenizer.

    A token is known if it occurs at least `min_count` times; its vector is the mean of its own and its character
    n-grams' vectors. (deepfocus uses fastText's `__contains__`, which looks up its dictionary: n-grams alone do not
    make a rarer token known.) Blank lines are skipped. The defaults are those that deepfocus passes to fastText; see
    `fasttext.train`, whose `progress` this is.

    Raises ValueError if no token occurs `min_count` times.
    """
    tokens = Vocabulary.from_tokenizer(tokenizer).tokens
    corpus = _Corpus.tokenize(lines, tokenizer, tokens)
    if not (np.bincount(corpus.ids, minlength=1) >= min_count).any():
        raise ValueError(nothing_to_learn("token", min_count, len(corpus.ids), len(corpus)))
    ngrams: dict[str, Any] = {"min_n": min_n, "max_n": max_n, "buckets": buckets}
    contexts: dict[str, Any] = {"negative": negative, "min_count": min_count, "window": window, "sample": sample}
    descent: dict[str, Any] = {"dimension": dimension, "epochs": epochs, "learning_rate": learning_rate, "seed": seed}
    vectors_by_token = train(corpus, progress=progress, **ngrams, **contexts, **descent).wv
    known = np.array([token in vectors_by_token.key_to_index for token in tokens], dtype=bool)
    vectors = np.zeros((len(tokens), dimension), dtype=np.float32)
    for token_id in np.flatnonzero(known):
        vectors[token_id] = vectors_by_token[tokens[token_id]]
    return AuxiliaryVectors(vectors, known)


@dataclass(frozen=True, eq=False)
class _Corpus:
    """Token strings line by line, iterated as often as gensim needs; stored as ids, four bytes per token.

    ids [n] int32, the lines one after the other; ends [lines] the end of each line in `ids`.
    """

    ids: np.ndarray
    ends: np.ndarray
    tokens: tuple[str | None, ...]

    @classmethod
    def tokenize(cls, lines: Iterable[str], tokenizer: Any, tokens: tuple[str | None, ...]) -> _Corpus:
        passages = (line for line in map(str.strip, lines) if line)
        pieces: list[np.ndarray] = [np.empty(0, dtype=np.int32)]
        lengths: list[int] = []
        while block := list(islice(passages, _LINES)):
            encoded = token_ids(tokenizer, block)
            lengths.extend(map(len, encoded))
            pieces.append(np.fromiter(chain.from_iterable(encoded), dtype=np.int32))
        return cls(np.concatenate(pieces), np.cumsum(lengths, dtype=np.int64), tokens)

    def __len__(self) -> int:
        return len(self.ends)

    def __iter__(self) -> Iterator[list[str | None]]:
        start = 0
        for end in self.ends:
            yield [self.tokens[i] for i in self.ids[start:end]]
            start = end
