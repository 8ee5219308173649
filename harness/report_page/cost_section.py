"""Say how long the rows took: their evaluations, and where a store is at hand, what was made before."""

from __future__ import annotations

from collections.abc import Iterator

from harness.files.units import duration
from harness.report_page.folder import ResultsFolder
from harness.report_page.markup import Markup, table
from harness.report_page.store_files import StoreFiles
from harness.results.scored_cells import ScoredCell
from harness.results.tables.table import MISSING, in_order

_MADE = {"initialization": "new rows", "trained": "training"}


def pieces(folder: ResultsFolder, store: StoreFiles) -> Iterator[Markup]:
    """Yield one table of seconds, if any cell has them."""
    labels = in_order(label for group in folder.groups for label in group.rows)
    by_row: dict[str, list[ScoredCell]] = {label: [] for label in labels}
    for group in folder.groups:
        for label, own in group.rows.items():
            by_row[label] += [cell for cell in own if cell.scores]
    known = {label: cells for label, cells in by_row.items() if any(cell.seconds for cell in cells)}
    if not known:
        return
    made = {label: seconds_before(cells, store) for label, cells in known.items()}
    shown = [name for name in _MADE if any(made[label].get(name) for label in known)]
    rows = []
    for label, cells in known.items():
        seconds = [cell.seconds or 0.0 for cell in {cell.key: cell for cell in cells}.values()]
        before = [duration(made[label][name]) if made[label].get(name) else MISSING for name in shown]
        rows.append(
            [label, f"{len(seconds):,}", duration(sum(seconds) / len(seconds)), duration(sum(seconds)), *before]
        )
    head = ["method", "cells", "evaluation, mean", "evaluation, sum", *(f"{_MADE[name]}, sum" for name in shown)]
    yield table(head, rows)


def seconds_before(cells: list[ScoredCell], store: StoreFiles) -> dict[str, float]:
    """Return by input how long the artifacts took that these cells were computed from, each counted once."""
    places: dict[str, dict[str, float]] = {name: {} for name in _MADE}

    def visit(place: str) -> None:
        for name, described in store.inputs(place):
            artifact = store.artifact(described) if name in _MADE else None
            if artifact is not None and artifact not in places[name]:
                seconds = store.manifest(artifact).get("seconds")
                places[name][artifact] = float(seconds) if isinstance(seconds, int | float) else 0.0
                visit(artifact)

    for cell in cells:
        if (place := store.of_cell(cell.key)) is not None:
            visit(place)
    return {name: sum(own.values()) for name, own in places.items()}
