"""Report what a grid takes: cells, artefacts and hours."""

from __future__ import annotations

from collections.abc import Sequence

from harness.doctor.hub_access import OK, WARN, Check
from harness.estimate.costs import amounts, total
from harness.estimate.estimate import CALIBRATED, GUESSED, Estimate
from harness.estimate.sharing import by_stage
from harness.plan.plan import Cell
from harness.store.artifact import Artefact
from harness.store.store import Store


def work(cells: Sequence[Cell], todo: Sequence[Artefact], store: Store, estimate: Estimate) -> Check:
    """Cells, artefacts and hours."""
    from harness.files.units import duration

    done = sum(store.has(cell.artefact) for cell in cells)
    text = f"{len(cells)} cells, {done} in the store, {len(todo)} artefacts missing"
    if not todo:
        return Check(OK, "work", text)
    seconds = sum(estimate.seconds(artefact) for artefact in todo)
    least = "at least " if estimate.unknown else ""
    text += f", {least}about {duration(seconds)} one after the other"
    guessed = sorted({artefact.stage.name for artefact in todo if estimate.source(artefact) == GUESSED})
    calibrated = any(estimate.source(artefact) == CALIBRATED for artefact in todo)
    if not guessed:
        return Check(OK, "work", f"{text}, by rates calibrated here" if calibrated else f"{text}, as measured in this store")
    which = ", ".join(guessed) if len(guessed) < len({artefact.stage.name for artefact in todo}) else "all stages"
    mark = OK if (calibrated and not estimate.unknown) or any(artefact.stage.name.startswith("pocket-") for artefact in todo) else WARN
    advice = "" if calibrated and not estimate.unknown else "; --calibrate measures"
    return Check(mark, "work", f"{text}; first guesses for small models in {which}, not measurements{advice}")


def hours(cells: Sequence[Cell], todo: Sequence[Artefact], estimate: Estimate) -> list[str]:
    """A table: of each stage the artefacts that are missing, their work and hours, and the hours if every cell made all of its own."""
    apart: dict[str, float] = {}
    for cell in cells:
        for artefact in cell.artefact.walk():
            apart[artefact.stage.name] = apart.get(artefact.stage.name, 0.0) + estimate.seconds(artefact)
    lines = [f"{'stage':<18} {'missing':>8} {'hours':>10} {'cell by cell':>13}  by           work"]
    groups = by_stage(todo)
    for stage, artefacts in groups.items():
        works = [work for artefact in artefacts if (work := estimate.work(artefact)) is not None]
        unknown = f"; not known: {estimate.unknown[stage]}" if stage in estimate.unknown else ""
        shown = (amounts(total(works)) if works else "not counted") + unknown
        how = "/".join(sorted({estimate.source(artefact) for artefact in artefacts}))
        spent = sum(estimate.seconds(artefact) for artefact in artefacts)
        lines.append(f"{stage:<18} {len(artefacts):>8,} {_hours(spent):>10} {_hours(apart[stage]):>13}  {how:<12} {shown}")
    spent = sum(estimate.seconds(artefact) for artefact in todo)
    lines.append(f"{'total':<18} {len(todo):>8,} {_hours(spent):>10} {_hours(sum(apart.values())):>13}{'  at least' if estimate.unknown else ''}")
    return lines


def _hours(seconds: float) -> str:
    return f"{seconds / 3600:,.2f}" if seconds < 36_000 else f"{seconds / 3600:,.0f}"
