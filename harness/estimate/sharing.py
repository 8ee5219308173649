"""Count how much work a grid saves by computing only once what cells have in common."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass

from harness.plan.plan import Cell
from harness.store.artifact import Artifact


@dataclass(frozen=True)
class Sharing:
    """Artifacts of a grid and their expected seconds: each once, and if every cell computed all of its own."""

    artifacts: int
    seconds: float
    artifacts_apart: int
    seconds_apart: float


def sharing(cells: Iterable[Cell], seconds: Callable[[Artifact], float]) -> Sharing:
    """Count the artifacts of cells. seconds: returns the expected seconds of an artifact."""
    once: dict[str, float] = {}
    apart, seconds_apart = 0, 0.0
    for cell in cells:
        for artifact in cell.walk():
            once.setdefault(artifact.key, seconds(artifact))
            apart += 1
            seconds_apart += once[artifact.key]
    return Sharing(len(once), sum(once.values()), apart, seconds_apart)


def by_stage(artifacts: Iterable[Artifact]) -> dict[str, list[Artifact]]:
    """Group artifacts by the name of their stage, in order of first appearance."""
    groups: dict[str, list[Artifact]] = {}
    for artifact in artifacts:
        groups.setdefault(artifact.stage.name, []).append(artifact)
    return groups
