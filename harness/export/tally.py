"""Count, while documents stream by, what an engine limits: active dimensions, the largest weight, special tokens."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable

import numpy as np
from scipy import sparse


class Tally:
    """Count over documents, or over queries.

    special  dimensions to count on their own
    limits   numbers of active dimensions; `beyond` counts the documents that have more than such a number

    `cut` is counted by whoever cuts, before: documents that had more dimensions than they keep.
    """

    def __init__(self, special: Iterable[int] = (), limits: Iterable[int] = ()) -> None:
        self.number = 0
        self.empty = 0
        self.cut = 0
        self.active = 0
        self.most_active = 0
        self.largest = 0.0
        self.special: Counter[int] = Counter()
        self.beyond = {limit: 0 for limit in limits}
        self._special = np.array(sorted(special), dtype=np.int64)

    def add(self, vectors: sparse.csr_array) -> None:
        """Count the rows of a matrix without zeros, [B, V]."""
        lengths = np.diff(vectors.indptr)
        self.number += len(lengths)
        self.empty += int((lengths == 0).sum())
        self.active += int(lengths.sum())
        if len(vectors.data):
            self.most_active = max(self.most_active, int(lengths.max()))
            self.largest = max(self.largest, float(vectors.data.max()))
        for limit in self.beyond:
            self.beyond[limit] += int((lengths > limit).sum())
        counts = np.bincount(vectors.indices, minlength=vectors.shape[1])
        for dimension in self._special[counts[self._special] > 0].tolist():
            self.special[dimension] += int(counts[dimension])

    @property
    def mean_active(self) -> float:
        """Return the mean number of active dimensions, 0 without documents."""
        return self.active / self.number if self.number else 0.0
