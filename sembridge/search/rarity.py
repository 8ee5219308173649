"""Weigh the dimensions of queries by how rare they are among the documents: the one place of this formula."""

from __future__ import annotations

import numpy as np
from scipy import sparse


def rarity(document_frequencies: np.ndarray, documents: int) -> np.ndarray:
    """Return ln(N / df) for every dimension, float64 [V]: 0 for one that all N documents have, and for one of none.

    document_frequencies  int [V]: in how many of the N documents each dimension is not zero

    A dimension that no document has adds nothing to any score, so its weight does not matter. Raises ValueError for a
    frequency below 0 or above N.
    """
    counts = np.asarray(document_frequencies)
    if counts.size and (counts.min() < 0 or counts.max() > documents):
        raise ValueError(f"document frequencies from {counts.min()} to {counts.max()} for {documents} documents")
    weights = np.zeros(len(counts))
    present = counts > 0
    weights[present] = np.log(documents / counts[present])
    return weights


def by_rarity(queries: sparse.csr_array, document_frequencies: np.ndarray, documents: int) -> sparse.csr_array:
    """Return queries [Q, V] with every weight multiplied by the rarity of its dimension, float32, without zeros.

    Weights are rounded to float32 again, as an exact search adds up products of two float32 weights.
    """
    factors = rarity(document_frequencies, documents)
    weighted = sparse.csr_array(queries, dtype=np.float64)
    weighted.data = weighted.data * factors[weighted.indices]
    rounded = sparse.csr_array(weighted, dtype=np.float32)
    rounded.eliminate_zeros()
    return rounded
