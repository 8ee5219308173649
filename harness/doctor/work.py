"""Report how much work a grid is: cells, artifacts and hours."""

from __future__ import annotations

from collections.abc import Sequence

from harness.doctor.hub_access import OK, WARN, Check
from harness.estimate.costs import amounts, total
from harness.estimate.estimate import CALIBRATED, GUESSED, Estimate
from harness.estimate.sharing import by_stage
from harness.plan.plan import Cell
from harness.store.artifact import Artifact
from harness.store.store import Store


def work(cells: Sequence[Cell], todo: Sequence[Artifact], store: Store, estimate: Estimate) -> Check:
    """Report cells, missing artifacts and their seconds in one line."""
    from harness.files.units import duration

    stored = sum(store.has(cell.artifact) for cell in cells)
    text = f"{len(cells)} cells, {stored} in the store, {len(todo)} artifacts missing"
    if not todo:
        return Check(OK, "work", text)
    seconds = sum(estimate.seconds(artifact) for artifact in todo)
    least = "at least " if estimate.unknown else ""
    text += f", {least}about {duration(seconds)} one after the other"
    guessed = sorted({artifact.stage.name for artifact in todo if estimate.source(artifact) == GUESSED})
    calibrated = any(estimate.source(artifact) == CALIBRATED for artifact in todo)
    if not guessed:
        return Check(OK, "work", f"{text}, {'by rates calibrated here' if calibrated else 'as measured in this store'}")
    stages = {artifact.stage.name for artifact in todo}
    names = ", ".join(guessed) if len(guessed) < len(stages) else "all stages"
    complete = calibrated and not estimate.unknown
    mark = OK if complete or any(name.startswith("pocket-") for name in stages) else WARN
    advice = "" if complete else "; --calibrate measures"
    return Check(mark, "work", f"{text}; first guesses for small models in {names}, not measurements{advice}")


def hours(cells: Sequence[Cell], todo: Sequence[Artifact], estimate: Estimate) -> list[str]:
    """Return a table of stages: missing artifacts, their work and hours, and the hours if cells shared nothing."""
    apart: dict[str, float] = {}
    for cell in cells:
        for artifact in cell.artifact.walk():
            apart[artifact.stage.name] = apart.get(artifact.stage.name, 0.0) + estimate.seconds(artifact)
    lines = [f"{'stage':<18} {'missing':>8} {'hours':>10} {'cell by cell':>13}  by           work"]
    for stage, artifacts in by_stage(todo).items():
        works = [work for artifact in artifacts if (work := estimate.work(artifact)) is not None]
        unknown = f"; not known: {estimate.unknown[stage]}" if stage in estimate.unknown else ""
        counted = amounts(total(works)) if works else "not counted"
        basis = "/".join(sorted({estimate.source(artifact) for artifact in artifacts}))
        lines.append(f"{_row(stage, artifacts, estimate, apart[stage])}  {basis:<12} {counted}{unknown}")
    least = "  at least" if estimate.unknown else ""
    return [*lines, f"{_row('total', todo, estimate, sum(apart.values()))}{least}"]


def _row(name: str, artifacts: Sequence[Artifact], estimate: Estimate, apart: float) -> str:
    hours = _format_hours(sum(estimate.seconds(artifact) for artifact in artifacts))
    return f"{name:<18} {len(artifacts):>8,} {hours:>10} {_format_hours(apart):>13}"


def _format_hours(seconds: float) -> str:
    return f"{seconds / 3600:,.2f}" if seconds < 36_000 else f"{seconds / 3600:,.0f}"
