"""Search exactly by scipy's product of sparse matrices.

For given vectors, block size, sharding and machine do not change a bit of the scores:

- scipy's product of two CSR matrices (`csr_matmat` in scipy/sparse/sparsetools/csr.h) adds up each (query, document)
  pair on its own, in the stored order of the query's entries. We sort those entries by dimension, so the other
  documents of a block have no influence.
- The product of two float32 weights is exact in float64, so a machine that fuses multiply and add rounds the same.
"""

from __future__ import annotations

import numpy as np
from scipy import sparse

from sembridge.search.ranking import Ranking, check_block, finite_csr, summable


class TopK(Ranking):
    """Keep the k best documents of every query by dot products of sparse vectors; see `Ranking` for k and order.

    queries  sparse [Q, V]

    Documents with a score of 0 or less are not retrieved.
    """

    def __init__(self, queries: sparse.sparray | sparse.spmatrix, k: int, order: np.ndarray):
        super().__init__(queries.shape[0], k, order, floor=0.0)
        self._queries = summable(queries)

    def add(self, first_position: int, block: sparse.sparray | sparse.spmatrix) -> None:
        """Score a block of documents, sparse [B, V], at positions first_position .. first_position + B - 1.

        Add each document once. Raises ValueError if the block does not fit the queries or the corpus, or a weight is
        not finite.
        """
        documents = finite_csr(block, f"documents from position {first_position}")
        check_block(documents.shape, self._queries.shape[1], first_position, len(self._order))
        chunks, columns = self._chunks(first_position, documents.shape[0]), documents.T.tocsr()
        for start, end in chunks:
            self._keep(start, (self._queries[start:end] @ columns).toarray(), first_position)
