"""Directions of a token's own: how long, how steep, and what they depend on."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import scipy.sparse as sp
from hypothesis import given, settings
from hypothesis import strategies as st

import sembridge.own_direction as module
from sembridge.initializer import Transfer
from sembridge.own_direction import own_parts, quiet_directions
from tests.helpers.transfers_made import made_transfer, with_source_ids, with_target_ids


def task(count: int = 40, source: int = 90, size: int = 24, seed: int = 0) -> Transfer:
    """Return a transfer of rows that vary more in some dimensions than in others."""
    rng = np.random.default_rng(seed)
    rows = rng.standard_normal((source, size)) @ rng.standard_normal((size, size)) + 1
    return made_transfer([-1] * count, rows.astype(np.float32))


def mixture_of(transfer: Transfer, donors: int = 3, seed: int = 0) -> sp.csr_array:
    """Return a mixture [R, S] float32 of so many donors for each missing token."""
    rng, shape = np.random.default_rng(seed), (len(transfer.missing), len(transfer.source))
    weights = np.zeros(shape)
    for row in weights:
        row[rng.choice(shape[1], donors, replace=False)] = rng.dirichlet(np.ones(donors))
    return sp.csr_array(weights.astype(np.float32))


def exact(transfer: Transfer, mixture: sp.csr_array) -> tuple[np.ndarray, np.ndarray]:
    """Return (mixed rows, mean squared lengths of the donors), float64."""
    weights, rows = mixture.toarray().astype(np.float64), transfer.rows.astype(np.float64)
    return weights @ rows, weights @ (rows**2).sum(axis=1)


@given(donors=st.integers(2, 8), share=st.sampled_from([0.25, 0.5, 1.0]), seed=st.integers(0, 50))
@settings(deadline=None, max_examples=25)
def test_length_is_restored_at_a_right_angle(donors, share, seed):
    transfer = task(seed=seed)
    mixture = mixture_of(transfer, donors, seed)
    mixed, lengths = exact(transfer, mixture)
    parts = own_parts(transfer, mixture, share)
    assert parts.dtype == np.float32 and parts.shape == mixed.shape
    own = parts.astype(np.float64)
    missing = lengths - (mixed**2).sum(axis=1)
    np.testing.assert_allclose((own**2).sum(axis=1), share**2 * missing, rtol=1e-6)
    assert (
        np.abs((own * mixed).sum(axis=1)) < 1e-6 * np.linalg.norm(own, axis=1) * np.linalg.norm(mixed, axis=1)
    ).all()
    if share == 1:
        np.testing.assert_allclose(((mixed + own) ** 2).sum(axis=1), lengths, rtol=1e-6)


def test_one_donor_and_no_mixture_have_none():
    transfer = task(3)
    weights = np.zeros((3, 90), dtype=np.float32)
    weights[0, 7], weights[1, [7, 8]] = 1, 0.5
    assert own_parts(transfer, sp.csr_array(weights), 1.0).any(axis=1).tolist() == [False, True, False]
    assert own_parts(replace(transfer), sp.csr_array(weights), 0.0).any() == np.False_


def test_equal_donors_and_opposite_donors():
    """Twice the same row misses nothing; a row and its opposite mix to 0, and all of the length is the token's own."""
    transfer = task(2)
    rows = transfer.rows.copy()
    rows[1], rows[3] = rows[0], -rows[2]
    transfer = replace(transfer, rows=rows)
    weights = np.zeros((2, 90), dtype=np.float32)
    weights[0, [0, 1]], weights[1, [2, 3]] = 0.5, 0.5
    same, opposite = own_parts(transfer, sp.csr_array(weights), 1.0)
    assert not same.any() and np.linalg.norm(opposite) == pytest.approx(np.linalg.norm(rows[2]), rel=1e-6)


def test_tokens_with_the_same_donors_are_told_apart():
    transfer = task(60)
    weights = np.zeros((60, 90), dtype=np.float32)
    weights[:, [3, 4, 5]] = 0.25, 0.5, 0.25
    parts = own_parts(transfer, sp.csr_array(weights), 1.0)
    units = parts / np.linalg.norm(parts, axis=1, keepdims=True)
    cosines = units @ units.T - np.eye(60)
    assert cosines.max() < 0.95 and abs(cosines.sum() / (60 * 59)) < 0.05
    assert len({row.tobytes() for row in parts}) == 60


