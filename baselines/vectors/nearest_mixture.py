"""Mixtures of the source rows nearest to each new token in a space of both vocabularies, for OFA and WECHSEL."""

from __future__ import annotations

import logging

import numpy as np
import scipy.sparse as sp

from baselines.vectors.words import SubwordVectors
from sembridge.initializer import Transfer

logger = logging.getLogger(__name__)

_BLOCK = 1 << 23  # scores computed at a time: 64 MB of float64
_DECIMALS = 12  # cosines equal to this many decimals are tied


def check(neighbours: int, temperature: float) -> None:
    """Raise ValueError for settings that define no mixture."""
    if neighbours < 1:
        raise ValueError(f"neighbours {neighbours} must be at least 1")
    if not temperature > 0:
        raise ValueError(f"temperature {temperature} must be positive")


def neighbour_mixture(
    transfer: Transfer, subwords: SubwordVectors, neighbours: int, temperature: float, *, zeros_donate: bool = False
) -> sp.csr_array:
    """Return [R, S] weights: softmax(cosine / temperature) over the nearest source subwords of each missing token.

    A token without a vector has no weights. Source subwords are donors with a vector that is not zero; all of them if
    there are fewer than `neighbours`. With `zeros_donate`, donors without a vector count as cosine 0 instead. Ties go
    to the token first in string order, whatever its id. Raises ValueError if the vectors belong to other vocabularies,
    and if no donor has a vector.
    """
    rows_of = (len(subwords.source), len(subwords.target))
    sizes = (len(transfer.source), len(transfer.target))
    if rows_of != sizes:
        raise ValueError(
            f"subword vectors for {rows_of[0]:,} and {rows_of[1]:,} tokens, "
            f"but the vocabularies have {sizes[0]:,} and {sizes[1]:,}"
        )
    source, source_known = _unit(subwords.source)
    target, target_known = _unit(subwords.target)
    known = np.flatnonzero(transfer.donors & source_known)
    donors = np.flatnonzero(transfer.donors) if zeros_donate else known
    by_token = np.argsort([str(transfer.source.tokens[i]) for i in donors], kind="stable")
    donors = donors[by_token]  # so that ties do not depend on ids
    missing = len(transfer.missing)
    placed = np.flatnonzero(target_known[transfer.missing])
    if missing and not len(known):
        reason = f"none of the source subwords has a vector ({subwords.label})"
        raise ValueError(f"{reason}; the word vectors must cover the source language")
    if missing and not len(placed):
        reason = "none of the %d new tokens has a vector (%s), so all of them are sampled"
        logger.warning(reason, missing, subwords.label)
    nearest, weights = _nearest(target[transfer.missing[placed]], source[donors], neighbours, temperature)
    coordinates = (np.repeat(placed, nearest.shape[1]), donors[nearest.ravel()])
    return sp.csr_array((weights.ravel(), coordinates), shape=(missing, len(transfer.source)))


def _nearest(queries: np.ndarray, donors: np.ndarray, k: int, temperature: float) -> tuple[np.ndarray, np.ndarray]:
    """Return the k donors nearest to each query, nearest first [n, k], and their softmax weights [n, k].

    queries [n, A] and donors [m, A] have rows of length 1; ties go to the first donor; blocks bound the memory.
    """
    k = min(k, len(donors))
    nearest, weights = np.empty((len(queries), k), dtype=np.int64), np.empty((len(queries), k))
    if k == 0:
        return nearest, weights
    step = max(1, _BLOCK // len(donors))
    for start in range(0, len(queries), step):
        block = slice(start, start + step)
        scores = queries[block] @ donors.T
        last = np.partition(scores, len(donors) - k, axis=1)[:, len(donors) - k]
        # The k nearest, and those tied with the last of them.
        rows, columns = np.nonzero(scores >= last[:, None] - 10.0**-_DECIMALS)
        order = np.lexsort((columns, -np.round(scores[rows, columns], _DECIMALS), rows))
        rows, columns = rows[order], columns[order]
        place = np.arange(len(rows)) - np.searchsorted(rows, np.arange(len(scores)))[rows]
        nearest[block] = columns[place < k].reshape(-1, k)
        logits = np.take_along_axis(scores, nearest[block], axis=1) / temperature
        exponentials = np.exp(logits - logits.max(axis=1, keepdims=True))
        weights[block] = exponentials / exponentials.sum(axis=1, keepdims=True)
    return nearest, weights


def _unit(vectors: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return (rows scaled to length 1 in float64, zero rows left zero; [V] bool: not zero)."""
    vectors = vectors.astype(np.float64)
    lengths = np.linalg.norm(vectors, axis=1)
    vectors[lengths > 0] /= lengths[lengths > 0, None]
    return vectors, lengths > 0
