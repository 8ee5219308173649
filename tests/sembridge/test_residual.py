"""Rows that are more than a mixture: what `assemble` makes of a residual, worked out by hand."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest
import scipy.sparse as sp

from sembridge.assembly import _rows_in_blocks, assemble, rows_of, univariate_rows
from sembridge.initializer import COPIED, EMPTY, MIXED, OWN, SAMPLED, SPECIAL, Initialization
from sembridge.mixture.mixture import UnitVectors
from sembridge.mixture.softmax import SoftmaxMixture
from tests.helpers.transfers_made import made_transfer

ROWS = np.array([[1, 0, 0], [0, 2, 0], [0, 0, 4], [3, 3, 3], [1, 1, 0]], dtype=np.float32)
COPIES = [2, -1, 0, -1, -1, -1]
MIXTURE = np.array([[0.5, 0.25, 0, 0, 0], [0, 0, 0, 0, 0], [0, 0, 0, 0, 0], [2, 0, -0.5, 0, 0]])
RESIDUAL = np.array([[0, 0.5, 0], [0, 0, 0], [7, 8, 9], [0, 0, 0]])


def made_answer(residual=RESIDUAL, **options):
    task = made_transfer(COPIES, ROWS, target_roles=["cls", None, None, None, None, None])
    return task, assemble(task, mixture=sp.csr_array(MIXTURE), residual=residual, **options)


def test_a_residual_by_hand():
    task, answer = made_answer()
    assert answer.origin.tolist() == [SPECIAL, MIXED, COPIED, SAMPLED, OWN, MIXED]
    assert answer.rows[[1, 4, 5]].tolist() == [[0.5, 1, 0], [7, 8, 9], [2, 0, -2]]
    assert np.array_equal(answer.rows[[0, 2]], ROWS[[2, 0]])
    assert np.array_equal(answer.rows[3], univariate_rows(task)[1]), "neither a mixture nor a residual"
    assert answer.residual.dtype == np.float32
    assert answer.residual.tolist() == [[0] * 3, [0, 0.5, 0], [0] * 3, [0] * 3, [7, 8, 9], [0] * 3]
    assert answer.support.tolist() == [1, 2, 1, 0, 0, 2]
    # t1: .5, .5, 0 of the mixture, 0, .5, 0 of its own; t5 has nothing of its own
    share = pytest.approx((0.25 / (0.5 + 0.25) + 0) / 2)
    assert answer.statistics == {"copied": 1, "special": 1, "mixed": 2, "sampled": 1, "own": 1, "mean_own": share}


def test_without_a_residual_nothing_of_it_shows():
    _, answer = made_answer(None)
    assert answer.residual is None and answer.origin[4] == SAMPLED and "own" not in answer.statistics


def test_sampled_rows_have_no_residual():
    drawn = np.full((4, 3), 5.0, dtype=np.float32)
    _, answer = made_answer(sampled=drawn)
    assert answer.rows[[3, 4]].tolist() == [[5, 5, 5], [7, 8, 9]] and not answer.residual[3].any()


def test_an_id_without_a_token_gets_neither():
    task = made_transfer(COPIES, ROWS)
    tokens = (*task.target.tokens[:4], None, None)
    task = dataclasses.replace(task, target=dataclasses.replace(task.target, tokens=tokens))
    answer = assemble(task, mixture=sp.csr_array(MIXTURE), residual=np.full((4, 3), 2.0))
    assert answer.origin.tolist() == [COPIED, MIXED, COPIED, OWN, EMPTY, EMPTY]
    assert not answer.rows[4:].any() and not answer.residual[4:].any() and answer.statistics["own"] == 1


def test_the_sum_is_made_in_float64_of_the_float32_residual():
    """2^24 + 1 + 1 - 2^24 is 2, in float32 it is 0; and a residual keeps 24 bits before it is added."""
    task = made_transfer([-1], np.array([[2.0**24], [1.0]]))
    answer = assemble(task, mixture=sp.csr_array(np.ones((1, 2))), residual=np.array([[1 - 2.0**24]]))
    assert answer.rows.tolist() == [[2.0]]
    fine = assemble(task, mixture=sp.csr_array(np.array([[0.0, 1.0]])), residual=np.array([[2.0**-23 + 2.0**-50]]))
    assert fine.residual.tolist() == [[2.0**-23]] and fine.rows.tolist() == [[1 + 2.0**-23]]


@pytest.mark.parametrize("shape", [(6, 3), (4, 2), (3, 3), (4,)])
def test_a_residual_of_another_shape(shape):
    message = rf"the residual is of shape \({shape[0]}.*but there are 4 missing tokens and rows of 3 numbers"
    with pytest.raises(ValueError, match=message):
        made_answer(np.ones(shape))


def test_a_residual_that_is_not_finite():
    with pytest.raises(ValueError, match=r"made 1 rows that are not finite, the first for id 3; .*finite residuals"):
        made_answer(np.where(np.arange(4)[:, None] == 1, np.nan, RESIDUAL))


def test_rows_in_blocks_are_those_of_scipy_to_the_bit():
    rng = np.random.default_rng(3)
    mixture = sp.random_array((90, 70), density=0.3, rng=rng, dtype=np.float32, format="csr")
    mixture.sort_indices()
    rows, residual = (rng.standard_normal((n, 33)).astype(np.float32) for n in (70, 90))
    assert _rows_in_blocks(mixture, rows, residual, block=7).tobytes() == rows_of(mixture, rows, residual).tobytes()


def test_a_computed_softmax_mixture_takes_a_residual():
    """At alpha 1 the weights of a large vocabulary are computed anew each time; the residual is added all the same."""
    rng = np.random.default_rng(4)
    task = made_transfer(COPIES, ROWS)
    vectors = [rng.standard_normal((n, 4)).astype(np.float32) for n in (2, 5)]
    queries, donors = (UnitVectors(side, np.arange(len(side))) for side in vectors)
    weights = np.zeros((4, 5))
    others = sp.csr_array(weights, dtype=np.float32)
    answer = assemble(task, mixture=SoftmaxMixture(queries, donors, np.array([0, 3]), others), residual=RESIDUAL)
    units = [side / np.linalg.norm(side.astype(float), axis=1, keepdims=True) for side in vectors]
    scores = np.exp(units[0] @ units[1].T)
    weights[[0, 3]] = scores / scores.sum(axis=1, keepdims=True)
    expected = (weights @ ROWS + RESIDUAL)[[0, 2, 3]]
    np.testing.assert_allclose(answer.rows[[1, 4, 5]], expected, rtol=1e-6)
    assert answer.origin.tolist() == [COPIED, MIXED, COPIED, SAMPLED, OWN, MIXED]
    assert isinstance(answer.mixture, SoftmaxMixture) and answer.residual[4].tolist() == [7, 8, 9]


def test_the_heaviest_donor_has_the_largest_absolute_weight():
    mixture = sp.csr_array(np.array([[0.2, -0.9, 0, 0.5, -0.5], [0, 0, 0, 0, 0]], dtype=np.float32))
    answer = Initialization(ROWS[:2], mixture, np.array([MIXED, SAMPLED]))
    starts, ids, weights = answer.heaviest(3)
    assert starts.tolist() == [0, 3, 3] and ids.tolist() == [1, 3, 4]
    np.testing.assert_allclose(weights, [-0.9, 0.5, -0.5])
