"""Search exactly over the postings of an index: only those of a query's dimensions are read from the disk.

The bits are those of `scipy_search.TopK`: a score is added up in the order of the query's dimensions, and a product of
two float32 weights is exact in float64.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
from scipy import sparse

from sembridge.search.manifest import MANIFEST, POSTINGS, damaged
from sembridge.search.ranking import Best, Ranking, summable


class StoredPostings:
    """The postings of an index of N documents and V dimensions, mapped from its files.

    ends   int64 [V + 1]: the entries of dimension j are ends[j] to ends[j + 1] - 1
    ranks  int64 [N]: the rank of each document's id

    Raises IndexFolderError if the files do not fit together.
    """

    def __init__(self, folder: Path, documents: int, dimensions: int, entries: int):
        self._folder, self._documents = folder, documents
        self._checked: set[int] = set()  # dimensions whose entries were found to be possible
        self.ends = np.array(self._array("ends", np.int64, dimensions + 1))
        self.ranks = np.array(self._array("ranks", np.int64, documents))
        self._positions = self._array("positions", np.int32, entries)
        self._weights = self._array("weights", np.float32, entries)
        if self.ends[0] != 0 or self.ends[-1] != entries or (np.diff(self.ends) < 0).any():
            raise damaged(folder, f"{POSTINGS}/ends.npy does not fit the other files")

    def _array(self, name: str, dtype: type, size: int) -> np.ndarray:
        file = f"{POSTINGS}/{name}.npy"
        try:
            array = np.load(self._folder / file, mmap_mode="r", allow_pickle=False)
        except (OSError, ValueError, EOFError) as error:
            raise damaged(self._folder, f"{file} cannot be read ({type(error).__name__})") from None
        if array.dtype != dtype or array.shape != (size,):
            raise damaged(self._folder, f"{file} is not what {MANIFEST} says")
        return array

    def of(self, dimension: int) -> tuple[np.ndarray, np.ndarray]:
        """Return the documents that have a dimension, int32 ascending, and their weights, float32."""
        entries = slice(self.ends[dimension], self.ends[dimension + 1])
        positions, weights = self._positions[entries], self._weights[entries]
        if len(positions) and dimension not in self._checked:
            ascending = positions[0] >= 0 and positions[-1] < self._documents and (np.diff(positions) > 0).all()
            if not ascending or not np.isfinite(weights).all():
                raise damaged(self._folder, f"{POSTINGS} has entries that cannot be, in dimension {dimension}")
            self._checked.add(dimension)
        return positions, weights

    def top_k(self, queries: Any, k: int) -> Best:
        """Return the k best documents of each query, sparse [Q, V] float32; see `ranking.Ranking` for the order.

        Raises ValueError if a weight is not finite or the queries have another number of dimensions.
        """
        weights = summable(queries, np.float32)
        if weights.shape[1] != len(self.ends) - 1:
            problem = f"queries have {weights.shape[1]} dimensions, the index has {len(self.ends) - 1}"
            raise ValueError(f"{problem}: encode queries with the encoder of the index")
        ranking = _OneByOne(weights.shape[0], k, self.ranks, floor=0.0)
        for query in range(weights.shape[0]):
            ranking.add(query, self._scores(weights[[query]]))
        return ranking.best

    def _scores(self, query: sparse.csr_array) -> np.ndarray:
        """Return the scores of all documents for one query [1, V], float64 [N]."""
        scores = np.zeros(self._documents)
        for dimension, weight in zip(query.indices, query.data.astype(np.float64), strict=True):
            positions, weights = self.of(dimension)
            scores[positions] += weight * weights.astype(np.float64)
        return scores


class _OneByOne(Ranking):
    """Rank all documents of one query at a time."""

    def add(self, query: int, scores: np.ndarray) -> None:
        """Keep the best of the scores [N] of a query."""
        self._keep(query, scores[np.newaxis], 0)
