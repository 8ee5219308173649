"""The grid as a command: options, checks, run, tables. Heavy imports happen after --help and after the checks that need none of them."""

from __future__ import annotations

import argparse
import sys
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any, NoReturn

from harness.files.redaction import without_secrets

MISUSE = 2
_LISTS = ("languages", "architectures", "initializers", "bridges", "alphas", "collections", "regimes", "seeds")


class _Parser(argparse.ArgumentParser):
    def error(self, message: str) -> NoReturn:
        """One line, as every other refusal."""
        self.exit(MISUSE, f"error: {message}; see {self.prog} --help\n")


def parser() -> argparse.ArgumentParser:
    described = _Parser(
        prog="run_grid.py",
        description="Compare initializers: give an English sparse encoder other languages, measure, fine-tune, measure again, print tables.",
        epilog="Without options: the embedded world `pocket` (five languages, offline, minutes). The same command again computes what is missing.",
        allow_abbrev=False,
    )
    option = described.add_argument
    option(
        "--preset",
        default="pocket",
        metavar="NAME|FILE",
        help="what to run: a name from experiments/presets or a YAML file (default: pocket)",
    )
    option("--languages", nargs="+", metavar="L", help="languages, e.g. ko ru")
    option("--architectures", nargs="+", metavar="A", help="encoders of the preset")
    option("--initializers", nargs="+", metavar="I", help="initializers, and the reference rows base, bm25 and dense")
    option("--bridges", nargs="+", metavar="B", help="bridges of the preset")
    option("--alphas", nargs="+", type=float, metavar="X", help="alpha values for initializers that have one")
    option("--collections", nargs="+", metavar="C", help="collections of the preset")
    option("--regimes", "--stages", nargs="+", metavar="R", help="zero-shot, fine-tuned")
    option("--seeds", nargs="+", type=int, metavar="N", help="seeds; several give mean ± deviation")
    option(
        "--catalog",
        nargs="+",
        metavar="FILE",
        help="catalogs of your own, whose entries `catalog:NAME` finds first (see docs/catalog.md)",
    )
    option(
        "--set",
        action="append",
        default=[],
        metavar="KEY.PATH=VALUE",
        help="any other option of the preset, e.g. training.epochs=2",
    )
    option(
        "--results",
        type=Path,
        default=Path("results"),
        metavar="DIR",
        help="folder for tables, cells.csv, runs (default: results)",
    )
    option(
        "--store",
        type=Path,
        default=Path("store"),
        metavar="DIR",
        help="folder for computed artifacts, reused by every run (default: store)",
    )
    option(
        "--address",
        metavar="RAY",
        help="address of a running Ray cluster, `auto` on its head node (default: a local one for this run)",
    )
    option("--dry-run", action="store_true", help="print cells, missing artifacts and an estimate, compute nothing")
    return described


def main(arguments: Sequence[str] | None, presets: Path) -> int:
    """Exit code 0: every cell succeeded; 1: some failed; 2: the command was refused before anything started."""
    given = parser().parse_args(arguments)
    from harness.plan.load_preset import load_preset
    from harness.plan.preset import PresetError
    from harness.store.store import Store, StoreError

    try:
        choices = {name: getattr(given, name) for name in _LISTS if getattr(given, name) is not None}
        if given.catalog:
            choices["catalog"] = given.catalog
        preset = load_preset(given.preset, presets, given.set, choices)
        store = Store(given.store)
        from harness.plan.plan import missing, plan
        from harness.plan.revisions import unpinned

        cells = plan(preset)
        unknown = unpinned(preset, cells)
        if unknown and not given.dry_run:
            raise PresetError("\nerror: ".join(unknown))
        slots = 1 if given.address else _local_slots(preset)  # of an address we know only once we are there
        if not given.dry_run:
            _check_writable(given.results)
            store.create()
            store.set_aside_damaged(cell.artifact for cell in cells)
    except (PresetError, StoreError) as error:
        print(f"error: {without_secrets(str(error))}", file=sys.stderr)
        return MISUSE
    todo = missing(cells, store)
    if given.dry_run:
        _describe(preset, cells, todo, store, slots)
        for line in unknown:
            print(f"before a run: {line}")
        return 0
    try:
        return _run(given, preset, cells, todo, store, slots)
    except KeyboardInterrupt:
        print("\ninterrupted; finished cells are kept, the same command goes on from there", file=sys.stderr)
        return 130