@given(seed=st.integers(0, 30), count=st.integers(1, 40))
@settings(deadline=None, max_examples=20)
def test_a_direction_depends_on_no_other_token(seed, count):
    transfer = task()
    order = np.random.default_rng(seed).permutation(40)[:count]
    mixture = mixture_of(transfer)
    whole = own_parts(transfer, mixture, 0.5)
    some = own_parts(with_target_ids(transfer, order), mixture[order], 0.5)
    np.testing.assert_allclose(some, whole[order], rtol=1e-6, atol=1e-7)


def test_numbering_of_the_source_changes_nothing():
    transfer, order = task(), np.random.default_rng(1).permutation(90)
    mixture = mixture_of(transfer)
    moved = own_parts(with_source_ids(transfer, order), sp.csr_array(mixture[:, order]), 0.5)
    np.testing.assert_allclose(moved, own_parts(transfer, mixture, 0.5), atol=1e-5)


@pytest.mark.parametrize(
    "rows",
    [
        np.random.default_rng(0).standard_normal((6, 24)),  # 6 rows vary in 5 of 24 dimensions, the other 19 are tied
        np.vstack([np.eye(24), -np.eye(24)]),  # all are tied
        np.vstack([np.diag([3.0] * 4 + [1.0] * 16 + [0.5] * 4), np.zeros((1, 24))]),  # tied across the middle
    ],
    ids=["few rows", "a sphere", "tied in the middle"],
)
def test_numbering_changes_nothing_where_variances_are_tied(rows):
    """An eigendecomposition chooses among tied axes by rounding; a direction must not."""
    transfer = made_transfer([-1] * 9, rows.astype(np.float32))
    expected = quiet_directions(transfer, list(transfer.target.tokens), 0)
    np.testing.assert_allclose(np.linalg.norm(expected, axis=1), 1, rtol=1e-12)
    for seed in range(5):
        order = np.random.default_rng(seed).permutation(len(rows))
        moved = quiet_directions(with_source_ids(transfer, order), list(transfer.target.tokens), 0)
        np.testing.assert_allclose(moved, expected, atol=1e-8)


def test_directions_lie_where_source_rows_vary_least():
    """Planted: 24 dimensions, the rows vary in the first 12, little in the others. A rotation turns both."""
    rng = np.random.default_rng(2)
    scale = np.where(np.arange(24) < 12, 5.0, 0.1)
    rotation = np.linalg.qr(rng.standard_normal((24, 24)))[0]
    for turn in (np.eye(24), rotation):
        rows = (rng.standard_normal((500, 24)) * scale) @ turn
        transfer = made_transfer([-1] * 30, rows.astype(np.float32))
        directions = quiet_directions(transfer, list(transfer.target.tokens), 0) @ turn.T
        assert np.abs(directions[:, :12]).max() < 0.02
        assert (directions[:, 12:] ** 2).sum(axis=1).min() > 0.99


def test_rows_that_do_not_donate_change_nothing():
    transfer = task()
    left_out = np.arange(90) < 4
    rows = transfer.rows.copy()
    rows[:4] = np.nan
    spoiled = replace(transfer, rows=rows, left_out=left_out)
    mixture = mixture_of(transfer).toarray()
    mixture[:, :4] = 0
    parts = own_parts(spoiled, sp.csr_array(mixture), 0.5)
    assert np.isfinite(parts).all()
    np.testing.assert_allclose(parts, own_parts(replace(transfer, left_out=left_out), sp.csr_array(mixture), 0.5))


def test_seeds_and_names_choose_directions():
    transfer = task(3)
    names = ["t0", "t1", "\ud800", None]
    first, again, other = (quiet_directions(transfer, names, seed) for seed in (0, 0, 1))
    assert np.array_equal(first, again) and np.abs(first - other).max(axis=1).min() > 0.05
    np.testing.assert_allclose(quiet_directions(transfer, names[2:], 0), first[2:], rtol=1e-12)
    assert quiet_directions(transfer, [], 0).shape == (0, 24)


@pytest.mark.parametrize("block", [1, 7, 50])
def test_blocks_change_nothing(block, monkeypatch):
    transfer = task(130)
    mixture = mixture_of(transfer)
    whole = own_parts(transfer, mixture, 0.5)
    monkeypatch.setattr(module, "_BLOCK", block)
    np.testing.assert_allclose(own_parts(transfer, mixture, 0.5), whole, rtol=1e-6, atol=1e-7)


def test_one_dimension_has_no_right_angle():
    transfer = made_transfer([-1], np.array([[1.0], [3.0]]))
    assert own_parts(transfer, sp.csr_array(np.array([[0.5, 0.5]], dtype=np.float32)), 1.0).tolist() == [[0.0]]
