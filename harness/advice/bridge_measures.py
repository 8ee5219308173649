"""Measure how a bridge sees two vocabularies, without labels.

Shapes: n sampled target tokens, m sampled donors, K dimensions of the bridge.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import scipy.sparse as sp

from sembridge.bridge import BridgeVectors
from sembridge.bridging.alpha import choose_alpha
from sembridge.initializer import Transfer
from sembridge.mixture.entmax import unit
from sembridge.semantic_bridge import SemBridge

_BLOCK = 512  # target tokens that are compared with all donors at a time


@dataclass(frozen=True)
class BridgeMeasures:
    """How a bridge sees the tokens that a transfer has to make rows for, and the source tokens that may donate.

    known     share of the n target tokens of which the bridge knows a piece; the others' rows would be random
    mean, sd  of the cosines of target tokens and donors
    mutual    share of the known target tokens that are the nearest one of their nearest donor
    distinct  share of the known target tokens whose mixture, at `alpha`, no other one has
    supports  alpha -> mean number of donors in a mixture, see `sembridge.bridging.alpha.choose_alpha`
    alpha     the advised one, by these numbers
    targets   n, of how many that need a row and have a text
    donors    m, of how many
    """

    known: float
    mean: float
    sd: float
    mutual: float
    distinct: float
    supports: Mapping[float, float]
    alpha: float
    targets: tuple[int, int]
    donors: tuple[int, int]


def measure_bridge(part: Transfer, vectors: BridgeVectors, of_targets: int, of_donors: int) -> BridgeMeasures | None:
    """Return the measures of a bridge on a part of a transfer; None if it knows no target token, or no donor.

    part                   see `part_of_transfer`: n target tokens with text, m donors
    vectors                the bridge's, of both
    of_targets, of_donors  how many tokens the samples stand for
    """
    targets, donors = np.flatnonzero(vectors.target.known), np.flatnonzero(vectors.source.known)
    if not len(targets) or not len(donors):
        return None
    mean, sd, mutual = _cosines(vectors.target.vectors[targets], vectors.source.vectors[donors])
    method = SemBridge(vectors)
    alpha, supports = choose_alpha(method.compare(part, vectors)[0], part.target.tokens)
    mixture = sp.csr_array(method.mix(part, vectors, alpha)[0])
    return BridgeMeasures(
        known=float(vectors.target.known.mean()),
        mean=mean,
        sd=sd,
        mutual=mutual,
        distinct=distinct_rows(mixture[targets]),
        supports=supports,
        alpha=alpha,
        targets=(len(part.target), of_targets),
        donors=(len(part.source), of_donors),
    )


def distinct_rows(mixture: sp.csr_array) -> float:
    """Return the share of the rows of a mixture [n, m] that no other row equals, in donors and weights."""
    mixture.sort_indices()
    ends = list(zip(mixture.indptr[:-1], mixture.indptr[1:], strict=True))
    keys = [(mixture.indices[a:b].tobytes(), mixture.data[a:b].tobytes()) for a, b in ends]
    counts: dict[tuple[bytes, bytes], int] = {}
    for key in keys:
        counts[key] = counts.get(key, 0) + 1
    return sum(counts[key] == 1 for key in keys) / len(keys)


def _cosines(targets: np.ndarray, donors: np.ndarray) -> tuple[float, float, float]:
    """Return (mean, standard deviation, mutual) of targets [n, K] and donors [m, K]; see `BridgeMeasures`."""
    ours, theirs = unit(targets).astype(np.float32), unit(donors).astype(np.float32)
    total = squares = 0.0
    nearest = np.empty(len(ours), dtype=np.int64)
    best, best_target = np.full(len(theirs), -np.inf, dtype=np.float32), np.zeros(len(theirs), dtype=np.int64)
    for start in range(0, len(ours), _BLOCK):
        scores = ours[start : start + _BLOCK] @ theirs.T
        total += scores.sum(dtype=np.float64)
        squares += np.einsum("ij,ij->", scores, scores, dtype=np.float64)
        nearest[start : start + _BLOCK] = scores.argmax(axis=1)
        tops = scores.max(axis=0)
        better = tops > best
        best[better], best_target[better] = tops[better], start + scores.argmax(axis=0)[better]
    mean = total / (len(ours) * len(theirs))
    sd = np.sqrt(max(0.0, squares / (len(ours) * len(theirs)) - mean * mean))
    return float(mean), float(sd), float((best_target[nearest] == np.arange(len(ours))).mean())
