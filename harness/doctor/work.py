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
    known = [artifact for artifact in todo if estimate.known(artifact)]
    if len(known) < len(todo):
        untimed = ", ".join(sorted({artifact.stage.name for artifact in todo if not estimate.known(artifact)}))
        advice = "; --calibrate measures" if estimate.rates is None else ""
        reasons = "".join(f"; {stage}: {reason}" for stage, reason in sorted(estimate.unknown.items()))
        return Check(WARN, "work", f"{text}, the time of {untimed} is unknown{reasons}{advice}")
    text += f", about {duration(sum(map(estimate.seconds, todo)))} one after the other"
    guessed = sorted({artifact.stage.name for artifact in todo if estimate.source(artifact) == GUESSED})
    calibrated = any(estimate.source(artifact) == CALIBRATED for artifact in todo)
    if not guessed:
        return Check(OK, "work", f"{text}, {'by rates calibrated here' if calibrated else 'as measured in this store'}")
    stages = {artifact.stage.name for artifact in todo}
    names = ", ".join(guessed) if len(guessed) < len(stages) else "all stages"
    mark = OK if calibrated or any(name.startswith("pocket-") for name in stages) else WARN
    advice = "" if calibrated else "; --calibrate measures"
    return Check(mark, "work", f"{text}; first guesses for small models in {names}, not measurements{advice}")


def hours(cells: Sequence[Cell], todo: Sequence[Artifact], estimate: Estimate, *, apart: bool = False) -> list[str]:
    """Return a table of stages: missing artifacts, their work and hours, "?" where these are unknown.

    apart  also the hours if cells shared nothing
    """
    whole = [artifact for cell in cells for artifact in cell.walk()] if apart else []
    separate = by_stage(whole)
    column = f" {'cell by cell':>13}" if apart else ""
    lines = [f"{'stage':<18} {'missing':>8} {'hours':>10}{column}  {'by':<12} work"]
    for stage, artifacts in by_stage(todo).items():
        works = [work for artifact in artifacts if (work := estimate.work(artifact)) is not None]
        unknown = f"; not known: {estimate.unknown[stage]}" if stage in estimate.unknown else ""
        counted = amounts(total(works)) if works else "not counted"
        basis = "/".join(sorted({estimate.source(artifact) for artifact in artifacts}))
        row = _row(stage, artifacts, separate.get(stage, []) if apart else None, estimate)
        lines.append(f"{row}  {basis:<12} {counted}{unknown}")
    return [*lines, _row("total", todo, whole if apart else None, estimate)]


def _row(name: str, artifacts: Sequence[Artifact], apart: Sequence[Artifact] | None, estimate: Estimate) -> str:
    column = "" if apart is None else f" {_format_hours(apart, estimate):>13}"
    return f"{name:<18} {len(artifacts):>8,} {_format_hours(artifacts, estimate):>10}{column}"


def _format_hours(artifacts: Sequence[Artifact], estimate: Estimate) -> str:
    if not all(map(estimate.known, artifacts)):
        return "?"
    seconds = sum(map(estimate.seconds, artifacts))
    return f"{seconds / 3600:,.2f}" if seconds < 36_000 else f"{seconds / 3600:,.0f}"
