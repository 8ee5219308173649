"""Mixtures by approximate scores against the definition: every score summed exactly, then entmax over all of them."""

from __future__ import annotations

from dataclasses import replace
from math import fsum

import numpy as np
import pytest
import torch
from entmax import entmax_bisect
from hypothesis import example, given, settings
from hypothesis import strategies as st

import sembridge.mixture.mixture as module
from sembridge.mixture.entmax import entmax
from sembridge.mixture.mixture import UnitVectors, mixtures, screened, supports
from sembridge.mixture.screening import Screen
from tests.helpers.triton_device import NEEDS_GPU

ALPHAS = (1.01, 1.5, 2.0, 2.5, 4.0, 50.0)
DTYPES = (torch.bfloat16, torch.float32)


def every(vectors: np.ndarray, extra: np.ndarray | None = None) -> UnitVectors:
    return UnitVectors(vectors, np.arange(len(vectors)), extra)


def bridge_like(count: int, size: int = 24, common: float = 1.0, seed: int = 0) -> np.ndarray:
    """Return vectors with a common direction, like a sentence encoder's; larger `common`, flatter similarities."""
    rng = np.random.default_rng(seed)
    return (rng.standard_normal((count, size)) + common).astype(np.float32)


def exact_scores(queries: UnitVectors, donors: UnitVectors) -> np.ndarray:
    return np.array([[fsum((q * d).tolist()) for d in donors.points()] for q in queries.points()])


