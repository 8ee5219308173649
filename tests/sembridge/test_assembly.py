"""Decisions of a method become rows and origins, worked out by hand; what each method owes is in test_contract.py."""

from __future__ import annotations

import numpy as np
import scipy.sparse as sp
import torch

from sembridge.assembly import _rows_in_blocks, assemble, rows_of, univariate_rows
from sembridge.initializer import COPIED, MIXED, SAMPLED, SPECIAL
from tests.helpers.transfers_made import made_transfer

ROWS = np.random.default_rng(0).standard_normal((5, 3)).astype(np.float32)


def made_answer(**options):
    task = made_transfer([2, -1, 0, -1, -1], ROWS, target_roles=["cls", None, None, None, "special"])
    mixture = sp.csr_array(np.array([[0, 0.25, 0, 0, 0.75], [0, 0, 0, 0, 0], [0, 0, 0, 1, 0]]))
    return task, assemble(task, mixture=mixture, **options)


def test_assemble_by_hand():
    task, answer = made_answer(statistics={"extra": 3})
    assert answer.origin.tolist() == [SPECIAL, MIXED, COPIED, SAMPLED, MIXED]
    assert answer.mixture.toarray().tolist() == [
        [0, 0, 1, 0, 0],
        [0, 0.25, 0, 0, 0.75],
        [1, 0, 0, 0, 0],
        [0] * 5,
        [0, 0, 0, 1, 0],
    ]
    np.testing.assert_allclose(answer.rows[1], 0.25 * ROWS[1] + 0.75 * ROWS[4], rtol=1e-6)
    assert np.array_equal(answer.rows[[0, 2, 4]], ROWS[[2, 0, 3]]) and np.array_equal(
        answer.rows[3], univariate_rows(task)[1]
    )
    assert answer.statistics == {"copied": 1, "special": 1, "mixed": 2, "sampled": 1, "extra": 3}


def test_assemble_takes_other_donor_rows_for_mixtures_alone():
    _, answer = made_answer(donor_rows=ROWS * 2, sampled=np.full((3, 3), 9, dtype=np.float32))
    np.testing.assert_allclose(answer.rows[4], ROWS[3] * 2)
    assert np.array_equal(answer.rows[[0, 2]], ROWS[[2, 0]]) and (answer.rows[3] == 9).all()


def test_without_a_mixture_every_missing_row_is_sampled():
    task = made_transfer([1, -1, -1], ROWS)
    answer = assemble(task)
    assert answer.origin.tolist() == [COPIED, SAMPLED, SAMPLED] and answer.support.tolist() == [1, 0, 0]
    assert np.array_equal(answer.rows[1:], univariate_rows(task)) and np.array_equal(answer.rows[0], ROWS[1])
    assert answer.rows.dtype == np.float32 and answer.mixture.dtype == np.float32


def test_a_special_role_without_a_source_row_is_not_special():
    """Origin `special` means a copied row; a role that the source lacks is sampled or mixed like any other token."""
    answer = assemble(made_transfer([0, -1], ROWS, target_roles=["cls", "mask"]))
    assert answer.origin.tolist() == [SPECIAL, SAMPLED]


def test_nothing_missing():
    answer = assemble(made_transfer([4, 0], ROWS))
    assert np.array_equal(answer.rows, ROWS[[4, 0]])
    assert answer.statistics == {"copied": 2, "special": 0, "mixed": 0, "sampled": 0}


def test_sums_are_made_in_float64():
    """2^24 + 1 - 2^24 is 1; in float32 the 1 would be lost."""
    rows = np.array([[2.0**24], [1.0], [-(2.0**24)]], dtype=np.float32)
    mixture = sp.csr_array(np.ones((1, 3), dtype=np.float32))
    assert rows_of(mixture, rows).tolist() == [[1.0]] and _rows_in_blocks(mixture, rows).tolist() == [[1.0]]


def test_rows_of_a_large_mixture_are_those_of_scipy_to_the_bit():
    rng = np.random.default_rng(12)
    mixture = sp.random_array((90, 700), density=0.3, rng=rng, dtype=np.float32, format="lil")
    mixture[[0, 40, 89]] = 0
    mixture = mixture.tocsr()
    mixture.sort_indices()
    for rows in (rng.standard_normal((700, 33)).astype(np.float32), rng.standard_normal((700, 5))):
        assert _rows_in_blocks(mixture, rows, block=7).tobytes() == rows_of(mixture, rows).tobytes()


def test_fallback_rows_follow_the_source_rows():
    rows = np.random.default_rng(1).normal([5, -3, 0], [0.1, 2, 1], size=(4000, 3))
    drawn = univariate_rows(made_transfer([-1] * 4000, rows))
    np.testing.assert_allclose(drawn.mean(0), rows.mean(0), atol=0.15)
    np.testing.assert_allclose(drawn.std(0), rows.std(0), rtol=0.05)


def test_fallback_rows_depend_on_the_seed_alone():
    torch.manual_seed(1)
    first = univariate_rows(made_transfer([-1] * 4, ROWS, seed=3))
    torch.manual_seed(2)
    assert np.array_equal(first, univariate_rows(made_transfer([-1] * 4, ROWS, seed=3)))
    assert not np.array_equal(first, univariate_rows(made_transfer([-1] * 4, ROWS, seed=4)))
    constant = np.full((5, 3), 0.5, dtype=np.float32)
    assert (univariate_rows(made_transfer([-1], constant)) == 0.5).all(), "a dimension that does not vary stays"
