"""Report what a grid takes: cells, artifacts and hours."""

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
    """Cells, artifacts and hours."""
    from harness.files.units import duration

    done = sum(store.has(cell.artifact) for cell in cells)
    text = f"{len(cells)} cells, {done} in the store, {len(todo)} artifacts missing"
    if not todo:
        return Check(OK, "work", text)
    seconds = sum(estimate.seconds(artifact) for artifact in todo)
    least = "at least " if estimate.unknown else ""
    text += f", {least}about {duration(seconds)} one after the other"
    guessed = sorted({artifact.stage.name for artifact in todo if estimate.source(artifact) == GUESSED})
    calibrated = any(estimate.source(artifact) == CALIBRATED for artifact in todo)
    if not guessed:
        return Check(
            OK, "work", f"{text}, by rates calibrated here" if calibrated else f"{text}, as measured in this store"
        )
    which = ", ".join(guessed) if len(guessed) < len({artifact.stage.name for artifact in todo}) else "all stages"
    mark = (
        OK
        if (calibrated and not estimate.unknown) or any(artifact.stage.name.startswith("pocket-") for artifact in todo)
        else WARN
    )
    advice = "" if calibrated and not estimate.unknown else "; --calibrate measures"
    return Check(mark, "work", f"{text}; first guesses for small models in {which}, not measurements{advice}")


def hours(cells: Sequence[Cell], todo: Sequence[Artifact], estimate: Estimate) -> list[str]:
    """A table: of each stage the artifacts that are missing, their work and hours, and the hours if every cell made all of its own."""
    apart: dict[str, float] = {}
    for cell in cells:
        for artifact in cell.artifact.walk():
            apart[artifact.stage.name] = apart.get(artifact.stage.name, 0.0) + estimate.seconds(artifact)
    lines = [f"{'stage':<18} {'missing':>8} {'hours':>10} {'cell by cell':>13}  by           work"]
    groups = by_stage(todo)
    for stage, artifacts in groups.items():
        works = [work for artifact in artifacts if (work := estimate.work(artifact)) is not None]
        unknown = f"; not known: {estimate.unknown[stage]}" if stage in estimate.unknown else ""
        shown = (amounts(total(works)) if works else "not counted") + unknown
        how = "/".join(sorted({estimate.source(artifact) for artifact in artifacts}))
        spent = sum(estimate.seconds(artifact) for artifact in artifacts)
        lines.append(
            f"{stage:<18} {len(artifacts):>8,} {_hours(spent):>10} {_hours(apart[stage]):>13}  {how:<12} {shown}"
        )
    spent = sum(estimate.seconds(artifact) for artifact in todo)
    lines.append(
        f"{'total':<18} {len(todo):>8,} {_hours(spent):>10} {_hours(sum(apart.values())):>13}{'  at least' if estimate.unknown else ''}"
    )
    return lines


def _hours(seconds: float) -> str:
    return f"{seconds / 3600:,.2f}" if seconds < 36_000 else f"{seconds / 3600:,.0f}"
