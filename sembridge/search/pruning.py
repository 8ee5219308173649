"""Make sparse vectors smaller: keep their heaviest dimensions, or store their weights in eight bits.

All functions take a csr matrix of N vectors, one in each row, and return a new one whose rows are sorted by dimension
and hold no zeros. What becomes of a vector depends on that vector alone, not on the others of its batch. Weights are
compared by magnitude; of equal ones, the dimension with the smaller id is kept.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from scipy import sparse

LEVELS = 255  # of eight bits, beside 0


def canonical(vectors: sparse.sparray | sparse.spmatrix) -> sparse.csr_array:
    """Return the vectors [N, V] with rows sorted by dimension, each dimension once, without zeros."""
    rows = sparse.csr_array(vectors, copy=True)
    rows.sum_duplicates()
    rows.eliminate_zeros()
    return rows


def keep_heaviest(vectors: sparse.sparray | sparse.spmatrix, most: int) -> sparse.csr_array:
    """Return the vectors with at most `most` dimensions each, their heaviest. Raises ValueError for less than 1."""
    if most < 1:
        raise ValueError(f"a vector keeps at least 1 dimension, got {most}")
    return _pruned(vectors, lambda sorted_weights: most)


def keep_mass(vectors: sparse.sparray | sparse.spmatrix, share: float) -> sparse.csr_array:
    """Return the vectors with the fewest heaviest dimensions that hold a share of the sum of all their weights.

    MILCO prunes in this way (Nguyen et al. 2025, arXiv 2510.00671). Raises ValueError unless 0 < share <= 1.
    """
    if not 0 < share <= 1:
        raise ValueError(f"the share of a vector's weights must be above 0 and at most 1, got {share:g}")
    if share == 1:
        return canonical(vectors)

    def enough(sorted_weights: np.ndarray) -> int:
        sums = sorted_weights.cumsum(dtype=np.float64)
        return 1 + int(np.count_nonzero(sums < share * sums[-1]))

    return _pruned(vectors, enough)


def to_levels(vectors: sparse.sparray | sparse.spmatrix, largest: float) -> sparse.csr_array:
    """Return the weights as the nearest of 256 levels between 0 and `largest`, uint8; weights at level 0 are left out.

    largest  the largest weight of the whole collection, so that levels of different vectors compare

    Raises ValueError for a weight below 0 or above `largest`: levels have no place for it.
    """
    rows = canonical(vectors)
    if rows.nnz and (rows.data.min() < 0 or rows.data.max() > largest):
        extremes = f"{rows.data.min():g} to {rows.data.max():g}"
        raise ValueError(f"weights from {extremes} do not fit into levels from 0 to {largest:g}")
    levels = np.rint(rows.data.astype(np.float64) * (LEVELS / largest)) if rows.nnz else rows.data
    rows = sparse.csr_array((levels.astype(np.uint8), rows.indices, rows.indptr), shape=rows.shape)
    rows.eliminate_zeros()
    return rows


def from_levels(levels: sparse.csr_array, largest: float) -> sparse.csr_array:
    """Return the weights that levels stand for, float32: level / 255 of the largest weight."""
    weights = (levels.data.astype(np.float64) * (largest / LEVELS)).astype(np.float32)
    return sparse.csr_array((weights, levels.indices, levels.indptr), shape=levels.shape)


def _pruned(vectors: sparse.sparray | sparse.spmatrix, number: Callable[[np.ndarray], int]) -> sparse.csr_array:
    """Return the vectors with their heaviest dimensions; `number` says how many, from a vector's falling weights."""
    rows = canonical(vectors)
    weights, kept = np.abs(rows.data), np.zeros(rows.nnz, dtype=bool)
    # Vector by vector: one sort of a whole batch takes longer, and a sum over one would round differently.
    for start, end in zip(rows.indptr[:-1].tolist(), rows.indptr[1:].tolist(), strict=True):
        if start < end:
            falling = np.argsort(-weights[start:end], kind="stable")  # equal weights stay in the order of ids
            kept[start + falling[: number(weights[start + falling])]] = True
    ends = np.concatenate([[0], np.cumsum(kept)])[rows.indptr]
    return sparse.csr_array((rows.data[kept], rows.indices[kept], ends), shape=rows.shape)
