"""Estimate when a run ends: what its pieces were expected to take, corrected by what was measured in this run so far.

Pieces are corrected stage by stage: by the stage's own pieces, finished ones and the done part of running ones, and as
long as these are few, by all stages together. Later pieces count more than earlier ones: the first in a process may
compile for a minute, and a machine may become busy. The corrected pieces are then laid out on the slots in the order of
their dependencies: two slots do not help a chain, and the last piece runs alone.
"""

from __future__ import annotations

import heapq
from collections.abc import Iterable, Mapping, Sequence
from typing import NamedTuple

from harness.estimate.estimate import Estimate
from harness.store.artifact import Artifact

RECENT = 0.6  # what a piece counts compared with the next one of its stage
CAUTION = 20.0  # expected seconds that count as exact before anything is measured
SMALLEST = 0.05  # part of a running piece that must be done before its speed counts
_NOTHING = (0.0, 0.0, 0)
MOST = 3000  # pieces that are laid out one by one; of more, the ends do not matter


def is_shared(artifact: Artifact) -> bool:
    """Return whether an artifact is computed before the cells.

    An artifact that needs a training is computed with its cell, because the training may start a worker group.
    """
    return all(part.stage.shared for part in artifact.walk())


class Piece(NamedTuple):
    """An artifact to be computed.

    seconds  expected; if not `known`, they only compare pieces of one stage
    needs    keys of pieces that come first
    shared   computed before the cells
    light    its process need not import the libraries first
    """

    stage: str
    seconds: float
    known: bool
    needs: tuple[str, ...]
    shared: bool
    light: bool = False


class Running(NamedTuple):
    """A piece that is being computed: seconds since it began, which part is done (0: not known), and seconds left."""

    elapsed: float
    done: float = 0.0
    left: float = 0.0


class Remaining:
    """The pieces of a run that are not finished, and what was measured."""

    def __init__(self, pieces: Mapping[str, Piece]) -> None:
        self.pieces = dict(pieces)
        self._measured: dict[str, tuple[float, float, int]] = {}  # by stage: measured and expected seconds, pieces
        self._sum = 0.0, 0.0  # measured and expected seconds of all stages whose expected seconds are known

    @classmethod
    def of(cls, artifacts: Sequence[Artifact], estimate: Estimate) -> Remaining:
        """artifacts: what is missing, inputs first."""
        keys = {artifact.key for artifact in artifacts}
        return cls(
            {
                artifact.key: Piece(
                    artifact.stage.name,
                    estimate.seconds(artifact),
                    estimate.known(artifact),
                    tuple(child.key for child in artifact.needed if child.key in keys),
                    is_shared(artifact),
                    artifact.stage.light,
                )
                for artifact in artifacts
            }
        )

    def finish(self, key: str, seconds: float | None) -> None:
        """Record that a piece is finished, after so many seconds; None: it tells nothing about the others."""
        piece = self.pieces.pop(key, None)
        if piece is None or seconds is None:
            return
        measured, expected, count = self._measured.get(piece.stage, _NOTHING)
        self._measured[piece.stage] = RECENT * measured + seconds, RECENT * expected + piece.seconds, count + 1
        if piece.known:
            self._sum = RECENT * self._sum[0] + seconds, RECENT * self._sum[1] + piece.seconds

    def replace(self, other: Remaining) -> None:
        """Take the pieces of `other` for these; what was measured remains."""
        self.pieces = dict(other.pieces)

    def keep(self, goals: Iterable[str]) -> None:
        """Keep only the pieces with these keys, and what they need."""
        kept: set[str] = set()
        stack = list(goals)
        while stack:
            key = stack.pop()
            if key in self.pieces and key not in kept:
                kept.add(key)
                stack.extend(self.pieces[key].needs)
        self.pieces = {key: piece for key, piece in self.pieces.items() if key in kept}

    def seconds(self, slots: int, running: Mapping[str, Running] | None = None) -> float | None:
        """Return the seconds until the last piece is finished; None if the time of a stage is not known yet."""
        pieces, running = dict(self.pieces), running or {}
        factors = self._factors(pieces, running)
        left: dict[str, float] = {}
        for key, piece in pieces.items():
            factor = factors[piece.stage]
            if factor is None:
                return None
            left[key] = _left(piece.seconds * factor, running.get(key))
        first = {key for key, piece in pieces.items() if piece.shared}
        ordered = [*(key for key in pieces if key in running), *(key for key in pieces if key not in running)]
        return sum(
            _makespan({key: left[key] for key in ordered if (key in first) == shared}, pieces, slots)
            for shared in (True, False)
        )

    def _factors(self, pieces: Mapping[str, Piece], running: Mapping[str, Running]) -> dict[str, float | None]:
        """Return by stage how many times longer than expected its pieces take; None if nothing tells."""
        measured = dict(self._measured)
        for key, now in running.items():
            if key in pieces and now.done >= SMALLEST:
                piece = pieces[key]
                seconds, expected, count = measured.get(piece.stage, _NOTHING)
                whole = now.elapsed + now.left
                measured[piece.stage] = seconds + now.done * whole, expected + now.done * piece.seconds, count
        overall = (CAUTION + self._sum[0]) / (CAUTION + self._sum[1])
        factors: dict[str, float | None] = {}
        for piece in pieces.values():
            seconds, expected, count = measured.get(piece.stage, _NOTHING)
            if piece.known:  # what all stages say counts as a piece that came before the first one
                before = RECENT**count * piece.seconds
                factors[piece.stage] = (before * overall + seconds) / (before + expected)
            else:
                factors[piece.stage] = seconds / expected if expected else None
        return factors


def _left(whole: float, now: Running | None) -> float:
    """Return the seconds left of a piece that is expected to take `whole`; one that is overdue is about to end."""
    if now is None:
        return whole
    if now.done >= SMALLEST:
        return now.left
    return max(whole - now.elapsed, now.elapsed / 10)


def _makespan(left: Mapping[str, float], pieces: Mapping[str, Piece], slots: int) -> float:
    """Return when the last piece ends, if every free slot takes the first one in order whose inputs are ready."""
    if len(left) > MOST:
        return max(sum(left.values()) / slots, max(left.values()))
    order = {key: position for position, key in enumerate(left)}
    waiting = {key: sum(child in left for child in pieces[key].needs) for key in left}
    needed_by: dict[str, list[str]] = {}
    for key in left:
        for child in pieces[key].needs:
            needed_by.setdefault(child, []).append(key)
    ready = [(order[key], key) for key, count in waiting.items() if not count]
    heapq.heapify(ready)
    busy: list[tuple[float, str]] = []
    now = 0.0
    while ready or busy:
        while ready and len(busy) < slots:
            _, key = heapq.heappop(ready)
            heapq.heappush(busy, (now + left[key], key))
        now, key = heapq.heappop(busy)
        for parent in needed_by.get(key, ()):
            waiting[parent] -= 1
            if not waiting[parent]:
                heapq.heappush(ready, (order[parent], parent))
    return now
