"""Run a grid from its plan to its results: compute what is missing, write records and tables, and print them."""

from __future__ import annotations

import sys
import time
import traceback
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path

from harness.cluster.cluster import ClusterLost
from harness.cluster.ray_start import RayFailed
from harness.estimate.dry_run import why_unknown
from harness.estimate.estimate import Estimate
from harness.estimate.remaining import Remaining, is_shared
from harness.evaluation.provenance import machine
from harness.files.redaction import without_secrets
from harness.files.units import duration
from harness.plan.plan import Cell, missing, to_compute
from harness.plan.preset import Preset, PresetError
from harness.plan.seeds import settle, undecided
from harness.plan.stored_warnings import stored_warnings
from harness.results.record import OK
from harness.run.heartbeat import Heartbeat, names
from harness.run.progress import Progress
from harness.run.report import make_page, print_tables, report, report_at_an_end, reports_while_running
from harness.store.artifact import Artifact
from harness.store.store import ROUNDS, Store, StoreError


def check_places(results: Path, store: Store, cells: Sequence[Cell]) -> None:
    """Make the folders that a run writes, and set aside what is damaged.

    PresetError and StoreError come now, not after hours.
    """
    check_results(results)
    store.create()
    store.set_aside_damaged(_roots(cells))


def check_results(results: Path) -> None:
    """Make the folder of results; PresetError if it cannot be written."""
    try:
        results.mkdir(parents=True, exist_ok=True)
        probe = results / ".writable"
        probe.write_text("", encoding="utf-8")
        probe.unlink()
    except OSError as error:
        raise PresetError(f"--results {results} cannot be written ({error.strerror}); choose another folder") from None


def run_grid(
    preset: Preset, cells: Sequence[Cell], store: Store, results: Path, address: str | None, slots: int,
    *, calibrate: str = "", command: str = "", verbose: bool = False, losses: Sequence[str] = (),
    measures: Sequence[str] = (),
) -> int:  # fmt: skip
    """Exit code 0: every cell succeeded; 1: some failed, or no tables. PresetError if the cluster cannot serve.

    address    of a running Ray cluster; None for a local one
    slots      cells at a time, as far as known before the cluster answers
    calibrate  the command that measures this machine's rates
    command    that runs this grid, for the log
    losses     what the results folder holds and this grid does not keep, in sentences
    verbose    show how Ray's time was spent
    measures   that have tables beside the main one
    """
    start = time.perf_counter()
    cells = settle(cells, store)
    todo = missing(cells, store)
    known = stored_warnings(preset, cells, store)
    estimate = Estimate.of(preset, store, cells)
    progress = Progress(slots, results / "run.log", verbose=verbose)
    _begin(progress, cells, todo, store, estimate)
    for name, value in (("command", command), ("machine", machine())):
        if value:
            progress.write(without_secrets(f"{name}: {value}"))
    finished, shared = sum(store.has(cell.artifact) for cell in cells), sum(map(is_shared, todo))
    most = "up to " if undecided(cells, store) else ""  # a run finds out which seeds have the same rows
    known_time = progress.seconds_left() is not None
    progress.line(
        f"{preset.title}: {len(cells)} cells: {finished} in the store, {len(cells) - finished} to compute"
        f"{f', {most}{shared} shared artifacts first' if shared else ''}"
        f"{f'; {left}' if known_time and (left := progress.left()) else ''}"
    )
    if todo and not known_time:
        progress.line(f"time left: {why_unknown(todo, estimate, calibrate)}")
    for note in (*store.damage_notes, *(f"warning: {loss}" for loss in losses)):
        progress.line(note)
    errors: dict[str, str] = {}
    try:
        with reports_while_running(cells, store, results, progress.line, errors, measures=measures):
            _compute(preset, cells, store, address, estimate, progress, errors)
    except PresetError:  # the cluster cannot serve: nothing was started
        raise
    except BaseException as ending:  # Ray has many ways to fail, and hours of results are worth their tables
        if not isinstance(ending, StoreError):  # without the store, the tables of before are the best there is
            report_at_an_end(cells, store, results, progress.line, errors, measures)
        if not isinstance(ending, Exception):
            raise
        known_ending = isinstance(ending, StoreError | ClusterLost | RayFailed)
        return _failed(str(ending) if known_ending else _unexpected(ending, results / "run.log"))
    try:
        records, written = report(cells, store, results, errors, measures)
    except OSError as error:
        reason = f"{error.strerror or error}{f' ({error.filename})' if error.filename else ''}"
        return _failed(
            f"--results {results} cannot be written: {reason}; the store has all that was computed: fix it, and "
            "the same command writes the tables"
        )
    if store.set_aside_damaged(_roots(settle(cells, store))):
        return _failed(f"{store.damage_notes[-1]}, and that while the tables were written: run the same command again")
    if written is not None:
        print_tables(written)
    for warning in stored_warnings(preset, cells, store):
        if warning not in known:  # of collections that this run downloaded
            progress.line(f"warning: {warning}")
    for warning in written.warnings if written is not None else ():
        progress.line(warning)
    failures = [record for record in records if record.status != OK]
    page = written is None or make_page(cells, store, results, lambda line: progress.line(f"error: {line}"))
    shown = f"; {results}/report.html" if page and written is not None else ""
    progress.line(
        f"{len(records) - len(failures)} of {len(records)} cells done in {duration(time.perf_counter() - start)}; "
        f"{results}/tables/summary.md, all tables in all.md{shown}"
    )
    for cause in dict.fromkeys(record.error for record in failures):
        names = [record.identity.name for record in failures if record.error == cause]
        print(
            f"failed: {names[0]}{f' and {len(names) - 1} more' if len(names) > 1 else ''}: {cause or 'not computed'}",
            file=sys.stderr,
        )
    return 1 if failures or not page else 0


