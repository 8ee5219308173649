"""Which weights are convex, and what of the others is left for a mean, worked out by hand."""

from __future__ import annotations

import numpy as np
import pytest
import scipy.sparse as sp
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from sembridge.initializer import MIXED, Initialization
from sembridge.mixture.convexity import mean_weights, not_convex
from sembridge.mixture.mixture import UnitVectors
from sembridge.mixture.softmax import SoftmaxMixture

WEIGHTS = [[0.25, 0.75, 0], [0, 0, 0], [1.5, 0.5, -1], [0.2, 0.3, -0.4], [-0.5, -0.5, 0], [0, 0.5, 0]]
MEAN_WEIGHTS = [[0.25, 0.75, 0], [0, 0, 0], [0.75, 0.25, 0], [0.2, 0.3, 0], [0, 0, 0], [0, 0.5, 0]]
LACKING = [0, 1, 0, 0.5, 1, 0.5]
VALUES = np.array([8.0, 0.0, 4.0])


def mixture(weights=WEIGHTS):
    return sp.csr_array(np.array(weights, dtype=np.float32))


def test_convex_rows():
    assert not_convex(mixture()).tolist() == [False, False, True, True, True, True]
    assert not_convex(mixture([[0.1] * 10, [0.09995] * 10, [0.099] * 10])).tolist() == [False, False, True]
    assert not_convex(mixture([[np.nan, 1]])).tolist() == [True]


def test_weights_of_a_mean():
    weights, lacking = mean_weights(mixture())
    np.testing.assert_allclose(weights.toarray(), MEAN_WEIGHTS, atol=1e-7)
    np.testing.assert_allclose(lacking, LACKING, atol=1e-7)


def test_convex_rows_keep_their_bits_beside_others():
    uneven = np.random.default_rng(0).random((1, 50)).astype(np.float32)
    uneven /= uneven.sum(dtype=np.float32)
    assert uneven.sum(dtype=np.float64) != 1
    signed = np.zeros((1, 50), dtype=np.float32)
    signed[0, :2] = [3, -2]
    weights, lacking = mean_weights(sp.csr_array(np.concatenate([uneven, signed])))
    assert np.array_equal(weights.toarray()[0], uneven[0].astype(np.float64)) and lacking[0] == 0


def test_numbers_are_carried_by_mean_weights():
    answer = Initialization(np.zeros((6, 1)), mixture(), np.array([MIXED] * 6))
    # mean 4: .25*8; the mean; .75*8; .2*8 + .5*4; the mean; .5*0 + .5*4
    np.testing.assert_allclose(answer.carry(VALUES), [2, 4, 6, 3.6, 4, 2], rtol=1e-6)


def test_a_token_left_out_is_in_no_number():
    """A negative weight on a row with NaN is refused by the rows; here it shows that nothing is multiplied by it."""
    answer = Initialization(np.zeros((1, 1)), mixture([[2, 0, -1]]), np.array([MIXED]))
    assert answer.carry(np.array([8.0, 0.0, np.nan])).tolist() == [8]


def test_a_computed_softmax_mixture_beside_signed_rows():
    rng = np.random.default_rng(1)
    queries, donors = (UnitVectors(rng.standard_normal((n, 4)).astype(np.float32), np.arange(n)) for n in (2, 3))
    others = [[0, 0, 0], [0, 0, 0], *WEIGHTS[2:]]
    combined = SoftmaxMixture(queries, donors, np.array([0, 1]), mixture(others))
    assert not_convex(combined).tolist() == [False, False, True, True, True, True]
    carried = Initialization(np.zeros((6, 1)), combined, np.array([MIXED] * 6)).carry(VALUES)
    np.testing.assert_allclose(carried[:2], combined.weights(slice(0, 2)) @ VALUES, rtol=1e-6)
    np.testing.assert_allclose(carried[2:], [6, 3.6, 4, 2], rtol=1e-6)


@given(
    arrays(np.float32, (4, 5), elements=st.floats(-9, 9, width=32)),
    arrays(np.float32, 5, elements=st.floats(0, 50, width=32)),
)
def test_no_number_leaves_the_range_of_the_source(weights, values):
    carried = Initialization(np.zeros((4, 1)), sp.csr_array(weights), np.array([MIXED] * 4)).carry(values)
    # convex rows are taken as they are, and their sums may be off by .001
    assert (carried >= values.min() - 0.001 * 50).all() and (carried <= values.max() + 0.001 * 50).all()
    assert (carried >= 0).all()


@pytest.mark.parametrize("scale", [1.0, 2.0, 50.0])
def test_positive_weights_count_by_their_shares(scale):
    """From a sum of 1 on, only shares matter, so a method may give rows any length."""
    answer = Initialization(np.zeros((1, 1)), mixture([[0.25 * scale, 0.75 * scale, -scale]]), np.array([MIXED]))
    np.testing.assert_allclose(answer.carry(VALUES), [2], rtol=1e-6)
