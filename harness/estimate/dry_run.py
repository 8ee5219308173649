"""The dry run's page: cells, missing artifacts, what they share, and how long they take."""

from __future__ import annotations

from collections.abc import Sequence

from harness.estimate.estimate import CALIBRATED, GUESSED, Estimate
from harness.estimate.sharing import by_stage, sharing
from harness.estimate.unknown_sample import samples
from harness.files.units import duration
from harness.plan.plan import Cell, missing
from harness.plan.preset import Preset
from harness.store.store import Store

_AXES = ("language", "architecture", "collection", "initializer", "bridge", "alpha", "regime", "seed")


def describe(preset: Preset, cells: Sequence[Cell], store: Store, slots: int) -> None:
    """Print the page; `slots` is how many cells run at the same time."""
    todo = missing(cells, store)
    print(f"{preset.title}: {len(cells)} cells")
    for axis in _AXES:
        values = [getattr(cell.identity, axis) for cell in cells]
        shown = [str(value) for value in dict.fromkeys(values) if value not in ("", None)]
        if shown:
            print(f"  {axis + 's':<14} {' '.join(shown)}")
    print(f"  {sum(store.has(cell.artifact) for cell in cells)} cells are in the store {store.root}")
    estimate = Estimate.of(preset, store)
    print("missing artifacts:" if todo else "missing artifacts: none")
    for stage, artifacts in by_stage(todo).items():
        each = sum(map(estimate.seconds, artifacts)) / len(artifacts)
        sources = {estimate.source(artifact) for artifact in artifacts}
        print(f"  {len(artifacts):5d} {stage:<18} about {duration(each)} each{_origin(sources)}")
    shared = sharing(cells, estimate.seconds)
    times, seconds_times = shared.artifacts_apart / shared.artifacts, shared.seconds_apart / shared.seconds
    print(
        f"sharing: {shared.artifacts:,} artifacts, cell by cell {shared.artifacts_apart:,} "
        f"({times:.1f} times as many)\n"
        f"         {duration(shared.seconds)} of work, cell by cell {duration(shared.seconds_apart)} "
        f"({seconds_times:.1f} times as much)"
    )
    for sample in samples(cells, store):
        if sample.warns:
            print(f"warning: {sample}")
    total = sum(map(estimate.seconds, todo))
    print(f"estimate: {duration(total / slots)} with {slots} at a time ({duration(total)} of work)")


def _origin(sources: set[str]) -> str:
    if GUESSED in sources:
        return ", a guess for small models and collections"
    return ", as calibrated" if CALIBRATED in sources else ""
