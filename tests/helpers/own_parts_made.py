"""Methods whose rows are more than convex mixtures: signed weights, rows with a residual, rows without donors."""

from __future__ import annotations

import zlib
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np
import scipy.sparse as sp

from sembridge.assembly import assemble
from sembridge.bridge import BridgeVectors
from sembridge.initializer import FALLBACK, NEVER, SIGNED, Initialization, Transfer


def nearest_two(transfer: Transfer, bridge: BridgeVectors | None) -> tuple[np.ndarray, np.ndarray]:
    """Return ([n] which of the R missing tokens have a vector, [n, 2] their nearest donors, the nearest first).

    Without a bridge, the donors are chosen by the texts alone, whatever the ids.
    """
    donors = np.flatnonzero(transfer.donors if bridge is None else transfer.donors & bridge.source.known)
    known = transfer.target.has_text if bridge is None else bridge.target.known & transfer.target.has_text
    placed = np.flatnonzero(known[transfer.missing])
    if bridge is None:
        donors = donors[np.argsort([str(transfer.source.texts[i]) for i in donors], kind="stable")]
        first = np.array([number(transfer, i) % len(donors) for i in transfer.missing[placed]], dtype=np.int64)
        return placed, donors[np.stack([first, (first + 1) % len(donors)], axis=1)]
    x, v = bridge.target.vectors[transfer.missing[placed]], bridge.source.vectors[donors]
    cosines = (x @ v.T) / (np.linalg.norm(x, axis=1)[:, None] * np.linalg.norm(v, axis=1))
    return placed, donors[np.argsort(-cosines, axis=1, kind="stable")[:, :2]]


def number(transfer: Transfer, target_id: int) -> int:
    """Return a number that belongs to a token, whatever its id."""
    return zlib.crc32(str(transfer.target.tokens[target_id]).encode())


def weighted(transfer: Transfer, placed: np.ndarray, donors: np.ndarray, weights: tuple[float, ...]) -> sp.csr_array:
    """Return the mixture [R, S] that gives each placed token these weights on its donors."""
    mixture = np.zeros((len(transfer.missing), len(transfer.source)))
    mixture[placed[:, None], donors] = weights
    return sp.csr_array(mixture)


def directions(transfer: Transfer) -> np.ndarray:
    """Return a direction of length 1 for each missing token [R, D], by its name alone."""
    size = transfer.rows.shape[1]
    drawn = [np.random.default_rng(number(transfer, i)).standard_normal(size) for i in transfer.missing]
    return np.array([row / np.linalg.norm(row) for row in drawn]).reshape(-1, size)


@dataclass(frozen=True)
class Analogy:
    """E_t[x] = 1.5 E_s[nearest] - .75 E_s[second]: signed weights, which sum to .75."""

    name: ClassVar[str] = "toy-signed"
    needs: ClassVar[tuple[str, ...]] = ("bridge",)
    samples: ClassVar[str] = FALLBACK
    weights: ClassVar[str] = SIGNED

    bridge: Any = None

    def __call__(self, transfer: Transfer) -> Initialization:
        return assemble(
            transfer, mixture=weighted(transfer, *nearest_two(transfer, self.bridge), (1.5, -0.75)), statistics={}
        )


@dataclass(frozen=True)
class Restored:
    """A mean of two rows, and at a right angle to it a direction that restores the mean squared length of the two."""

    name: ClassVar[str] = "toy-residual"
    needs: ClassVar[tuple[str, ...]] = ("bridge",)
    samples: ClassVar[str] = FALLBACK

    bridge: Any = None

    def __call__(self, transfer: Transfer) -> Initialization:
        placed, donors = nearest_two(transfer, self.bridge)
        rows = transfer.rows.astype(np.float64)
        means = rows[donors].mean(axis=1)
        lost = (rows[donors] ** 2).sum(axis=2).mean(axis=1) - (means**2).sum(axis=1)
        own = directions(transfer)[placed]
        own -= ((own * means).sum(axis=1) / (means**2).sum(axis=1))[:, None] * means
        residual = np.zeros((len(transfer.missing), rows.shape[1]))
        residual[placed] = np.sqrt(lost)[:, None] * own / np.linalg.norm(own, axis=1, keepdims=True)
        return assemble(transfer, mixture=weighted(transfer, placed, donors, (0.5, 0.5)), residual=residual)


@dataclass(frozen=True)
class Regressed:
    """Signed weights and a residual; a token that the bridge does not know gets a row of its own: nothing is drawn."""

    name: ClassVar[str] = "toy-both"
    needs: ClassVar[tuple[str, ...]] = ("bridge",)
    samples: ClassVar[str] = NEVER
    weights: ClassVar[str] = SIGNED

    bridge: Any = None

    def __call__(self, transfer: Transfer) -> Initialization:
        mixture = weighted(transfer, *nearest_two(transfer, self.bridge), (0.75, -0.5))
        return assemble(transfer, mixture=mixture, residual=directions(transfer))


TOYS = {kind.name: kind for kind in (Analogy, Restored, Regressed)}
