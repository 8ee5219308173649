"""Random, Mean, Univariate, Multivariate: the moments of their samples, and the inputs they refuse."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest
import torch

from baselines.gaussian import Multivariate, Univariate
from baselines.mean import Mean
from baselines.random import Random
from sembridge.initializer import SAMPLED
from tests.helpers.transfers_made import made_transfer

DRAWS = 20_000
# Five standard errors of a mean, in units of the standard deviation: 1 / sqrt(n) each. The standard error of a
# deviation is 1 / sqrt(2 n), so these are seven; of a correlation r it is (1 - r^2) / sqrt(n), so these are at least
# five. Chance alone breaks one such bound in 1.7 million.
TOLERANCE = 5 / np.sqrt(DRAWS)


def correlated_rows(count: int = 500) -> np.ndarray:
    """[count, 4] rows with distinct means, deviations .5, 1, 2, 3 and strong correlation between neighbours."""
    rng = np.random.default_rng(1)
    factor = np.array([[1, 0, 0, 0], [0.8, 0.6, 0, 0], [0, 0.8, 0.6, 0], [0, 0, -0.8, 0.6]])
    return ((rng.standard_normal((count, 4)) @ factor.T) * [0.5, 1, 2, 3] + [1, -1, 0, 5]).astype(np.float32)


def drawn(method, rows=None, seed=42):
    """Return (rows that the method samples for DRAWS new tokens, its answer); one further token is copied."""
    answer = method(made_transfer([0] + [-1] * DRAWS, correlated_rows() if rows is None else rows, seed=seed))
    assert (answer.origin[1:] == SAMPLED).all() and answer.mixture.nnz == 1
    return answer.rows[1:].astype(np.float64), answer


def test_random_has_the_initializer_range():
    for spread in (0.02, 0.5):
        transfer = dataclasses.replace(made_transfer([-1] * DRAWS, correlated_rows()), initializer_range=spread)
        rows = Random()(transfer).rows
        np.testing.assert_allclose(rows.mean(axis=0), 0, atol=TOLERANCE * spread)
        np.testing.assert_allclose(rows.std(axis=0), spread, rtol=TOLERANCE)
    with pytest.raises(ValueError, match=r"initializer_range 0.* must be positive"):
        Random()(dataclasses.replace(transfer, initializer_range=0.0))


def test_mean_is_the_center_of_all_source_rows():
    rows, answer = drawn(Mean())
    center = correlated_rows().astype(np.float64).mean(axis=0)
    np.testing.assert_allclose(rows, np.broadcast_to(center, rows.shape), rtol=1e-6)
    assert (rows == rows[0]).all()
    carried = answer.carry(np.arange(500.0))
    assert carried[0] == 0 and (carried[1:] == 249.5).all()


def test_univariate_moments_and_no_correlation():
    rows, source = drawn(Univariate())[0], correlated_rows()
    np.testing.assert_allclose((rows.mean(axis=0) - source.mean(axis=0)) / source.std(axis=0), 0, atol=TOLERANCE)
    np.testing.assert_allclose(rows.std(axis=0) / source.std(axis=0), 1, atol=TOLERANCE)
    np.testing.assert_allclose(np.corrcoef(rows.T), np.eye(4), atol=TOLERANCE)
    assert abs(np.corrcoef(source.T)[0, 1]) > 0.7  # there is a correlation to ignore


@pytest.mark.parametrize("scale", [1.0, 0.25, 1e-5])
def test_multivariate_moments_and_correlation(scale):
    rows, answer = drawn(Multivariate(covariance_scale=scale))
    source = correlated_rows()
    deviation = source.std(axis=0) * np.sqrt(scale)
    np.testing.assert_allclose((rows.mean(axis=0) - source.mean(axis=0)) / deviation, 0, atol=TOLERANCE)
    np.testing.assert_allclose(rows.std(axis=0) / deviation, 1, atol=TOLERANCE)
    np.testing.assert_allclose(np.corrcoef(rows.T), np.corrcoef(source.T), atol=TOLERANCE)
    assert answer.statistics["jitter"] == 0


def test_samples_are_the_formula_applied_to_the_noise():
    """Exact where moments are not: means and (co)variances over S, not S - 1, and the lower factor, untransposed."""
    source, few = correlated_rows(12).astype(np.float64), made_transfer([0] + [-1] * 50, correlated_rows(12), seed=3)

    def noise(dtype: torch.dtype) -> np.ndarray:
        return torch.randn(50, 4, generator=torch.Generator().manual_seed(3), dtype=dtype).numpy().astype(np.float64)

    factor = np.linalg.cholesky(0.5 * np.cov(source.T, bias=True))
    mean, deviation = source.mean(axis=0), source.std(axis=0)
    multivariate = Multivariate(covariance_scale=0.5)(few).rows[1:]
    np.testing.assert_allclose(multivariate, mean + noise(torch.float32) @ factor.T, atol=1e-5)
    np.testing.assert_allclose(Univariate()(few).rows[1:], mean + noise(torch.float64) * deviation, atol=1e-5)
    np.testing.assert_allclose(Random()(few).rows[1:], 0.02 * noise(torch.float32), atol=1e-7)


@pytest.mark.parametrize("method", [Random(), Univariate(), Multivariate()], ids=lambda method: method.name)
def test_the_seed_decides(method):
    assert (drawn(method, seed=1)[0] == drawn(method, seed=1)[0]).all()
    assert (drawn(method, seed=1)[0] != drawn(method, seed=2)[0]).mean() > 0.99


def test_multivariate_with_dependent_dimensions_takes_the_smallest_jitter():
    rows = correlated_rows()
    rows = np.concatenate([rows, rows[:, :1] + rows[:, 1:2], -rows[:, 2:3]], axis=1)  # rank 4 in 6 dimensions
    invented, answer = drawn(Multivariate(), rows)
    variance = rows.astype(np.float64).var(axis=0).mean()
    assert 0 <= answer.statistics["jitter"] <= 1e-6 * variance
    tolerance = 3 * TOLERANCE * rows.var(axis=0).max()
    np.testing.assert_allclose(np.cov(invented.T), np.cov(rows.T, bias=True), atol=tolerance)
    np.testing.assert_allclose(invented[:, 4], invented[:, 0] + invented[:, 1], atol=0.02)


def test_multivariate_with_fewer_rows_than_dimensions_needs_jitter():
    rows = np.random.default_rng(2).standard_normal((5, 40)).astype(np.float32)
    invented, answer = drawn(Multivariate(), rows)
    assert np.isfinite(invented).all() and 0 < answer.statistics["jitter"] < 1e-6
    np.testing.assert_allclose(invented.mean(axis=0), rows.mean(axis=0), atol=TOLERANCE * rows.std(axis=0).max() * 1.01)


def test_multivariate_does_not_depend_on_its_block_size(monkeypatch):
    whole, _ = drawn(Multivariate())
    monkeypatch.setattr("baselines.gaussian._BLOCK", 7)
    np.testing.assert_allclose(drawn(Multivariate())[0], whole, rtol=1e-6)


@pytest.mark.parametrize("scale", [0.0, -1.0, float("nan"), float("inf")])
def test_covariance_scale_must_be_positive(scale):
    with pytest.raises(ValueError, match="covariance_scale"):
        Multivariate(covariance_scale=scale)


@pytest.mark.parametrize("rows", [np.ones((50, 4)), np.full((50, 4), np.nan)], ids=["all alike", "not finite"])
def test_rows_without_a_distribution_are_refused(rows):
    with pytest.raises(ValueError, match=r"not positive definite, .* finite and differ"):
        drawn(Multivariate(), rows)