def _compute(
    preset: Preset, cells: Sequence[Cell], store: Store, address: str | None, estimate: Estimate, progress: Progress,
    errors: dict[str, str],
) -> None:  # fmt: skip
    """Compute what is missing, and once more what was damaged meanwhile; `errors` gets by key why a piece failed."""
    wanted = cells
    for _ in range(ROUNDS):
        if todo := missing(wanted, store):
            from harness.run.schedule import run

            _begin(progress, wanted, todo, store, estimate)
            with Heartbeat(progress, names(todo, wanted)):
                run(preset, wanted, todo, store, address, progress, estimate, errors)
        store.check_there()
        reported = len(store.damage_notes)
        cells = settle(cells, store)
        damaged = set(store.set_aside_damaged(_roots(cells)))
        for note in store.damage_notes[reported:]:
            progress.line(note)
        if not damaged:
            break
        wanted = [cell for cell in cells if not damaged.isdisjoint(cell.roots)]


def _roots(cells: Sequence[Cell]) -> list[Artifact]:
    """Return what the tables read, each once."""
    return list(dict.fromkeys(root for cell in cells for root in cell.roots))


def _begin(
    progress: Progress, cells: Sequence[Cell], todo: Sequence[Artifact], store: Store, estimate: Estimate
) -> None:
    """Tell `progress` what is to be computed."""
    counts = to_compute(cells, store)
    progress.begin(Remaining.of(todo, estimate), sum(map(is_shared, todo)), counts, store.seconds, store.running)


def _unexpected(error: Exception, log: Path) -> str:
    """Return one line about an error that nothing here expects; its traceback goes to the log."""
    with suppress(OSError), log.open("a", encoding="utf-8") as file:
        file.write(without_secrets("".join(traceback.format_exception(error))))
    line = " ".join(str(error).split())
    return (
        f"{type(error).__name__}: {line if len(line) <= 200 else f'{line[:197]}...'}; {log} has the details; what is "
        "finished is in the store, and the same command goes on"
    )


def _failed(reason: str) -> int:
    print(f"error: {without_secrets(reason)}", file=sys.stderr)
    return 1
