"""Compare the vectors of a graph with those of the encoder that it was made of."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy import sparse

from sembridge.search.pruning import canonical

MOST_DIFFERENCE = 1e-3
"""Difference of a weight that rounding may explain, as a share of the largest weight; usual are some millionths."""


@dataclass(frozen=True)
class Comparison:
    """How vectors of the same texts differ.

    texts       how many were compared
    difference  largest absolute difference of a weight
    alike       texts with the same active dimensions
    one_sided   dimensions that are active on one side only, over all texts
    heaviest    largest weight of these
    largest     largest weight that the encoder gives
    """

    texts: int
    difference: float
    alike: int
    one_sided: int = 0
    heaviest: float = 0.0
    largest: float = 0.0

    @property
    def agrees(self) -> bool:
        """Return whether the vectors differ by no more than rounding explains."""
        return self.difference <= MOST_DIFFERENCE * max(1.0, self.largest)


def compare(own: sparse.csr_array, other: sparse.csr_array) -> Comparison:
    """Compare vectors [N, V] of the same texts; a weight that is not a number differs infinitely."""
    own, other = canonical(own), canonical(other)
    if not (np.isfinite(own.data).all() and np.isfinite(other.data).all()):
        return Comparison(own.shape[0], float("inf"), 0)
    difference = abs(own - other)
    active = [matrix.astype(bool).astype(np.int8) for matrix in (own, other)]
    apart = canonical(abs(active[0] - active[1]))
    weights = own.maximum(other).multiply(apart)
    return Comparison(
        own.shape[0],
        float(difference.max()) if difference.nnz else 0.0,
        int((np.diff(apart.indptr) == 0).sum()),
        apart.nnz,
        float(weights.max()) if apart.nnz else 0.0,
        float(own.max()) if own.nnz else 0.0,
    )
