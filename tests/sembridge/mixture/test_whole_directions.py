"""Rounded directions: their products are exact, whatever the order, and mixtures of them differ by next to nothing."""

from __future__ import annotations

from dataclasses import replace
from fractions import Fraction

import numpy as np
import pytest
import scipy.sparse as sp
from hypothesis import given, settings
from hypothesis import strategies as st

from sembridge.mixture.entmax import entmax, unit
from sembridge.mixture.mixture import UnitVectors, exact_scores, screened
from sembridge.mixture.screening import Screen
from sembridge.mixture.softmax import SoftmaxMixture
from sembridge.mixture.whole_directions import WHOLE, whole
from sembridge.mixture.whole_kernel import score_whole


def made(count: int, size: int, seed: int, common: float = 1.0) -> np.ndarray:
    return (np.random.default_rng(seed).standard_normal((count, size)) + common).astype(np.float32)


def exact(query: np.ndarray, donor: np.ndarray) -> int:
    return sum(int(a) * int(b) for a, b in zip(query, donor, strict=True))


def test_directions_are_rounded_to_the_nearest_whole_number():
    vectors = made(50, 33, 0) * np.float32(1e-20)
    assert np.array_equal(whole(vectors), np.round(whole(vectors)))
    assert np.abs(whole(vectors) / WHOLE - unit(vectors)).max() <= 0.5 / WHOLE
    assert whole(np.array([[0.0, -3.0]], dtype=np.float32)).tolist() == [[0.0, -WHOLE]]
    with pytest.raises(ValueError, match="finite, non-zero"):
        whole(np.zeros((1, 3), dtype=np.float32))


@given(
    size=st.sampled_from([1, 2, 7, 24, 33, 1024]),
    donors=st.sampled_from([1, 4, 127, 128, 129, 300]),
    share=st.sampled_from([0.0, 0.05, 0.5, 1.0]),
    common=st.sampled_from([0.0, 1.0, 1e4]),
    seed=st.integers(0, 99),
)
@settings(deadline=None, max_examples=40)
def test_products_are_exact(size, donors, share, common, seed):
    """By Python's whole numbers, which have no largest. With `common` 1e4 all directions are nearly alike."""
    rng = np.random.default_rng(seed)
    queries, offers = whole(made(3, size, seed, common)), whole(made(donors, size, seed + 1, common)).astype(np.int32)
    candidate = rng.random((3, donors)) < share
    ids, result = candidate.nonzero()[1].astype(np.int32), np.empty(candidate.sum())
    score_whole(ids, candidate.sum(1), queries, offers, result)
    assert [int(product) for product in result] == [exact(queries[i], offers[j]) for i, j in np.argwhere(candidate)]


def test_the_order_of_dimensions_changes_no_bit():
    """As it does where directions are not rounded."""
    sides, order = (made(6, 384, 1), made(90, 384, 2)), np.random.default_rng(3).permutation(384)
    counts, ids = np.full(6, 90), np.tile(np.arange(90, dtype=np.int32), 6)
    for rounded in (True, False):
        points = whole(sides[0]) / WHOLE if rounded else unit(sides[0])
        found = []
        for columns in (np.arange(384), order):
            donors = UnitVectors(np.ascontiguousarray(sides[1][:, columns]), np.arange(90), rounded=rounded)
            # Lengths are sums that are rounded: here they are those of the first order.
            object.__setattr__(donors, "lengths", np.linalg.norm(sides[1].astype(np.float64), axis=1))
            object.__setattr__(donors, "whole", np.ascontiguousarray(whole(sides[1])[:, columns].astype(np.int32)))
            found.append(exact_scores(ids, counts, np.ascontiguousarray(points[:, columns]), 1.0, donors))
        assert (found[0].tobytes() == found[1].tobytes()) == rounded


@pytest.mark.parametrize("scale", [1.0, 0.37, 5e4])
def test_scores_are_the_scaled_cosine_and_the_product_of_positions(scale):
    """By fractions; only the last two steps are rounded."""
    queries = UnitVectors(made(3, 19, 1), np.arange(3), np.array([0.3, -0.3, 0.3]), scale, rounded=True)
    donors = UnitVectors(made(200, 19, 2), np.arange(0, 200, 2), np.linspace(-0.3, 0.3, 100), rounded=True)
    counts, ids = np.full(3, 100), np.tile(np.arange(100, dtype=np.int32), 3)
    scores = exact_scores(ids, counts, queries.points(), scale, donors).reshape(3, 100)
    for i, query in enumerate(whole(queries.vectors)):
        for j, donor in enumerate(whole(donors.vectors[donors.ids])):
            cosine = float(Fraction(exact(query, donor), int(WHOLE) ** 2)) * scale
            assert scores[i, j] == cosine + queries.position[i] * donors.position[j]


@pytest.mark.parametrize("alpha", [1.25, 1.5, 1.9])
def test_weights_are_those_of_the_directions_as_they_were(alpha):
    queries, donors = (UnitVectors(made(n, 256, n), np.arange(n)) for n in (30, 2000))
    expected = entmax(queries.points() @ donors.points().T, alpha)[0]
    rounded = [replace(side, rounded=True) for side in (queries, donors)]
    (weights,) = screened(*rounded, [alpha], Screen(rounded[1].points, 2000))
    assert weights.nnz > 30 * 50
    np.testing.assert_allclose(weights.toarray(), expected, rtol=1e-6, atol=1e-7)


def test_softmax_computed_on_demand():
    queries, donors = (UnitVectors(made(n, 64, n), np.arange(n), rounded=True) for n in (30, 200))
    mixture = SoftmaxMixture(queries, donors, np.arange(30), sp.csr_array((30, 200), dtype=np.float32))
    scores = whole(queries.vectors) @ whole(donors.vectors).T / WHOLE**2
    assert np.array_equal(mixture.weights(slice(0, 30)), entmax(scores, 1.0)[0].astype(np.float32))
