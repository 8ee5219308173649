"""Weigh the dimensions of a query by their rarity in the vectors of the documents that are searched.

A learned sparse encoder is trained so that its weights say which dimensions tell documents apart. One that was given
another vocabulary, and not trained since, has no such knowledge of its new dimensions. It can be counted without
labels, as BM25 counts words: the inverse document frequency of Spärck Jones (1972, "A statistical interpretation of
term specificity and its application in retrieval").

BM25's own form, ln(1 + (N - n + 0.5) / (n + 0.5)), is not used: it leaves a small weight to a dimension that all
documents have, and such dimensions are many in a transferred encoder, while a word that all documents have is not.
"""

from __future__ import annotations

import math

import numpy as np
from scipy import sparse


def inverse_document_frequency(counts: np.ndarray, documents: int) -> np.ndarray:
    """Return ln(N / n) for each dimension that is active in n of N documents, float64 [V].

    It is 0 for a dimension that all documents have. It is 0 as well for one that no document has, because such a
    dimension of a query adds nothing to any score.

    counts  int [V], the number of documents in which each dimension is not zero

    Raises ValueError if a count is negative or exceeds the number of documents.
    """
    outside = np.flatnonzero((counts < 0) | (counts > documents))
    if len(outside):
        first = outside[0]
        raise ValueError(f"dimension {first} is active in {counts[first]} of {documents} documents; count them again")
    # math.log: numpy chooses its logarithm by the processor, and the last bit of a weight would depend on the machine.
    logarithms = {count: math.log(documents / count) for count in np.unique(counts).tolist() if count}
    return np.array([logarithms.get(count, 0.0) for count in counts.tolist()])


def weigh(vectors: sparse.csr_array, factors: np.ndarray) -> sparse.csr_array:
    """Return the vectors [N, V] with each dimension multiplied by its factor [V], float32, without zeros.

    Raises ValueError if there is not one factor for each dimension.
    """
    if vectors.shape[1] != len(factors):
        raise ValueError(f"{len(factors)} factors for vectors of {vectors.shape[1]} dimensions; give one for each")
    weights = (vectors.data.astype(np.float64) * factors[vectors.indices]).astype(np.float32)
    weighed = sparse.csr_array((weights, vectors.indices.copy(), vectors.indptr.copy()), shape=vectors.shape)
    weighed.eliminate_zeros()
    return weighed
