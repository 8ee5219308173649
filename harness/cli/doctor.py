"""`sembridge-bench doctor`: check what a grid needs, before hours are spent."""

from __future__ import annotations

import argparse
import textwrap
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from harness.cli.grid_options import DEFAULT, add_grid_options, choices, command_line
from harness.cli.refusal import RefusedError
from harness.cli.shipped import presets

WIDTH = 120


def add_parser(commands: argparse._SubParsersAction) -> None:
    command = commands.add_parser(
        "doctor",
        help="check what a grid needs, before hours are spent",
        description="Check access, licenses, disk, memory, devices and hours of a grid. Downloads no model and no "
        "collection; computes nothing without --calibrate, but for a second where a precision is bfloat16.",
        epilog="[ok], [warn], [FAIL]; the exit code is 1 if something fails. The options are those of `sembridge-bench "
        "grid`; --results, --address and --dry-run change nothing here.",
        allow_abbrev=False,
    )
    command.add_argument("positional", nargs="?", metavar="PRESET", help="the same as --preset PRESET")
    add_grid_options(command)
    command.set_defaults(preset=None)
    calibrate = "measure this machine for half a minute, to estimate hours; saved in the store"
    command.add_argument("--calibrate", action="store_true", help=calibrate)


def doctor(args: argparse.Namespace) -> int:
    """Run the checks; return exit code 1 if one failed, else 0. RefusedError for a preset that cannot be planned."""
    from harness.catalog.catalog import CatalogError, load_catalog
    from harness.doctor import checks, machine, work
    from harness.doctor.hub_access import FAIL, OK, WARN, Check, HubAccess
    from harness.doctor.unknown import unknown_tokens
    from harness.doctor.vocabularies import vocabularies
    from harness.estimate.costs import FILE
    from harness.estimate.estimate import Estimate
    from harness.plan.load_preset import load_preset
    from harness.plan.plan import missing, plan
    from harness.plan.precision_checks import slow_precisions
    from harness.plan.preset import PresetError
    from harness.plan.revisions import with_placeholders
    from harness.plan.seeds import settle
    from harness.plan.stored_warnings import stored_warnings
    from harness.store.store import Store, StoreError

    if args.positional and args.preset and args.positional != args.preset:
        raise RefusedError(f"PRESET {args.positional!r} conflicts with --preset {args.preset!r}; give one of them")
    args.preset = args.positional or args.preset or DEFAULT
    try:
        preset = with_placeholders(load_preset(args.preset, presets(), args.set, choices(args)))
        files = [preset.catalog] if isinstance(preset.catalog, str) else preset.catalog or []
        catalog, store = load_catalog(Path(file) for file in files), Store(args.store)
        warnings: list[str] = []
        cells = settle(plan(preset, warnings.append), store)
        warnings += stored_warnings(preset, cells, store)
        if args.calibrate:
            store.create()
    except (PresetError, StoreError, CatalogError) as error:
        raise RefusedError(str(error)) from None
    todo = missing(cells, store)
    print(f"{preset.title}: {len(cells)} cells")
    reported: list[Check] = []

    def report(*results: Check) -> None:
        for check in results:
            print(_wrap(f"{f'[{check.mark}]':<6} {check.what:<18} ", check.text), flush=True)
        reported.extend(results)

    hub = HubAccess()
    access = checks.access(preset, cells, todo, store, catalog, hub)
    report(*access)
    report(*(Check(WARN, "collection", warning) for warning in warnings))
    report(*checks.licenses(preset, catalog, hub))
    unknown = sum(check.mark != OK and check.what != "access" for check in access)
    report(*unknown_tokens(cells, store))
    report(*vocabularies(cells, store))
    report(*machine.disk(todo, store, sum(check.download for check in access), unknown))
    largest_model = max((check.download for check in access if check.what == "model"), default=0)
    report(machine.memory(preset, cells, todo, largest_model))
    report(*machine.devices(preset))
    report(*(Check(WARN, "precision", slow) for slow in slow_precisions(preset)))
    if args.calibrate:
        _calibrate(preset, cells, store, Estimate.of(preset, store, cells).sizes)
    estimate = Estimate.of(preset, store, cells)
    report(work.work(cells, todo, store, estimate))
    if estimate.rates is not None and todo:
        print()
        print(_wrap("", f"hours on this machine, one cell at a time, by {args.store / FILE}: {estimate.rates}", 2))
        print("\n".join(_wrap("", line, 57) for line in work.hours(cells, todo, estimate, apart=args.verbose)))
    failed, warned = (sum(check.mark == mark for check in reported) for mark in (FAIL, WARN))
    if failed:
        end = f"{failed} FAIL, {warned} warn: fix what fails, in the order of the lines, and ask again"
    elif any("not checked" in check.text for check in reported):
        end = f"0 FAIL, {warned} warn: ask again with a network, or run with what is in the cache"
    else:
        end = f"0 FAIL, {warned} warn: the next line runs it"
    print(f"\n{_wrap('', end, 2)}")
    if end.endswith("runs it"):
        print(f"  {command_line(args)}")
    return 1 if failed else 0


def _calibrate(preset: Any, cells: Sequence[Any], store: Any, sizes: Any) -> None:
    """Measure this machine, and save the rates in the store, where a run's estimates find them too."""
    from harness.estimate.calibration import calibrate

    start = time.perf_counter()
    artifacts = (artifact for cell in cells for artifact in cell.artifact.walk())
    sources = (artifact.inputs.get("encoder") for artifact in artifacts)
    encoders = {source.key: source for source in sources if source is not None}
    rates = calibrate(preset, encoders.values(), sizes, lambda what: print(f"       calibrating: {what}", flush=True))
    rates.save(store.root)
    print(f"       calibrated in {time.perf_counter() - start:.0f} s", flush=True)


def _wrap(head: str, text: str, indent: int = 0) -> str:
    """Return lines of at most WIDTH columns, indented below the text; --set and its value stay on one line."""
    wrapper = textwrap.TextWrapper(WIDTH, initial_indent=head, subsequent_indent=" " * (indent or len(head)))
    wrapper.break_long_words = wrapper.break_on_hyphens = False
    return wrapper.fill(text.replace("--set ", "--set\0")).replace("--set\0", "--set ")
