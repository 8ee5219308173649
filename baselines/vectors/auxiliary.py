"""Auxiliary vectors of a target vocabulary: fastText over target-language text, its words being the tokens of the TARGET tokenizer (FOCUS)."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from itertools import chain, islice
from typing import Any

import numpy as np

from baselines.vectors.fasttext import train
from baselines.vectors.pieces import token_ids
from sembridge.vocabulary.vocabulary import Vocabulary

_LINES = 4096  # tokenized at a time


@dataclass(frozen=True, eq=False)
class AuxiliaryVectors:
    """vectors [T, A] float32 by target id, zero where not known; known [T] bool: the token is in the trained vocabulary."""

    vectors: np.ndarray
    known: np.ndarray


def train_auxiliary(
    lines: Iterable[str], tokenizer: Any, *, dimension: int = 100, epochs: int = 3, negative: int = 10, min_count: int = 10, min_n: int = 3,
    max_n: int = 6, window: int = 5, learning_rate: float = 0.05, sample: float = 1e-4, buckets: int = 2_000_000, seed: int = 42,
) -> AuxiliaryVectors:  # fmt: skip
    """Train fastText CBOW with negative sampling on `lines` (one passage each) as the target tokenizer splits them.

    A token is known if it occurs at least `min_count` times, and then its vector is the mean of its own and its character n-grams' vectors
    (deepfocus asks fastText's `__contains__`, which is its dictionary: n-grams alone do not make a rarer token known). Lines of
    whitespace are skipped. One worker, so the same input gives the same bits in every process.

    Everything is fastText's own default or what deepfocus passes to it, where gensim's defaults differ: down-sampling of frequent tokens above
    `sample` (1e-3 in gensim), negatives drawn with count^0.5 (0.75), learning rate falling to 0 in small steps (once per 10,000 tokens). `buckets`
    hash slots for n-grams take `buckets * dimension * 4` bytes: 800 MB as published; a small vocabulary needs far fewer.

    Raises ValueError if no token occurs `min_count` times.
    """
    tokens = Vocabulary.from_tokenizer(tokenizer).tokens
    corpus = _Corpus.tokenized(lines, tokenizer, tokens)
    if not (np.bincount(corpus.ids, minlength=1) >= min_count).any():
        raise ValueError(
            f"no token occurs {min_count} times in the text ({len(corpus.ids):,} tokens in {len(corpus):,} lines), so fastText has nothing to learn; "
            "give more text or lower min_count"
        )
    model = train(
        corpus, dimension=dimension, epochs=epochs, negative=negative, min_count=min_count, min_n=min_n, max_n=max_n, window=window,
        learning_rate=learning_rate, sample=sample, buckets=buckets, seed=seed,
    )  # fmt: skip
    known = np.array([token in model.wv.key_to_index for token in tokens], dtype=bool)
    vectors = np.zeros((len(tokens), dimension), dtype=np.float32)
    for token_id in np.flatnonzero(known):
        vectors[token_id] = model.wv[tokens[token_id]]
    return AuxiliaryVectors(vectors, known)


@dataclass(frozen=True, eq=False)
class _Corpus:
    """Token strings line by line, as often as gensim asks for them; kept as ids, four bytes a token.

    ids [n] int32, the lines one after the other; ends [lines] where each line ends.
    """

    ids: np.ndarray
    ends: np.ndarray
    tokens: tuple[str | None, ...]

    @classmethod
    def tokenized(cls, lines: Iterable[str], tokenizer: Any, tokens: tuple[str | None, ...]) -> _Corpus:
        kept = (line for line in map(str.strip, lines) if line)
        pieces: list[np.ndarray] = [np.empty(0, dtype=np.int32)]
        lengths: list[int] = []
        while block := list(islice(kept, _LINES)):
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
