"""Predict how many dimensions of a text's vector are active: transplant the source, and run it on lines of the text."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import scipy.sparse as sp

from harness.advice.held_out import CALIBRATING, HeldOut
from sembridge.bridge import BridgeVectors, TokenVectors
from sembridge.bridging.counted_words import CountedWords
from sembridge.bridging.piece_vectors import place_pieces
from sembridge.encoder.modules import splade_modules
from sembridge.initializer import Transfer, bias_of
from sembridge.options import CALIBRATED, with_bias
from sembridge.vocabulary.token_ids import token_ids

QUERY_WORDS = 8
"""First words of a line that stand for a query."""


@dataclass(frozen=True)
class ActiveDimensions:
    """How many dimensions are not zero, in the mean, before any fine-tuning.

    documents   of whole lines
    queries     of the first QUERY_WORDS words of each
    lines       that were encoded
    calibrated  other lines, on which the bias was calibrated; 0: it was not
    """

    documents: float
    queries: float
    lines: int
    calibrated: int


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
    encoder: Any, tokenizer: Any, task: Transfer, method: Any, sampled: np.ndarray, text: HeldOut
) -> ActiveDimensions:
    """Return the active dimensions of the transplanted encoder, which is changed in place.

    The bias is calibrated on the lines that may be read, if the method prefers that and the decoder has a bias.

    method   an initializer whose bridge has vectors of the tokens `sampled` and of those in all encoded lines: a line
             to calibrate on that is half made of random rows would say nothing about the lines that are measured
    sampled  target tokens that need a row; the dimensions of the others are taken to be active as often. Tokens in the
             lines, and those whose rows are copied, are counted themselves
    """
    from sembridge.encoder.calibration import lower_bias, thresholds
    from sembridge.encoder.transplant import transplant
    from sembridge.pipeline import initialize
    from sembridge.search.encode import encode_all

    lines, calibrated = text.measured, 0

    bias = CALIBRATED if bias_of(method) == CALIBRATED and has_bias(encoder) else "transfer"
    embedding, decoder = initialize(encoder, tokenizer, with_bias(method, bias), task)
    transplant(encoder, tokenizer, embedding, decoder=decoder)
    if bias == CALIBRATED:
        lower_bias(encoder, thresholds(encoder, text.calibrating, rate=1 / CALIBRATING))
        calibrated = len(text.calibrating)
    weights = dimension_weights(task, sampled, tokens_in(tokenizer, text.encoded))
    queries = [" ".join(line.split()[:QUERY_WORDS]) for line in lines]

    def mean(texts: Sequence[str], side: str) -> float:
        active = sp.csr_array(encode_all(encoder, texts, side) != 0, dtype=np.float64)
        return float((active @ weights).mean())

    return ActiveDimensions(mean(lines, "document"), mean(queries, "query"), len(lines), calibrated)


def has_bias(encoder: Any) -> bool:
    """Return whether the decoder of a sparse encoder has a bias, which can be calibrated."""
    return splade_modules(encoder).model.get_output_embeddings().bias is not None


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


def placed_by_words(
    bridge: Any, vectors: BridgeVectors, task: Transfer, tokenizer: Any, words: CountedWords, needed: np.ndarray
) -> BridgeVectors:
    """Return these vectors with the pieces among the target tokens `needed` [n] placed by words that contain them."""
    placed = place_pieces(vectors.target, task.target, tokenizer, words, bridge.words(words.words))
    assert placed.placed is not None
    kept = TokenVectors(placed.vectors[needed], placed.known[needed])
    of_words = np.zeros(len(task.target), dtype=bool)
    of_words[needed] = placed.placed[needed]
    target = replace(spread(len(task.target), needed, kept), placed=of_words)
    return replace(vectors, target=target)
