"""The dry run's page: cells, missing artifacts, and how long they take."""

from __future__ import annotations

from collections.abc import Sequence

from harness.estimate.costs import Work, amounts, total
from harness.estimate.estimate import CALIBRATED, GUESSED, MEASURED, UNKNOWN, Estimate
from harness.estimate.remaining import Remaining
from harness.estimate.sharing import by_stage, sharing
from harness.estimate.unknown_sample import samples
from harness.files.units import duration
from harness.plan.plan import Cell, missing
from harness.plan.preset import Preset
from harness.store.artifact import Artifact
from harness.store.store import Store
from sembridge.options import alpha_text

_AXES = ("language", "architecture", "collection", "initializer", "bridge", "alpha", "regime", "seed", "vectors")
_ORIGIN = {MEASURED: "as measured in this store", CALIBRATED: "as calibrated"}


def describe(
    preset: Preset, cells: Sequence[Cell], store: Store, slots: int, *, calibrate: str, verbose: bool = False
) -> None:
    """Print the page.

    slots      how many cells run at the same time
    calibrate  the command that measures this machine's rates
    verbose    print also what cells share
    """
    todo = missing(cells, store)
    print(f"{preset.title}: {len(cells)} cells")
    for axis in _AXES:
        values = [getattr(cell.identity, axis) for cell in cells]
        text = alpha_text if axis == "alpha" else str
        shown = [text(value) for value in dict.fromkeys(values) if value not in ("", None)]
        if axis == "vectors":  # its values have blanks in them
            shown = [f"{value};" for value in shown[:-1]] + shown[-1:]
        if shown:
            print(f"  {axis.removesuffix('s') + 's':<14} {' '.join(shown)}")
    stored = sum(store.has(cell.artifact) for cell in cells)
    print(f"  {stored} cells are in the store {store.root}, {len(cells) - stored} are to be computed")
    estimate = Estimate.of(preset, store, cells)
    print("missing artifacts:" if todo else "missing artifacts: none")
    for stage, artifacts in by_stage(todo).items():
        print(f"  {len(artifacts):5d} {stage:<18} {_time(artifacts, estimate)}")
    if verbose:
        _describe_sharing(cells, estimate)
    for sample in samples(cells, store):
        if sample.warns:
            print(f"warning: {sample}")
    seconds = Remaining.of(todo, estimate).seconds(slots)
    if seconds is None:
        print(f"estimate: {why_unknown(todo, estimate, calibrate)}")
    else:
        work = sum(map(estimate.seconds, todo))
        print(f"estimate: {duration(seconds)} with {slots} at a time ({duration(work)} of work)")


def why_unknown(todo: Sequence[Artifact], estimate: Estimate, calibrate: str) -> str:
    """Say why the time of these artifacts is not known, and the next step."""
    unknown = [artifact for artifact in todo if not estimate.known(artifact)]
    works = [work for artifact in unknown if (work := estimate.work(artifact)) is not None]
    sizes = sorted({estimate.unknown[stage] for stage in by_stage(unknown) if stage in estimate.unknown})
    reasons = [f"no rate was measured for {_amounts(works)}"] if works else []
    reasons += [f"not known: {', '.join(sizes)}"] if sizes else []
    advice = f"; run `{calibrate}`" if works and estimate.rates is None else ""
    return f"unknown ({len(unknown):,} of {len(todo):,} artifacts: {'; '.join(reasons)}){advice}"


def _amounts(works: Sequence[Work]) -> str:
    return amounts(total(works))


def _time(artifacts: Sequence[Artifact], estimate: Estimate) -> str:
    """Return how long each of a stage's artifacts takes, and how that is known; else how much work they are."""
    sources = {estimate.source(artifact) for artifact in artifacts}
    if UNKNOWN in sources:
        works = [work for artifact in artifacts if (work := estimate.work(artifact)) is not None]
        return f"time unknown, {_amounts(works) if works else 'size unknown'}"
    each = sum(map(estimate.seconds, artifacts)) / len(artifacts)
    if GUESSED in sources:
        return f"about {duration(each)} each, {_guess(artifacts[0].stage.name)}"
    return f"about {duration(each)} each, {' or '.join(_ORIGIN[source] for source in sorted(sources))}"


def _guess(stage: str) -> str:
    return "a guess, without the network's speed" if stage == "collection" else "a guess for small ones"


def _describe_sharing(cells: Sequence[Cell], estimate: Estimate) -> None:
    shared = sharing(cells, estimate.seconds)
    times, seconds_times = shared.artifacts_apart / shared.artifacts, shared.seconds_apart / shared.seconds
    print(
        f"sharing: {shared.artifacts:,} artifacts, cell by cell {shared.artifacts_apart:,} ({times:.1f} times as many)"
    )
    artifacts = (artifact for cell in cells for artifact in cell.artifact.walk())
    if all(map(estimate.known, artifacts)):
        print(
            f"         {duration(shared.seconds)} of work, cell by cell {duration(shared.seconds_apart)} "
            f"({seconds_times:.1f} times as much)"
        )
