"""Compare tokens in a space that does not depend on the bridge: centered, in standard deviations of its cosines.

A bridge's vectors have a common direction, and one that says which language a text is of; both tell tokens of one
vocabulary nothing about each other, and the spread of cosines differs from bridge to bridge. So one alpha means as many
donors with one bridge as it means few with another.

Shapes: S source vocabulary, T target vocabulary, K dimensions of the bridge.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from sembridge.bridge import BridgeVectors, TokenVectors
from sembridge.initializer import Transfer
from sembridge.mixture.mixture import UnitVectors
from sembridge.nearest import nearest

PUBLISHED, CENTERED = GEOMETRIES = ("published", "centered")
SPREAD = 0.06
"""Standard deviation to which cosines are scaled: that of the published form with bge-m3, for which alpha 4 was set."""

_BLOCK = 4096  # vectors treated at a time
_NOWHERE = 1e-4  # length of a centered vector, as a share of the usual one, below which it has no direction


@dataclass(frozen=True)
class Geometry:
    """How tokens are compared.

    kind        published: cosines of the bridge's vectors as they are. centered: the mean vector of each vocabulary is
                taken off its vectors, and cosines are scaled to a standard deviation of `SPREAD` over all pairs of
                target and donor, so that neither a shift of a side nor the bridge's own scale changes anything
    position    penalty, in units of a score, for a donor at another place in the word (see `SemBridge`)
    directions  of the greatest variance that are taken off each vocabulary's centered vectors
    csls        neighbors over which the nearness of a donor to all targets is averaged; half of it is taken off its
                scores (Conneau et al. 2018, arXiv 1710.04087), so that a donor near everything donates less. 0: none

    Raises ValueError for an unknown kind, and for options that the published form does not have.
    """

    kind: str = PUBLISHED
    position: float = 0.0
    directions: int = 0
    csls: int = 0

    def __post_init__(self) -> None:
        if self.kind not in GEOMETRIES:
            raise ValueError(f"geometry {self.kind!r} is unknown; {nearest(self.kind, GEOMETRIES)}")
        for name in ("directions", "csls"):
            number = getattr(self, name)
            if number < 0:
                raise ValueError(f"{name} {number} is negative; 0 leaves it out")
            if number and self.kind == PUBLISHED:
                raise ValueError(f"{name} {number} has no effect on geometry 'published'; add geometry=centered")


@dataclass(frozen=True, eq=False)
class Compared:
    """Tokens to compare: groups of (places [n] of the targets, their vectors, donors), each target in one group.

    targets  [n] the ascending ids of the target tokens that have a direction
    spread   standard deviation of the cosines before they were scaled; NaN for the published form
    """

    groups: tuple[tuple[np.ndarray, UnitVectors, UnitVectors], ...]
    targets: np.ndarray
    spread: float


def compared(
    geometry: Geometry, transfer: Transfer, vectors: BridgeVectors, targets: np.ndarray, donors: np.ndarray
) -> Compared:
    """Return what to compare, so that a score is a cosine minus penalties, up to a constant that entmax ignores.

    targets, donors  ascending ids of tokens that have a vector

    Raises ValueError if no donor has a direction.
    """
    if geometry.kind == PUBLISHED:
        groups = _grouped(geometry, transfer, vectors.target.vectors, vectors.source.vectors, targets, donors, 1.0)
        return Compared(groups, targets, float("nan"))
    placed = np.flatnonzero(vectors.target.known & transfer.target.has_text)
    target = _centered(vectors.target, placed, geometry.directions)
    source = _centered(vectors.source, donors, geometry.directions)
    targets = targets[_has_direction(target, targets)]
    donors = donors[_has_direction(source, donors)]
    if len(targets) and not len(donors):
        raise ValueError("all source tokens have the same bridge vector; check that the bridge reads their language")
    spread = _spread(target, placed[_has_direction(target, placed)], source, donors)
    scale = SPREAD / spread if spread > 0 else 1.0
    return Compared(_grouped(geometry, transfer, target, source, targets, donors, scale), targets, spread)


def _grouped(
    geometry: Geometry,
    transfer: Transfer,
    target: np.ndarray,
    source: np.ndarray,
    targets: np.ndarray,
    donors: np.ndarray,
    scale: float,
) -> tuple[tuple[np.ndarray, UnitVectors, UnitVectors], ...]:
    """Return the groups of `Compared`: one, or with CSLS one for each place in a word."""
    starts = transfer.source.word_initial[donors]
    if not geometry.csls:
        half = np.sqrt(geometry.position / 2)

        def placed(initial: np.ndarray) -> np.ndarray | None:
            return np.where(initial, half, -half) if geometry.position else None

        queries = UnitVectors(target, targets, placed(transfer.target.word_initial[targets]), scale)
        return ((np.arange(len(targets)), queries, UnitVectors(source, donors, placed(starts))),)
    near = scale * _nearness(source, donors, target, targets, geometry.csls)
    groups = []
    for initial in (True, False):
        places = np.flatnonzero(transfer.target.word_initial[targets] == initial)
        penalty = near / 2 + np.where(starts == initial, 0.0, geometry.position)
        queries = UnitVectors(target, targets[places], np.ones(len(places)), scale)
        groups.append((places, queries, UnitVectors(source, donors, -penalty)))
    return tuple(groups)


def _centered(tokens: TokenVectors, ids: np.ndarray, directions: int) -> np.ndarray:
    """Return the vectors minus the mean of those at `ids`, and without their directions of the greatest variance."""
    if not len(ids):
        return tokens.vectors
    mean = tokens.vectors[ids].mean(axis=0, dtype=np.float64)
    centered = (tokens.vectors - mean).astype(np.float32)
    if directions:
        _, axes = np.linalg.eigh(_second_moment(centered, ids))
        removed = axes[:, -directions:]
        for part in _parts(len(centered)):
            block = centered[part].astype(np.float64)
            centered[part] = block - (block @ removed) @ removed.T
    return centered


def _has_direction(vectors: np.ndarray, ids: np.ndarray) -> np.ndarray:
    """Return which vectors are more than the rounding of a vector at the center [n] bool."""
    lengths = np.linalg.norm(vectors[ids], axis=1)
    return lengths > _NOWHERE * np.median(lengths[lengths > 0]) if lengths.any() else np.zeros(len(ids), dtype=bool)


def _spread(target: np.ndarray, targets: np.ndarray, source: np.ndarray, donors: np.ndarray) -> float:
    """Return the standard deviation of the cosines of all pairs, from the moments of the unit vectors."""
    if not len(targets) or not len(donors):
        return 0.0
    moments = _second_moment(target, targets, units=True) * _second_moment(source, donors, units=True)
    means = [
        np.sum([_units(side[ids[part]]).sum(axis=0) for part in _parts(len(ids))], axis=0) / len(ids)
        for side, ids in ((target, targets), (source, donors))
    ]
    return float(np.sqrt(max(0.0, moments.sum() - float(means[0] @ means[1]) ** 2)))


def _second_moment(vectors: np.ndarray, ids: np.ndarray, units: bool = False) -> np.ndarray:
    """Return the mean outer product [K, K] float64 of vectors, or of their unit vectors."""
    total = np.zeros((vectors.shape[1], vectors.shape[1]))
    for part in _parts(len(ids)):
        block = _units(vectors[ids[part]]) if units else vectors[ids[part]].astype(np.float64)
        total += block.T @ block
    return total / len(ids)


def _nearness(source: np.ndarray, donors: np.ndarray, target: np.ndarray, targets: np.ndarray, k: int) -> np.ndarray:
    """Return the mean cosine [n] of each donor and its k nearest targets."""
    k = min(k, len(targets))
    table = _units(target[targets])
    near = np.empty(len(donors))
    for part in _parts(len(donors), 256):
        cosines = _units(source[donors[part]]) @ table.T
        near[part] = np.sort(np.partition(cosines, len(targets) - k, axis=1)[:, len(targets) - k :], axis=1).mean(
            axis=1
        )
    return near


def _units(vectors: np.ndarray) -> np.ndarray:
    exact = vectors.astype(np.float64)
    return exact / np.linalg.norm(exact, axis=1, keepdims=True)


def _parts(count: int, size: int = _BLOCK) -> Sequence[slice]:
    return [slice(start, min(start + size, count)) for start in range(0, count, size)]