def _run(given: argparse.Namespace, preset: Any, cells: list, todo: list, store: Any, slots: int) -> int:
    from harness.estimate.estimate import Estimate
    from harness.files.units import duration
    from harness.plan.plan import missing
    from harness.plan.preset import PresetError
    from harness.results import measurement
    from harness.results.export import write_results
    from harness.results.rendering import to_text
    from harness.results.tables import LEGEND
    from harness.run.cluster import ClusterLost
    from harness.run.progress import Progress
    from harness.store.store import ROUNDS, StoreError

    start = time.perf_counter()
    estimate = Estimate.of(preset, store)
    expected = sum(estimate.seconds(artifact) for artifact in todo)
    progress = Progress(expected, slots, given.results / "run.log")
    finished = [cell for cell in cells if store.has(cell.artifact)]
    progress.line(
        f"{preset.title}: {len(cells)} cells, {len(finished)} already in the store, {len(todo)} artifacts to compute"
    )
    for note in store.damage_notes:
        progress.line(note)
    errors: dict[str, str] = {}
    asked = cells
    try:
        for _ in range(ROUNDS):
            if todo:
                from harness.run.schedule import run

                errors |= run(preset, asked, todo, store, given.address, estimate, progress)
            store.check_there()
            told = len(store.damage_notes)
            damaged = set(store.set_aside_damaged(cell.artifact for cell in cells))
            for note in store.damage_notes[told:]:
                progress.line(note)
            if not damaged:
                break
            asked = [cell for cell in cells if cell.artifact in damaged]
            todo = missing(asked, store)
    except (PresetError, StoreError, ClusterLost) as error:
        print(f"error: {without_secrets(str(error))}", file=sys.stderr)
        return MISUSE if isinstance(error, PresetError) else 1
    records = [
        measurement.record(cell.identity, cell.artifact.key, cell.label, cell.reference, store.path(cell.artifact))
        if store.has(cell.artifact)
        else measurement.failed(
            cell.identity, cell.artifact.key, cell.label, cell.reference, errors.get(cell.artifact.key, "not computed")
        )
        for cell in cells
    ]
    paths = {record.key: store.path(cell.artifact) for record, cell in zip(records, cells, strict=True)}
    try:
        written = write_results(
            given.results, records, lambda record: paths[record.key] if record.status == "ok" else None
        )
    except OSError as error:
        said = f"{error.strerror or error}{f' ({error.filename})' if error.filename else ''}"
        print(f"error: --results {given.results} cannot be written: {said}; the store has all that was computed: mend it, and the same command "
              "writes the tables", file=sys.stderr)  # fmt: skip
        return 1
    if store.set_aside_damaged(cell.artifact for cell in cells):
        print(
            f"error: {store.damage_notes[-1]}, and that while the tables were written: run the same command again",
            file=sys.stderr,
        )
        return 1
    for table in written.tables:
        print(f"\n{to_text(table)}", end="")
    print(f"\n{LEGEND}")
    broken = [record for record in records if record.status != "ok"]
    progress.line(
        f"{len(records) - len(broken)} of {len(records)} cells done in {duration(time.perf_counter() - start)}; {given.results}/tables/all.md"
    )
    for cause in dict.fromkeys(record.error for record in broken):
        names = [record.identity.name for record in broken if record.error == cause]
        print(f"failed: {names[0]}{f' and {len(names) - 1} more' if len(names) > 1 else ''}: {cause}", file=sys.stderr)
    return 1 if broken else 0


def _describe(preset: Any, cells: list, todo: list, store: Any, slots: int) -> None:
    """The dry run's page."""
    from harness.estimate.estimate import CALIBRATED, GUESSED, Estimate
    from harness.estimate.sharing import by_stage, sharing
    from harness.files.units import duration

    print(f"{preset.title}: {len(cells)} cells")
    for name in ("language", "architecture", "collection", "initializer", "bridge", "alpha", "regime", "seed"):
        values = [getattr(cell.identity, name) for cell in cells]
        shown = [str(value) for value in dict.fromkeys(values) if value not in ("", None)]
        if shown:
            print(f"  {name + 's':<14} {' '.join(shown)}")
    done = sum(store.has(cell.artifact) for cell in cells)
    print(f"  {done} cells are in the store {store.root}")
    estimate = Estimate.of(preset, store)
    total = sum(estimate.seconds(artifact) for artifact in todo)
    print("missing artifacts:" if todo else "missing artifacts: none")
    for stage, artifacts in by_stage(todo).items():
        each = sum(estimate.seconds(artifact) for artifact in artifacts) / len(artifacts)
        sources = {estimate.source(artifact) for artifact in artifacts}
        how = (
            ", a guess for small models and collections"
            if GUESSED in sources
            else ", as calibrated"
            if CALIBRATED in sources
            else ""
        )
        print(f"  {len(artifacts):5d} {stage:<18} about {duration(each)} each{how}")
    shared = sharing(cells, estimate.seconds)
    times, seconds_times = shared.artifacts_apart / shared.artifacts, shared.seconds_apart / shared.seconds
    print(
        f"sharing: {shared.artifacts:,} artifacts, cell by cell {shared.artifacts_apart:,} ({times:.1f} times as many)"
    )
    print(
        f"         {duration(shared.seconds)} of work, cell by cell {duration(shared.seconds_apart)} ({seconds_times:.1f} times as much)"
    )
    print(f"estimate: {duration(total / slots)} with {slots} at a time ({duration(total)} of work)")


def _local_slots(preset: Any) -> int:
    """Cells at a time on this machine; PresetError if not even one fits."""
    import os

    from harness.run.resources import slots_of

    return slots_of(preset, {"CPU": os.cpu_count() or 1, "GPU": float("inf")})


def _check_writable(folder: Path) -> None:
    """A results folder that cannot be written is found out now, not after hours."""
    from harness.plan.preset import PresetError

    try:
        folder.mkdir(parents=True, exist_ok=True)
        probe = folder / ".writable"
        probe.write_text("", encoding="utf-8")
        probe.unlink()
    except OSError as error:
        raise PresetError(f"--results {folder} cannot be written ({error.strerror}); choose another folder") from None
