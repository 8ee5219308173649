"""Make the results of what the store has of a grid: while it runs, at any of its ends, and without a run.

The tables have all cells of the grid; those that are not computed are marked as such, and no mean leaves one out.
"""

from __future__ import annotations

import textwrap
import threading
import time
from collections.abc import Callable, Collection, Container, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import NamedTuple

from harness.files.redaction import without_secrets
from harness.plan.plan import Cell
from harness.plan.seeds import settle
from harness.results import measurement, strata
from harness.results.export import Written, write_results
from harness.results.record import NOT_COMPUTED, OK, Record
from harness.results.tables.legend import STAR, legend
from harness.results.tables.table import Table
from harness.results.tables.terminal import paragraph, terminal_width, to_text
from harness.results.tables.verdict import EXPLAINED
from harness.store.store import Store

EVERY = 30.0  # seconds between two writings while a grid runs, at least
SHARE = 30  # times as long as a writing took, at least, until the next one: 180 cells take five seconds


_NOT_SPLIT = "scores are not split by shared words (low, high): the store lacks them, the grid's command adds them"
_WRITING = threading.Lock()  # a second Ctrl-C may come while the thread is still writing


class Report(NamedTuple):
    """Hold the records of all cells in order, and what was written of them.

    written  None if no cell has ended: the results of an earlier run are then left as they are
    """

    records: list[Record]
    written: Written | None


def report(
    cells: Sequence[Cell], store: Store, results: Path, errors: Mapping[str, str], measures: Sequence[str] = ()
) -> Report:
    """Write the results of the cells that the store has, intact, into `results`; nothing in the store is changed.

    errors    by key of artifact: why it failed, and with it the cells that are made from it
    measures  that have tables beside the main one

    Raises OSError if the folder cannot be written, ValueError if cells of a column were measured over other queries.
    """
    cells = settle(cells, store)
    shares = _shares(cells, store)
    records = [_record(cell, store, errors, shares) for cell in cells]
    if all(record.status == NOT_COMPUTED for record in records):
        return Report(records, None)
    paths = {cell.artifact.key: store.path(cell.artifact) for cell in cells}
    own = {cell.artifact.key: shares.get(cell.strata.key) for cell in cells if cell.strata is not None}
    with _WRITING:
        written = write_results(
            results, records, lambda record: paths[record.key], lambda record: own.get(record.key), measures
        )
    return Report(records, written)


@contextmanager
def reports_while_running(
    cells: Sequence[Cell], store: Store, results: Path, show: Callable[[str], None], errors: Mapping[str, str],
    every: float = EVERY, measures: Sequence[str] = (),
) -> Iterator[None]:  # fmt: skip
    """Write the results of what is there now and then while the block runs, in a thread, if there are further cells.

    A writing that fails is shown in a line and tried again with the next cells: the block goes on.
    """
    ended, at_start = threading.Event(), _there(cells, store)

    def work() -> None:
        pause, there = every, at_start
        while not ended.wait(pause):
            if (now := _there(cells, store)) <= there:
                continue
            start = time.monotonic()
            try:
                report(cells, store, results, dict(errors), measures)
            except (OSError, ValueError, LookupError) as error:
                show(f"the tables of what is there could not be written: {error}")
            there, pause = now, max(every, SHARE * (time.monotonic() - start))

    thread = threading.Thread(target=work, name="reports", daemon=True)
    thread.start()
    try:
        yield
    finally:
        ended.set()
        thread.join()


def report_at_an_end(
    cells: Sequence[Cell], store: Store, results: Path, show: Callable[[str], None], errors: Mapping[str, str],
    measures: Sequence[str] = (),
) -> None:  # fmt: skip
    """Write and print what is there when a run ends before its time; whatever prevents that is shown in a line."""
    show("writing the tables of what is there")
    try:
        records, written = report(cells, store, results, errors, measures)
    except (OSError, ValueError, LookupError) as error:
        show(f"the tables of what is there could not be written: {error}")
        return
    if written is None:
        show("no cell is computed yet: no tables were written")
        return
    _print(written.summary.values(), written.verdict)
    there = sum(record.status == OK for record in records)
    show(f"{there} of {len(records)} cells are in the tables: {results}/tables/summary.md, all tables in all.md")


def print_tables(written: Written) -> None:
    """Print all tables, the summary and the verdict last: they are what a person sees at the end."""
    _print([*written.tables, *written.further, *written.summary.values()], written.verdict)


def _print(tables: Collection[Table], verdict: Sequence[str]) -> None:
    width = terminal_width()
    for table in tables:
        print(f"\n{to_text(table, width)}", end="")
    print(f"\n{paragraph(legend(list(tables), STAR), width)}\n")
    if verdict:
        for sentence in [*verdict, EXPLAINED]:
            print(textwrap.fill(sentence, width, subsequent_indent="  ", break_on_hyphens=False))
        print()


def _there(cells: Sequence[Cell], store: Store) -> int:
    return sum(store.has(cell.artifact) for cell in settle(cells, store))


def _shares(cells: Sequence[Cell], store: Store) -> dict[str, strata.Shares]:
    """Return by key the strata of these cells that the store has, intact."""
    artifacts = {cell.strata.key: cell.strata for cell in cells if cell.strata is not None}
    return {key: strata.load(store.path(each)) for key, each in artifacts.items() if store.intact(each)}


def _record(cell: Cell, store: Store, errors: Mapping[str, str], shares: Container[str]) -> Record:
    """Return the record of a cell; shares: keys of the strata that are known."""
    artifact, of_queries = cell.artifact, cell.strata
    names = (cell.identity, artifact.key, cell.label, cell.reference)
    if store.intact(artifact):
        record = measurement.record(*names, store.path(artifact))
        if of_queries is None or of_queries.key in shares:
            return record
        reason = errors.get(of_queries.key, "")
        unsplit = _NOT_SPLIT if not reason else f"scores are not split by shared words: {without_secrets(reason)}"
        return replace(record, warnings=[*record.warnings, unsplit])
    failed = next((errors[part.key] for part in artifact.walk() if part.key in errors), None)
    if failed is not None:
        return measurement.failed(*names, failed)
    return measurement.not_computed(*names, "damaged in the store" if store.has(artifact) else "")
