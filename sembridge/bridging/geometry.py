"""Compare tokens in a space that does not depend on the bridge: centered, in standard deviations of its cosines.

A bridge's vectors have a common direction, and one that says which language a text is of; both tell tokens of one
vocabulary nothing about each other, and the spread of cosines differs from bridge to bridge. So one alpha means as many
donors with one bridge as it means few with another.

Shapes: S source vocabulary, T target vocabulary, K dimensions of the bridge.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

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
_ROUNDING = 1e-6  # the same, as a share of the usual length of the float32 vectors before they were centered
_FLAT = 1e-6  # standard deviation that rounding gives cosines which are all alike


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

    def rounded(self) -> Compared:
        """Return the same tokens, with directions rounded so that cosines are exact sums (see `whole_directions`)."""
        groups = [(places, replace(a, rounded=True), replace(b, rounded=True)) for places, a, b in self.groups]
        return replace(self, groups=tuple(groups))


def compared(
    geometry: Geometry, transfer: Transfer, vectors: BridgeVectors, targets: np.ndarray, donors: np.ndarray
) -> Compared:
    """Return what to compare, so that a score is a cosine minus penalties, up to a constant that entmax ignores.

    targets, donors  ascending ids of tokens that have a vector

    Raises ValueError if no donor has a direction.
    """
    if geometry.kind == PUBLISHED or len(donors) < 2:  # one vector has no center but itself
        groups = _grouped(geometry, transfer, vectors.target.vectors, vectors.source.vectors, targets, donors, 1.0)
        return Compared(groups, targets, float("nan"))
    placed = np.flatnonzero(vectors.target.known & transfer.target.has_text)
    target, placed = _centered(vectors.target, placed, geometry.directions)
    source, directed = _centered(vectors.source, donors, geometry.directions)
    if len(targets) and not len(directed):
        raise ValueError(_alike(vectors.source, donors, geometry.directions))
    targets = targets[np.isin(targets, placed)]
    spread = _spread(target, placed, source, directed)
    scale = SPREAD / spread if spread > _FLAT else 1.0
    return Compared(_grouped(geometry, transfer, target, source, targets, directed, scale), targets, spread)


def _alike(source: TokenVectors, donors: np.ndarray, directions: int) -> str:
    if directions and (source.vectors[donors] != source.vectors[donors[0]]).any():
        return f"directions {directions} leave nothing of the vectors of {len(donors):,} donors; choose fewer, as 1"
    return f"all {len(donors):,} donors have the same bridge vector; check that the bridge reads their language"


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


def _centered(tokens: TokenVectors, ids: np.ndarray, directions: int) -> tuple[np.ndarray, np.ndarray]:
    """Return (the vectors minus the mean of those at `ids`, which of the ids [n] have a direction then).

    directions  of the greatest variance that are taken off as well
    """
    if not len(ids):
        return tokens.vectors, ids
    parts = [ids[part] for part in _parts(len(ids))]
    mean = np.sum([tokens.vectors[part].sum(axis=0, dtype=np.float64) for part in parts], axis=0) / len(ids)
    # The center is rounded as the vectors are: then a difference is exact to its last bit, and 0 for equal vectors.
    centered = tokens.vectors - mean.astype(np.float32)
    if directions:
        _, axes = np.linalg.eigh(_second_moment(centered, ids))
        removed = axes[:, -directions:]
        for rows in _parts(len(centered)):
            block = centered[rows].astype(np.float64)
            centered[rows] = block - (block @ removed) @ removed.T
    before, after = _lengths(tokens.vectors, ids), _lengths(centered, ids)
    least = max(_NOWHERE * _usual(after), _ROUNDING * _usual(before))
    return centered, ids[after > least]


def _lengths(vectors: np.ndarray, ids: np.ndarray) -> np.ndarray:
    blocks = (vectors[ids[part]].astype(np.float64) for part in _parts(len(ids)))
    return np.concatenate([np.linalg.norm(block, axis=1) for block in blocks])


def _usual(lengths: np.ndarray) -> float:
    """Return the root of the mean square: a median could be that of vectors without a direction."""
    return float(np.sqrt(np.mean(lengths**2)))


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
    """Return the mean cosine [n] of each donor and its k nearest targets (0 without targets)."""
    k = min(k, len(targets))
    near = np.zeros(len(donors))
    for rows in _parts(len(donors), 512) if k else []:
        offers, best = _units(source[donors[rows]]), np.empty((rows.stop - rows.start, 0))
        for part in _parts(len(targets)):
            best = np.hstack([best, offers @ _units(target[targets[part]]).T])
            best = np.partition(best, max(0, best.shape[1] - k), axis=1)[:, -k:]
        near[rows] = np.sort(best, axis=1).mean(axis=1)
    return near


def _units(vectors: np.ndarray) -> np.ndarray:
    exact = vectors.astype(np.float64)
    return exact / np.linalg.norm(exact, axis=1, keepdims=True)


def _parts(count: int, size: int = _BLOCK) -> Sequence[slice]:
    return [slice(start, min(start + size, count)) for start in range(0, count, size)]
