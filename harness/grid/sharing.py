"""How much work a grid saves by computing what cells have in common once."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass

from harness.grid.plan import Cell


@dataclass(frozen=True)
class Sharing:
    """Artefacts of a grid and the seconds they are expected to take: each once, and if every cell made all of its own."""

    artefacts: int
    seconds: float
    artefacts_apart: int
    seconds_apart: float


def sharing(cells: Iterable[Cell], seconds: Callable[[str], float]) -> Sharing:
    """seconds: what one artefact of a stage is expected to take."""
    stage_of: dict[str, str] = {}
    expected: dict[str, float] = {}
    apart, seconds_apart = 0, 0.0
    for cell in cells:
        for artefact in cell.artefact.walk():
            stage_of[artefact.key] = artefact.stage
            if artefact.stage not in expected:
                expected[artefact.stage] = seconds(artefact.stage)
            apart += 1
            seconds_apart += expected[artefact.stage]
    return Sharing(len(stage_of), sum(expected[stage] for stage in stage_of.values()), apart, seconds_apart)
