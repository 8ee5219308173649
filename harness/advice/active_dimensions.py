"""Predict how many dimensions of a text's vector are active: transplant the source, and run it on lines of the text."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import scipy.sparse as sp

from harness.advice.sample import evenly
from sembridge.bridge import BridgeVectors, TokenVectors
from sembridge.initializer import Transfer
from sembridge.vocabulary.token_ids import token_ids

LINES = 100
"""Lines that are encoded."""
QUERY_WORDS = 8
"""First words of a line that stand for a query."""


@dataclass(frozen=True)
class ActiveDimensions:
    """How many dimensions are not zero, in the mean, before any fine-tuning.

    documents  of whole lines
    queries    of the first QUERY_WORDS words of each
    lines      that were encoded
    """

    documents: float
    queries: float
    lines: int


def lines_of(lines: Sequence[str]) -> list[str]:
    """Return the lines that are encoded."""
    return [lines[i] for i in evenly(np.arange(len(lines)), LINES)]


def tokens_in(tokenizer: Any, lines: Sequence[str]) -> np.ndarray:
    """Return the ids of the tokens that lines are read as, ascending."""
    return np.unique(np.fromiter((i for ids in token_ids(tokenizer, lines) for i in ids), dtype=np.int64))


def spread(vocabulary_size: int, ids: np.ndarray, tokens: TokenVectors) -> TokenVectors:
    """Return vectors of a whole vocabulary, of which only the tokens `ids` [n] were embedded."""
    vectors = np.zeros((vocabulary_size, tokens.vectors.shape[1]), dtype=np.float32)
    known = np.zeros(vocabulary_size, dtype=bool)
    vectors[ids], known[ids] = tokens.vectors, tokens.known
    return TokenVectors(vectors, known)


def predict(
    encoder: Any, tokenizer: Any, task: Transfer, method: Any, sampled: np.ndarray, lines: Sequence[str]
) -> ActiveDimensions:
    """Return the active dimensions of the transplanted encoder, which is changed in place.

    method   an initializer whose bridge has vectors of the tokens `sampled` and of those in the lines
    sampled  target tokens that need a row; the dimensions of the others are taken to be active as often. Tokens in the
             lines, and those whose rows are copied, are counted themselves
    """
    from sembridge.encoder.transplant import transplant
    from sembridge.pipeline import initialize
    from sembridge.search.encode import encode_all

    embedding, decoder = initialize(encoder, tokenizer, method, task)
    transplant(encoder, tokenizer, embedding, decoder=decoder)
    weights = dimension_weights(task, sampled, tokens_in(tokenizer, lines))
    queries = [" ".join(line.split()[:QUERY_WORDS]) for line in lines]

    def mean(texts: Sequence[str], side: str) -> float:
        active = sp.csr_array(encode_all(encoder, texts, side) != 0, dtype=np.float64)
        return float((active @ weights).mean())

    return ActiveDimensions(mean(lines, "document"), mean(queries, "query"), len(lines))


def dimension_weights(task: Transfer, sampled: np.ndarray, read: np.ndarray) -> np.ndarray:
    """Return how many dimensions each one stands for [T].

    A copied one and one of a token in the lines (`read`) stand for themselves; a sampled one for its part of all others
    that need a row and have a text; the others for none.
    """
    weights = np.zeros(len(task.target))
    weights[task.copied >= 0] = 1
    missing = np.zeros(len(task.target), dtype=bool)
    missing[task.missing] = True
    missing &= task.target.has_text
    unread = missing.copy()
    unread[read] = False
    others = sampled[unread[sampled]]
    if len(others):
        weights[others] = unread.sum() / len(others)
    weights[read] = 1
    return weights


def vectors_for(
    bridge: Any, task: Transfer, donors: np.ndarray, source: TokenVectors, needed: np.ndarray
) -> BridgeVectors:
    """Return the bridge's vectors of both vocabularies: of the donors, and of the target tokens `needed` [n]."""
    from harness.advice.vocabulary_part import part

    target = spread(len(task.target), needed, bridge.tokens(part(task.target, needed)))
    return BridgeVectors(spread(len(task.source), donors, source), target, bridge.prompt)
