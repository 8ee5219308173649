"""Scores of any size: queries with a scale, by the plain computation and by the screened one."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from sembridge.mixture.entmax import entmax, product_mixture, unit
from sembridge.mixture.mixture import UnitVectors, mixtures, screened
from sembridge.mixture.screening import Screen


def vectors(count: int, base: np.ndarray, width: float, seed: int) -> np.ndarray:
    rng = np.random.default_rng(seed)
    return (base + width * rng.standard_normal((count, len(base)))).astype(np.float32)


def unsure(alpha: float, scale: float) -> float:
    """Return what a rounding of a float64 score may do to a weight: its (alpha - 1)th root at the threshold."""
    return 1e-7 + 2 * (4e-16 * max(1.0, scale) * alpha) ** (1 / max(1.0, alpha - 1))


def test_a_float32_screen_is_as_wrong_as_its_vectors_are_long():
    """Cosines differ by less than float32 products times 1000 can tell, and 64 candidates have to be the right ones."""
    rng = np.random.default_rng(0)
    for width, alpha in ((1e-3, 4.0), (1e-3, 8.0), (1e-4, 4.0)):
        base = rng.standard_normal(256)
        donors = unit(base + width * rng.standard_normal((2000, 256)))
        queries = 1000 * unit(base + width * rng.standard_normal((20, 256)))
        expected = entmax(queries @ donors.T, alpha)[0]
        np.testing.assert_allclose(
            product_mixture(queries, donors, alpha).toarray(), expected, atol=unsure(alpha, 1000)
        )


@given(
    scale=st.sampled_from([0.01, 0.5, 5.0, 50.0, 1e4]),
    width=st.sampled_from([1e-4, 1e-2, 1.0]),
    beside=st.sampled_from([0.0, 0.2, 30.0]),
    alpha=st.sampled_from([1.5, 2.0, 4.0]),
    seed=st.integers(0, 99),
)
@settings(deadline=None, max_examples=40)
def test_equals_entmax_of_all_scores(scale, width, beside, alpha, seed):
    rng = np.random.default_rng(seed)
    base = rng.standard_normal(24)
    sides = vectors(9, base, width, seed), vectors(300, base, width, seed + 1)
    extra = [beside * rng.standard_normal(len(side)) if beside else None for side in sides]
    queries = UnitVectors(sides[0], np.arange(9), None if extra[0] is None else np.ones(9), scale)
    donors = UnitVectors(sides[1], np.arange(300), extra[1])
    expected = entmax(queries.points() @ donors.points().T, alpha)[0]
    solved = {"plain": mixtures(queries, donors, [alpha])[0]}
    for dtype in (torch.bfloat16, torch.float32):
        solved[str(dtype)] = screened(queries, donors, [alpha], Screen(donors.points, 300, dtype, "cpu"))[0]
    for weights in solved.values():
        np.testing.assert_allclose(weights.toarray(), expected, atol=unsure(alpha, scale + beside))


def test_a_scale_is_a_factor_of_cosines_alone():
    sides = vectors(5, np.ones(8), 1.0, 0), vectors(7, np.ones(8), 1.0, 1)
    beside = np.linspace(-1, 1, 5), np.linspace(0, 2, 7)
    plain = UnitVectors(sides[0], np.arange(5), beside[0]), UnitVectors(sides[1], np.arange(7), beside[1])
    scaled = UnitVectors(sides[0], np.arange(5), beside[0], 3.0)
    cosines = unit(sides[0]) @ unit(sides[1]).T
    np.testing.assert_allclose(plain[0].points() @ plain[1].points().T, cosines + np.outer(*beside), rtol=1e-12)
    np.testing.assert_allclose(scaled.points() @ plain[1].points().T, 3 * cosines + np.outer(*beside), rtol=1e-12)


@pytest.mark.parametrize("beside", [False, True])
def test_some_of_the_vectors(beside):
    position = np.arange(4.0) if beside else None
    queries = UnitVectors(vectors(9, np.ones(8), 1.0, 0), np.array([1, 3, 4, 8]), position, 2.0)
    chosen = queries.part(np.array([True, False, True, True]))
    assert chosen.ids.tolist() == [1, 4, 8] and len(chosen) == 3
    assert np.array_equal(chosen.points(), queries.points()[[0, 2, 3]])