def unit_vectors(
    count: int, donors: int, size: int, common: float, repeated: bool, beside: bool, seed: int
) -> tuple[UnitVectors, UnitVectors]:
    """Queries and donors; the donors from a few vectors only where they are repeated, and the queries among them."""
    rng = np.random.default_rng(seed)
    offers = bridge_like(donors, size, common, seed)
    if repeated:
        offers = offers[rng.integers(0, max(1, donors // 5), donors)]
    rows = np.concatenate(
        [offers[rng.integers(0, donors, count // 2)], bridge_like(count - count // 2, size, common, seed + 1)]
    )
    extra = (rng.choice([-0.2, 0.2], count), rng.choice([-0.2, 0.2], donors)) if beside else (None, None)
    return every(rows, extra[0]), every(offers, extra[1])


@given(
    count=st.integers(1, 7),
    donors=st.sampled_from([1, 2, 17, 63, 64, 65, 127, 128, 129, 200]),
    size=st.sampled_from([2, 7, 8, 9, 24, 33]),
    common=st.sampled_from([0.0, 1.0, 8.0, 100.0]),
    repeated=st.booleans(),
    beside=st.booleans(),
    alphas=st.lists(st.sampled_from(ALPHAS), min_size=1, max_size=3),
    rounded=st.booleans(),
    dtype=st.sampled_from(DTYPES),
    block=st.sampled_from([1, 3, 512]),
    seed=st.integers(0, 99),
)
@example(7, 200, 24, 1.0, True, True, [4.0, 1.5, 2.0], False, torch.bfloat16, 3, 0)
@example(7, 200, 24, 1.0, True, True, [4.0, 1.5, 2.0], True, torch.bfloat16, 3, 0)
@settings(deadline=None, max_examples=60)
def test_equals_the_definition(count, donors, size, common, repeated, beside, alphas, rounded, dtype, block, seed):
    queries, offers = unit_vectors(count, donors, size, common, repeated, beside, seed)
    queries, offers = replace(queries, rounded=rounded), replace(offers, rounded=rounded)
    scores = exact_scores(queries, offers)
    solved = screened(queries, offers, alphas, Screen(offers.points, donors, dtype, "cpu"), block, threads=2)
    for weights, alpha in zip(solved, alphas, strict=True):
        assert (
            weights.shape == scores.shape
            and weights.dtype == np.float32
            and weights.has_sorted_indices
            and (weights.data > 0).all()
        )
        expected = entmax(scores, alpha)[0]
        # how well scores of 16 digits decide a weight: one at the threshold is the (alpha - 1)th root of what is lost
        unsure = (4e-16 * max(1.0, alpha)) ** (1 / max(1.0, alpha - 1))
        clear = np.abs(expected - unsure) > unsure if alpha > 2 else np.ones_like(scores, dtype=bool)
        np.testing.assert_allclose(
            weights.toarray()[clear],
            expected[clear],
            rtol=1e-5 if alpha > 2 else 1e-6,
            atol=1e-9 + unsure * (alpha > 2),
        )
        np.testing.assert_allclose(weights.sum(axis=1), 1, atol=1e-6)


@pytest.mark.parametrize("rounded", [False, True])
@pytest.mark.parametrize("common", [1.0, 8.0])
def test_neither_precision_nor_blocks_nor_threads_nor_other_alphas_change_a_bit(common, rounded):
    queries, offers = (replace(side, rounded=rounded) for side in unit_vectors(70, 700, 24, common, True, True, 5))
    alphas = [1.25, 1.5, 2.0, 2.5, 4.0]
    first = screened(queries, offers, alphas, Screen(offers.points, 700, torch.bfloat16, "cpu"), block=512, threads=1)
    assert max(weights.nnz for weights in first) > 70 * 64 and min(weights.nnz for weights in first) < 70 * 64
    for dtype, block, threads in (
        (torch.bfloat16, 1, 2),
        (torch.float32, 7, 1),
        (torch.float32, 64, 3),
        (torch.bfloat16, 65, 2),
    ):
        screen = Screen(offers.points, 700, dtype, "cpu")
        again = screened(queries, offers, alphas[::-1], screen, block, threads)[::-1]
        for i, alpha in enumerate(alphas):
            (alone,) = screened(queries, offers, [alpha], screen, block, threads)
            for other in (again[i], alone):
                assert np.array_equal(other.indptr, first[i].indptr) and np.array_equal(other.indices, first[i].indices)
                assert other.data.tobytes() == first[i].data.tobytes()


def test_screening_ahead_as_on_a_gpu_changes_no_bit(monkeypatch):
    """One block, several, and a last one that is shorter."""
    queries, offers = unit_vectors(50, 700, 24, 1.0, True, True, 5)
    expected = screened(queries, offers, [1.5, 3.0], Screen(offers.points, 700, None, "cpu"))
    monkeypatch.setattr(Screen, "beside", True)
    for block in (50, 17, 1):
        ahead = screened(queries, offers, [1.5, 3.0], Screen(offers.points, 700, None, "cpu"), block)
        for left, right in zip(ahead, expected, strict=True):
            assert left.data.tobytes() == right.data.tobytes() and np.array_equal(left.indices, right.indices)
            assert np.array_equal(left.indptr, right.indptr)


def test_donors_alike_get_the_same_bits():
    donors = np.tile(bridge_like(150, seed=1), (2, 1))
    donors[150:] *= np.float32(2.0) ** np.random.default_rng(0).integers(-30, 30, (150, 1))
    for weights in screened(
        every(bridge_like(20, seed=2)), every(donors), [1.5, 4.0], Screen(every(donors).points, 300)
    ):
        assert np.array_equal(*np.split(weights.toarray(), 2, axis=1)) and weights.nnz


def test_agrees_with_the_package_and_with_the_plain_computation():
    queries, donors = every(bridge_like(40, 64, seed=3)), every(bridge_like(3000, 64, seed=4))
    cosines = torch.from_numpy(queries.points() @ donors.points().T)
    alphas = [1.25, 1.5, 2.0, 2.5, 3.0, 4.0]
    solved, plain = screened(queries, donors, alphas, Screen(donors.points, 3000)), mixtures(queries, donors, alphas)
    for alpha, weights, other in zip(alphas, solved, plain, strict=True):
        np.testing.assert_allclose(weights.toarray(), entmax_bisect(cosines, alpha, n_iter=200).numpy(), atol=1e-6)
        np.testing.assert_allclose(weights.toarray(), other.toarray(), atol=1e-9 if alpha <= 2 else 1e-6)


def test_supports_are_the_numbers_of_weights(monkeypatch):
    """With positions and a scale, whatever the number of queries that are counted at a time."""
    rng = np.random.default_rng(5)
    queries, donors = (
        UnitVectors(bridge_like(count, 32, seed=count), np.arange(0, count, 2), rng.choice([-0.2, 0.2], count // 2))
        for count in (300, 400)
    )
    queries, alphas = replace(queries, scale=0.7), [1.5, 2.0, 4.0, 12.0]
    sizes = supports(queries, donors, alphas)
    assert np.array_equal(sizes, [np.diff(weights.indptr) for weights in mixtures(queries, donors, alphas)])
    assert sizes.shape == (4, 150) and (np.diff(sizes.mean(axis=1)) < 0).all()
    for some in (1, 7, 1000):
        monkeypatch.setattr(module, "_SLICE", some)
        assert np.array_equal(supports(queries, donors, alphas), sizes)


def test_equal_donors_all_count_at_a_large_alpha():
    """One rounding between them would leave the fourth without weight: at alpha 32 it weighs more than a third."""
    rng = np.random.default_rng(6)
    best = bridge_like(1, 301, seed=6)[0]
    donors = np.vstack([bridge_like(90, 301, seed=7), np.tile(best, (40, 1))])[rng.permutation(130)]
    queries = best + rng.normal(0, 1e-3, (50, 301)).astype(np.float32)
    for scale in (1.0, 0.37):
        sizes = supports(replace(every(queries), scale=scale), every(donors), [32.0])
        assert (sizes == 40).all()


def test_directions_are_some_rows_of_a_table(monkeypatch):
    """By both ways: weights stand at the donors' places in their table."""
    table, ids = bridge_like(300, seed=6), np.arange(1, 300, 3)
    queries = UnitVectors(bridge_like(50, seed=7), np.arange(0, 50, 2))
    expected = entmax(exact_scores(queries, UnitVectors(table, ids)), 2.0)[0]
    for small in (1 << 60, 0):
        monkeypatch.setattr(module, "_SMALL", small)
        (weights,) = mixtures(queries, UnitVectors(table, ids), [2.0])
        assert weights.shape == (25, 300)
        np.testing.assert_allclose(weights.toarray()[:, ids], expected, atol=1e-7)
        assert abs(weights.sum() - 25) < 1e-4


def test_the_fast_way_is_taken_for_large_vocabularies_only(monkeypatch):
    taken = []
    monkeypatch.setattr(module, "screened", lambda *_: taken.append("fast") or [])
    monkeypatch.setattr(module, "_SMALL", 50 * 80)
    mixtures(every(bridge_like(50)), every(bridge_like(79)), [2.0])
    mixtures(every(bridge_like(50).astype(np.float64)), every(bridge_like(80)), [2.0])
    assert not taken
    mixtures(every(bridge_like(50)), every(bridge_like(80)), [2.0])
    assert taken


def test_what_cannot_be_compared(monkeypatch):
    monkeypatch.setattr(module, "_SMALL", 0)
    good, bad = every(bridge_like(5)), every(np.vstack([bridge_like(4), np.zeros((1, 24), dtype=np.float32)]))
    for sides in ((good, bad), (bad, good)):
        with pytest.raises(ValueError, match="finite, non-zero"):
            mixtures(*sides, [2.0])
    with pytest.raises(ValueError, match=r"alpha 0\.5 .*alpha >= 1"):
        mixtures(good, good, [2.0, 0.5])


@NEEDS_GPU
@pytest.mark.gpu
def test_a_gpu_gives_the_same_bits():
    queries, offers = unit_vectors(300, 3000, 128, 1.0, True, True, 11)
    here, there = (
        screened(queries, offers, [1.5, 2.5, 4.0], Screen(offers.points, 3000, None, device))
        for device in ("cpu", "cuda")
    )
    for left, right in zip(here, there, strict=True):
        assert left.data.tobytes() == right.data.tobytes() and np.array_equal(left.indices, right.indices)
