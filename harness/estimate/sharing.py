"""How much work a grid saves by computing what cells have in common once."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass

from harness.plan.plan import Cell
from harness.store.artifact import Artifact


@dataclass(frozen=True)
class Sharing:
    """Artifacts of a grid and the seconds they are expected to take: each once, and if every cell made all of its own."""

    artifacts: int
    seconds: float
    artifacts_apart: int
    seconds_apart: float


def sharing(cells: Iterable[Cell], seconds: Callable[[Artifact], float]) -> Sharing:
    """seconds: what an artifact is expected to take."""
    once: dict[str, float] = {}
    apart, seconds_apart = 0, 0.0
    for cell in cells:
        for artifact in cell.artifact.walk():
            once.setdefault(artifact.key, seconds(artifact))
            apart += 1
            seconds_apart += once[artifact.key]
    return Sharing(len(once), sum(once.values()), apart, seconds_apart)


def by_stage(artifacts: Iterable[Artifact]) -> dict[str, list[Artifact]]:
    """Artifacts under the name of their stage, in the order of their first ones."""
    found: dict[str, list[Artifact]] = {}
    for artifact in artifacts:
        found.setdefault(artifact.stage.name, []).append(artifact)
    return found
