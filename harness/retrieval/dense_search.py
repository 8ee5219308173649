"""Exact search with dense vectors by cosine, whose scores are the same bits whatever the windows, the threads and the machine.

How a matrix product adds up depends on its shape, and so would the last bits of the scores, and with them the order of near ties. Rounded to
multiples of 2^-26, the coordinates of unit vectors have products that are multiples of 2^-52, and by Cauchy-Schwarz no sum of some of them
reaches 2: float64 holds every partial sum exactly, in any order. The rounding moves a score by less than float32 vectors are precise.
"""

from __future__ import annotations

import numpy as np

from harness.retrieval.ranking import Ranking, check_block

_UNIT = 2.0**-26


class DenseTopK(Ranking):
    """The k documents of every query nearest by cosine; see `Ranking` for k and order.

    queries  float [Q, K], of any lengths; a vector of length 0 has the cosine 0 to all

    Documents with a score below 0 are retrieved as well: a dense score has no zero that means "nothing in common".
    """

    def __init__(self, queries: np.ndarray, k: int, order: np.ndarray):
        super().__init__(len(queries), k, order, floor=-np.inf)
        self._queries = directions(queries, "queries")

    def add(self, first_position: int, block: np.ndarray) -> None:
        """Score a block of documents, float [B, K], which stand at positions first_position .. first_position + B - 1.

        A document must be added once only. ValueError if the block does not fit the queries or the corpus, or a number is not finite.
        """
        documents = directions(block, f"documents from position {first_position}")
        check_block(documents.shape, self._queries.shape[1], first_position, len(self._order))
        for start, end in self._chunks(first_position, len(documents)):
            self._keep(start, self._queries[start:end] @ documents.T, first_position)


def directions(vectors: np.ndarray, what: str) -> np.ndarray:
    """Vectors [N, K] brought to length 1 and rounded to multiples of 2^-26, float64. ValueError naming `what` if one is not finite."""
    exact = np.asarray(vectors, dtype=np.float64)
    if not np.isfinite(exact).all():
        raise ValueError(f"{what}: a vector is not finite; the bridge is broken")
    lengths = np.sqrt(np.square(exact).sum(axis=1, keepdims=True))
    return np.rint(exact / np.where(lengths > 0, lengths, 1.0) / _UNIT) * _UNIT
