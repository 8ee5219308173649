"""Exact search by scipy's product of sparse matrices.

For given vectors the scores are the same bits whatever the block size, the sharding and the machine:

- scipy's product of two CSR matrices (`csr_matmat` in scipy/sparse/sparsetools/csr.h) adds up each (query, document) pair on its own,
  walking the query's entries in stored order. We sort those entries by dimension, so which other documents share the block is immaterial.
- The product of two float32 weights is exact in float64, so even a machine that fuses multiply and add rounds the same.
"""

from __future__ import annotations

import numpy as np
from scipy import sparse

from harness.retrieval.ranking import Ranking, check_block, checked


class TopK(Ranking):
    """The k best documents of every query by the products of sparse vectors; see `Ranking` for k and order.

    queries  sparse [Q, V]

    Documents with a score of 0 or less are not retrieved.
    """

    def __init__(self, queries: sparse.sparray | sparse.spmatrix, k: int, order: np.ndarray):
        super().__init__(queries.shape[0], k, order, floor=0.0)
        self._queries = checked(queries, "queries").copy()
        self._queries.sum_duplicates()  # also sorts by dimension, which fixes the order of summation

    def add(self, first_position: int, block: sparse.sparray | sparse.spmatrix) -> None:
        """Score a block of documents, sparse [B, V], which stand at positions first_position .. first_position + B - 1.

        A document must be added once only. ValueError if the block does not fit the queries or the corpus, or a weight is not finite.
        """
        documents = checked(block, f"documents from position {first_position}")
        check_block(documents.shape, self._queries.shape[1], first_position, len(self._order))
        chunks, columns = self._chunks(first_position, documents.shape[0]), documents.T.tocsr()
        for start, end in chunks:
            self._keep(start, (self._queries[start:end] @ columns).toarray(), first_position)
