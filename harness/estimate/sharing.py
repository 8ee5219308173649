"""How much work a grid saves by computing what cells have in common once."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass

from harness.plan.plan import Cell
from harness.store.artifact import Artefact


@dataclass(frozen=True)
class Sharing:
    """Artefacts of a grid and the seconds they are expected to take: each once, and if every cell made all of its own."""

    artefacts: int
    seconds: float
    artefacts_apart: int
    seconds_apart: float


def sharing(cells: Iterable[Cell], seconds: Callable[[Artefact], float]) -> Sharing:
    """seconds: what an artefact is expected to take."""
    once: dict[str, float] = {}
    apart, seconds_apart = 0, 0.0
    for cell in cells:
        for artefact in cell.artefact.walk():
            once.setdefault(artefact.key, seconds(artefact))
            apart += 1
            seconds_apart += once[artefact.key]
    return Sharing(len(once), sum(once.values()), apart, seconds_apart)


def by_stage(artefacts: Iterable[Artefact]) -> dict[str, list[Artefact]]:
    """Artefacts under the name of their stage, in the order of their first ones."""
    found: dict[str, list[Artefact]] = {}
    for artefact in artefacts:
        found.setdefault(artefact.stage.name, []).append(artefact)
    return found
