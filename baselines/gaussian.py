"""Samples of a normal distribution fitted to the source rows: per dimension, or with the full covariance."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from sembridge.assembly import assemble, univariate_rows
from sembridge.initializer import ALWAYS, Initialization, Transfer

_JITTERS = (0.0, *(10.0**exponent for exponent in range(-12, -2)))  # in units of the mean variance
_BLOCK = 16_384  # rows transformed at a time; bounds the float64 copies


@dataclass(frozen=True)
class Univariate:
    """E_t[x]_d ~ N(mean_d, std_d) of the source rows, independently for each dimension d; no mixture."""

    name: ClassVar[str] = "univariate"
    needs: ClassVar[tuple[str, ...]] = ()
    samples: ClassVar[str] = ALWAYS

    def __call__(self, transfer: Transfer) -> Initialization:
        return assemble(transfer, sampled=univariate_rows(transfer))


@dataclass(frozen=True)
class Multivariate:
    """E_t[x] ~ N(mean, covariance_scale * Sigma), Sigma [D, D] the source rows' covariance (divided by S); no mixture.

    covariance_scale  1.0 gives the distribution of the source rows. A widely copied snippet (Hewitt 2021) uses 1e-5,
                      which is nearly `mean`.

    Rows are mean + L z with the Cholesky factor L. A covariance that is not positive definite (fewer source rows than
    dimensions, dependent dimensions) gets the smallest diagonal jitter that makes it so, of a ladder from 1e-12 to 1e-3
    of the mean variance; `statistics["jitter"]` records it. Raises ValueError where none does: rows that are not finite
    or all alike.
    """

    name: ClassVar[str] = "multivariate"
    needs: ClassVar[tuple[str, ...]] = ()
    samples: ClassVar[str] = ALWAYS

    covariance_scale: float = 1.0

    def __post_init__(self) -> None:
        scale = self.covariance_scale
        if not 0 < scale < np.inf:
            advice = "1.0 keeps the covariance of the source rows"
            raise ValueError(f"covariance_scale {scale} must be positive and finite; {advice}")

    def __call__(self, transfer: Transfer) -> Initialization:
        import torch

        centered = transfer.known_rows.astype(np.float64)
        mean = centered.mean(axis=0)
        centered -= mean
        factor, jitter = _cholesky(self.covariance_scale * (centered.T @ centered) / len(centered))
        rows = torch.randn(len(transfer.missing), len(mean), generator=transfer.generator()).numpy()
        for start in range(0, len(rows), _BLOCK):
            block = slice(start, start + _BLOCK)
            rows[block] = mean + rows[block].astype(np.float64) @ factor.T
        return assemble(transfer, sampled=rows, statistics={"jitter": jitter})


def _cholesky(covariance: np.ndarray) -> tuple[np.ndarray, float]:
    """Return (lower factor [D, D], jitter added to the diagonal)."""
    variance = float(np.trace(covariance)) / len(covariance)
    if np.isfinite(covariance).all() and variance > 0:
        for relative in _JITTERS:
            jitter = relative * variance
            try:
                return np.linalg.cholesky(covariance + jitter * np.eye(len(covariance))), jitter
            except np.linalg.LinAlgError:
                continue
    raise ValueError(
        "the covariance of the source rows is not positive definite, "
        f"not even with a jitter of {_JITTERS[-1]:g} of the mean variance ({variance:g}); "
        "check that the source rows are finite and differ from one another"
    )
