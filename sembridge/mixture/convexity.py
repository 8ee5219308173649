"""Tell convex weights from others, and turn any weights into those of a mean.

Shapes: n rows, S source tokens.
"""

from __future__ import annotations

import numpy as np
import scipy.sparse as sp

from sembridge.mixture.softmax import SoftmaxMixture

_ROUNDING = 1e-3  # how far from 1 the sum of convex weights may be; half precision is off by half of it


def not_convex(mixture: sp.csr_array | SoftmaxMixture) -> np.ndarray:
    """Return which rows of a mixture [n, S] have a negative weight, or weights that do not sum to 1 [n] bool.

    Rows without weights are not among them.
    """
    stored = mixture.others if isinstance(mixture, SoftmaxMixture) else mixture
    has_weights, row_of = np.diff(stored.indptr) > 0, _row_of(stored)
    sums = np.bincount(row_of, stored.data, stored.shape[0])
    has_negative = np.bincount(row_of, stored.data < 0, stored.shape[0]) > 0
    return has_weights & (has_negative | ~(np.abs(sums - 1) <= _ROUNDING))  # sums that are not finite, too


def mean_weights(mixture: sp.csr_array | SoftmaxMixture) -> tuple[sp.csr_array | SoftmaxMixture, np.ndarray]:
    """Return (weights [n, S] float64 none of which is negative, what each row lacks to a sum of 1 [n]).

    Convex rows stay as they are, to the bit. Of other rows the negative weights are dropped, and what remains is scaled
    to 1 where it sums to more.
    """
    if isinstance(mixture, SoftmaxMixture):
        others, lacking = mean_weights(mixture.others)
        lacking[mixture.places] = 0
        return SoftmaxMixture(mixture.queries, mixture.donors, mixture.places, others), lacking
    odd, row_of = not_convex(mixture), _row_of(mixture)
    lacking = np.where(np.diff(mixture.indptr) > 0, 0.0, 1.0)
    if not odd.any():
        return mixture.astype(np.float64), lacking
    data = np.where(odd[row_of], np.maximum(mixture.data, 0), mixture.data).astype(np.float64)
    sums = np.bincount(row_of, data, mixture.shape[0])
    lacking[odd] = np.maximum(0, 1 - sums[odd])
    data[odd[row_of]] /= np.maximum(1, sums[row_of[odd[row_of]]])
    weights = sp.csr_array((data, mixture.indices.copy(), mixture.indptr.copy()), shape=mixture.shape)
    weights.eliminate_zeros()  # a dropped weight does not meet the value of its donor, which may be NaN
    return weights, lacking


def _row_of(mixture: sp.csr_array) -> np.ndarray:
    return np.repeat(np.arange(mixture.shape[0]), np.diff(mixture.indptr))
