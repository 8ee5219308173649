"""Compute exact alpha-entmax and mixtures weighted by it, one block of rows at a time, without the full score matrix.

alpha-entmax (Peters et al. 2019): p_i = max(0, (alpha-1) z_i - tau)^(1/(alpha-1)) with sum p = 1;
alpha=1 is softmax, alpha=2 sparsemax. Only scores above max(z) - 1/(alpha-1) can carry weight, so each row is solved
on its best candidates and the solution is *certified*: it is exact if every score left out is <= tau/(alpha-1).
A row that cannot be certified gets more candidates, in the end all of them.
This is the plain computation; `mixture` does the same for vocabularies of real size.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import scipy.sparse as sp

HELD = 200_000_000  # most weights of a mixture at alpha=1 (none is zero) that are stored as a sparse matrix: 1.6 GB
_FIRST_CANDIDATES = 64
_SCREEN_ERROR = 5e-6  # bounds the error of a float32 product of two vectors, as a share of the product of their lengths
_USUAL = 2.0  # product of the lengths of unit vectors with the largest position coordinates


def entmax(scores: np.ndarray, alpha: float) -> tuple[np.ndarray, np.ndarray]:
    """Return alpha-entmax of each row of `scores` [n, m] float64: (p [n, m] with rows summing to 1, tau [n]).

    Raises ValueError for alpha < 1 or non-finite scores.
    """
    check_alpha(alpha)
    if not np.isfinite(scores).all():
        raise ValueError("entmax needs finite scores")
    top = scores.max(axis=1, keepdims=True)
    if alpha == 1:
        weights = np.exp(scores - top)
        return weights / weights.sum(axis=1, keepdims=True), np.full(len(scores), -np.inf)
    z = (alpha - 1) * (scores - top)  # shifted: the largest is 0, so tau lies in [-1, 0)
    power = 1 / (alpha - 1)
    low, high = np.full((len(z), 1), -1.0), np.full((len(z), 1), -(float(z.shape[1]) ** (1 - alpha)))
    while True:  # bisect to the last float64: halve the interval until its middle is one of its ends
        middle = (low + high) / 2
        converged = (middle <= low) | (middle >= high)
        if converged.all():
            break
        enough = (np.maximum(z - middle, 0) ** power).sum(axis=1, keepdims=True) >= 1
        low, high = np.where(enough, middle, low), np.where(enough, high, middle)
    weights = np.maximum(z - low, 0) ** power
    return weights / weights.sum(axis=1, keepdims=True), (low + (alpha - 1) * top)[:, 0]


def support_sizes(scores: np.ndarray, alphas: Sequence[float]) -> np.ndarray:
    """Return how many weights of `entmax` are not zero [A, n], for scores [n, m] and ascending alphas [A] above 1.

    A score has weight exactly if those above it sum to less than 1 with the threshold at that score. So a few trials
    find the last one that has, and no threshold is solved for. Supports shrink as alpha grows (see `kernels.solve`).
    """
    gaps = scores.max(axis=1, keepdims=True) - scores
    gaps.sort(axis=1)
    sizes = np.empty((len(alphas), len(scores)), dtype=np.int64)
    most = np.full(len(scores), scores.shape[1])
    for one, alpha in zip(sizes, alphas, strict=True):
        within, beyond = np.ones_like(most), most + 1  # the best `within` have weight, number `beyond` has none
        while len(open_rows := np.flatnonzero(beyond - within > 1)):
            tried = np.minimum(2 * within, (within + beyond) // 2)[open_rows]  # from below: most supports are small
            best = gaps[open_rows, : tried.max()]
            above = np.maximum(best[np.arange(len(best)), tried - 1, None] - best, 0)
            carries = (((alpha - 1) * above) ** (1 / (alpha - 1))).sum(axis=1) < 1
            within[open_rows] = np.where(carries, tried, within[open_rows])
            beyond[open_rows] = np.where(carries, beyond[open_rows], tried)
        one[:] = most = within
    return sizes


def check_alpha(alpha: float) -> None:
    """Check that alpha is at least 1 and finite; ValueError if not."""
    if not 1 <= alpha < float("inf"):
        fault = "is infinite" if alpha == float("inf") else "is below 1"
        advice = "alpha-entmax needs alpha >= 1 (1 is softmax, 2 sparsemax, the paper uses 4)"
        raise ValueError(f"alpha {alpha} {fault}; {advice}")


def cosine_mixture(queries: np.ndarray, donors: np.ndarray, alpha: float, block: int = 512) -> sp.csr_array:
    """Return the [n, S] float32 mixture: alpha-entmax over the cosines of queries [n, K] with donors [S, K].

    Raises ValueError for zero vectors: they have no direction to compare.
    """
    return product_mixture(unit(queries), unit(donors), alpha, block)


def product_mixture(queries: np.ndarray, donors: np.ndarray, alpha: float, block: int = 512) -> sp.csr_array:
    """Return the [n, S] float32 mixture: alpha-entmax over the dot products of queries [n, K] and donors [S, K].

    The vectors are float64, of any length. Scores are screened in float32, and the candidates are scored again in
    float64, so weights do not depend on the block size. Memory beyond inputs and outputs: block x S float32.
    """
    check_alpha(alpha)
    if alpha == 1 and len(queries) * len(donors) > HELD:
        raise ValueError(
            f"alpha 1 gives each of {len(queries):,} rows a weight on all {len(donors):,} donors, too many to store; "
            "choose alpha 1.25 or more, or a SoftmaxMixture, which computes them on demand"
        )
    screen = np.ascontiguousarray(donors.astype(np.float32).T)
    longest = np.linalg.norm(donors, axis=1).max(initial=0.0)
    indices, weights, counts = [], [], []
    for start in range(0, len(queries), block):
        some = queries[start : start + block]
        errors = _SCREEN_ERROR * np.maximum(np.linalg.norm(some, axis=1) * longest, _USUAL)
        for chosen, p in _solve_block(some, donors, screen, errors, alpha):
            indices.append(chosen)
            weights.append(p.astype(np.float32))
            counts.append(len(chosen))
    indptr = np.concatenate([[0], np.cumsum(counts, dtype=np.int64)]) if counts else np.zeros(1, dtype=np.int64)
    shape = (len(queries), len(donors))
    if not counts:
        return sp.csr_array(shape, dtype=np.float32)
    return sp.csr_array((np.concatenate(weights), np.concatenate(indices), indptr), shape=shape)


def _solve_block(
    queries: np.ndarray, donors: np.ndarray, screen: np.ndarray, errors: np.ndarray, alpha: float
) -> list[tuple[np.ndarray, np.ndarray]]:
    """Return (ascending donor ids, their non-zero weights) per row; rows not yet certified get 8x the candidates.

    errors  [n] of the scores that the screen gives a row
    """
    scores = queries.astype(np.float32) @ screen
    solved: list[tuple[np.ndarray, np.ndarray] | None] = [None] * len(queries)
    pending = np.arange(len(queries))
    width = _FIRST_CANDIDATES if alpha > 1 else len(donors)
    while len(pending):
        width = min(width, len(donors))
        if width == len(donors):
            candidates = np.broadcast_to(np.arange(len(donors)), (len(pending), len(donors)))
            left_out = np.full(len(pending), -np.inf)
        else:
            ranked = np.argpartition(-scores[pending], width, axis=1)
            candidates = np.sort(ranked[:, :width], axis=1)
            left_out = scores[pending, ranked[:, width]] + errors[pending]
        step = max(1, 16_000_000 // (width * queries.shape[1]))  # bounds the gathered donor vectors to about 128 MB
        for first in range(0, len(pending), step):
            rows = slice(first, first + step)
            exact = np.einsum("nk,nck->nc", queries[pending[rows]], donors[candidates[rows]])
            p, tau = entmax(exact, alpha)
            certified = left_out[rows] * (alpha - 1) <= tau if width < len(donors) else np.ones(len(p), dtype=bool)
            exact_rows = pending[rows][certified], candidates[rows][certified], p[certified]
            for row, ids, weights in zip(*exact_rows, strict=True):
                support = weights > 0
                solved[row] = (ids[support], weights[support])
        pending = np.array([row for row in pending if solved[row] is None], dtype=np.int64)
        width *= 8
    return solved  # type: ignore[return-value]


def unit(vectors: np.ndarray) -> np.ndarray:
    """Return the rows scaled to length 1 in float64; ValueError for rows that are zero or not finite."""
    vectors = np.asarray(vectors, dtype=np.float64)
    lengths = np.linalg.norm(vectors, axis=1, keepdims=True)
    if not (np.isfinite(lengths).all() and (lengths > 0).all()):
        raise ValueError("cosine needs finite, non-zero vectors")
    return vectors / lengths
