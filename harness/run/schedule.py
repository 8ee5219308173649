"""Run a plan on Ray: shared artifacts as tasks, each once, then one Ray Tune trial per cell.

Ray schedules; the store decides what is done.
"""

from __future__ import annotations

import time
from collections.abc import Sequence

from harness.cluster.cluster import Cluster
from harness.estimate.estimate import Estimate
from harness.estimate.remaining import Remaining, is_shared
from harness.files.units import duration
from harness.plan.plan import Cell, lacking, missing, to_compute
from harness.plan.preset import Preset
from harness.plan.seeds import settle, undecided
from harness.run.progress import CELLS, SHARED, STOP, Progress
from harness.run.shared_tasks import run_shared_tasks
from harness.run.trials import run_cells
from harness.store.artifact import Artifact, Hub
from harness.store.store import Store


def run(
    preset: Preset, cells: Sequence[Cell], todo: Sequence[Artifact], store: Store, address: str | None,
    progress: Progress, estimate: Estimate, errors: dict[str, str],
) -> None:  # fmt: skip
    """Compute the artifacts in `todo` that `cells` are made of.

    todo    missing artifacts, inputs first (see `plan.missing`)
    errors  gets why an artifact failed, by its key, at once: a run may be interrupted. Keys are those of the cells as
            `settle` returns them afterwards.
    """
    start = time.perf_counter()
    cluster = Cluster(preset, address, offline=not _uses_hub(cells), say=progress.line)
    with cluster as slots:
        ready, plural = duration(time.perf_counter() - start), "s" if slots > 1 else ""
        progress.slots = slots
        progress.enter(SHARED)
        progress.line(f"Ray is ready after {ready}: {slots} cell{plural} at a time; {progress.left()}")
        waiting = undecided(cells, store, preset.seeds[0])
        shared = [artifact for artifact in todo if is_shared(artifact)]
        first = [artifact for artifact in shared if not any(part.key in waiting for part in artifact.walk())]
        run_shared_tasks(first, preset, store, slots, progress, errors)
        if waiting:  # it is known now which seeds have the same rows
            cells = settle(cells, store, preset.seeds[0])
            rest = [part for part in missing(cells, store) if is_shared(part) and part.key not in errors]
            rest = [part for part in rest if not any(below.key in errors for below in part.walk())]
            needed = {part.key for part in missing(cells, store)}
            if spared := sum(part.key not in needed for part in shared if part not in first):
                progress.line(f"{spared} shared artifacts are those of the first seed, and are not computed again")
            pieces = Remaining.of([part for part in missing(cells, store) if part.key not in errors], estimate)
            progress.recount(pieces, len(rest), to_compute(cells, store))
            run_shared_tasks(rest, preset, store, slots, progress, errors)
        progress.enter(CELLS)
        for batch in _batches(_distinct([cell for cell in cells if not store.has(cell.artifact)])):
            runnable = []
            for cell in batch:
                failed = [artifact.key for artifact in lacking([cell.artifact], store) if artifact.key in errors]
                if failed:
                    errors[cell.artifact.key] = errors[failed[0]]
                    progress.finish(f"{cell.identity.name}: FAILED: {errors[failed[0]]}", cell.artifact)
                else:
                    runnable.append(cell)
            run_cells(runnable, preset, store, slots, progress, cluster.restart, errors)
        progress.enter(STOP)
    idle, whole = progress.idle(start), time.perf_counter() - start
    progress.detail(
        f"Ray: {duration(idle)} of {duration(whole)} ({idle / whole:.0%}) started, waited or stopped "
        "while nothing was being computed"
    )


def _uses_hub(cells: Sequence[Cell]) -> bool:
    artifacts = [artifact for cell in cells for artifact in cell.artifact.walk()]
    return any(
        artifact.stage.name == "collection" or any(isinstance(source, Hub) for source in artifact.inputs.values())
        for artifact in artifacts
    )


def _batches(cells: Sequence[Cell]) -> tuple[list[Cell], list[Cell]]:
    """Return the cells, those that read others apart: they neither wait for these nor repeat what failed."""
    own = {cell.artifact.key for cell in cells}
    batches: tuple[list[Cell], list[Cell]] = [], []
    for cell in cells:
        batches[any(part.key in own for part in cell.artifact.needed)].append(cell)
    return batches


def _distinct(cells: Sequence[Cell]) -> list[Cell]:
    """Return one cell per artifact (BM25 is the same before and after training).

    Cells that share a trained encoder are kept far apart: the first trains it, and the others begin when it is ready.
    """
    first = list({cell.artifact.key: cell for cell in cells}.values())
    collections = list(dict.fromkeys(cell.identity.collection for cell in first))
    regimes = list(dict.fromkeys(cell.identity.regime for cell in first))
    return sorted(
        first, key=lambda cell: (regimes.index(cell.identity.regime), collections.index(cell.identity.collection))
    )
