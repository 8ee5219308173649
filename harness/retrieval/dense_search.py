"""Search exactly with dense vectors by cosine; windows, threads and machine do not change a bit of the scores.

The order in which a matrix product adds up depends on its shape, and so would the last bits of the scores and the order
of near ties. Coordinates of unit vectors rounded to multiples of 2^-26 have products that are multiples of 2^-52, and
by Cauchy-Schwarz no sum of some of them reaches 2: float64 holds every partial sum exactly, in any order. The rounding
changes a score by less than the precision of float32 vectors.
"""

from __future__ import annotations

import numpy as np

from sembridge.search.ranking import Ranking, check_block

_UNIT = 2.0**-26


class DenseTopK(Ranking):
    """Keep the k documents nearest to every query by cosine; see `Ranking` for k and order.

    queries  float [Q, K], of any lengths; the cosine of a vector of length 0 is 0

    Documents with a score below 0 are retrieved as well: a dense score has no zero that means "nothing in common".
    """

    def __init__(self, queries: np.ndarray, k: int, order: np.ndarray):
        super().__init__(len(queries), k, order, floor=-np.inf)
        self._queries = unit_vectors(queries, "queries")

    def add(self, first_position: int, block: np.ndarray) -> None:
        """Score a block of documents, float [B, K], at positions first_position .. first_position + B - 1.

        Add each document once. Raises ValueError if the block does not fit the queries or the corpus, or a number is
        not finite.
        """
        documents = unit_vectors(block, f"documents from position {first_position}")
        check_block(documents.shape, self._queries.shape[1], first_position, len(self._order))
        for start, end in self._chunks(first_position, len(documents)):
            self._keep(start, self._queries[start:end] @ documents.T, first_position)


def unit_vectors(vectors: np.ndarray, name: str) -> np.ndarray:
    """Return vectors [N, K] with length 1 and coordinates that are multiples of 2^-26, float64.

    Raises ValueError with `name` if a coordinate is not finite.
    """
    exact = np.asarray(vectors, dtype=np.float64)
    if not np.isfinite(exact).all():
        raise ValueError(f"{name}: a vector is not finite; the bridge is broken")
    lengths = np.sqrt(np.square(exact).sum(axis=1, keepdims=True))
    return np.rint(exact / np.where(lengths > 0, lengths, 1.0) / _UNIT) * _UNIT
