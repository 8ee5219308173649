"""`sembridge-bench doctor`: what stands between a preset and its tables, before hours are spent."""

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
        "collection; computes nothing without --calibrate.",
        epilog="[ok], [warn], [FAIL]; the exit code is 1 if something fails. The options are those of `sembridge-bench "
        "grid`; --results, --address and --dry-run change nothing here.",
        allow_abbrev=False,
    )
    command.add_argument("positional", nargs="?", metavar="PRESET", help="the same as --preset PRESET")
    add_grid_options(command)
    command.set_defaults(preset=None)
    command.add_argument(
        "--calibrate",
        action="store_true",
        help="measure this machine for half a minute, to estimate hours; kept in the store",
    )


def doctor(args: argparse.Namespace) -> int:
    """Exit code 0: nothing failed; 1: something did. Raises RefusedError for a preset that cannot be planned."""
    from harness.catalog.catalog import CatalogError, load_catalog
    from harness.doctor import checks, machine, work
    from harness.doctor.hub_access import FAIL, OK, WARN, Check, HubAccess
    from harness.estimate.costs import FILE
    from harness.estimate.estimate import Estimate
    from harness.plan.load_preset import load_preset
    from harness.plan.plan import missing, plan
    from harness.plan.preset import PresetError
    from harness.plan.revisions import with_placeholders
    from harness.store.store import Store, StoreError

    if args.positional and args.preset and args.positional != args.preset:
        raise RefusedError(f"PRESET {args.positional!r} conflicts with --preset {args.preset!r}; give one of them")
    args.preset = args.positional or args.preset or DEFAULT
    try:
        preset = with_placeholders(load_preset(args.preset, presets(), args.set, choices(args)))
        files = [preset.catalog] if isinstance(preset.catalog, str) else preset.catalog or []
        catalog, store = load_catalog(Path(file) for file in files), Store(args.store)
        cells = plan(preset)
        if args.calibrate:
            store.create()
    except (PresetError, StoreError, CatalogError) as error:
        raise RefusedError(str(error)) from None
    todo = missing(cells, store)
    print(f"{preset.title}: {len(cells)} cells")
    reported: list[Check] = []

    def report(*found: Check) -> None:
        for check in found:
            print(_wrapped(f"{f'[{check.mark}]':<6} {check.what:<18} ", check.text), flush=True)
        reported.extend(found)

    hub = HubAccess()
    reached = checks.access(preset, cells, todo, store, catalog, hub)
    report(*reached)
    report(*checks.licenses(preset, catalog, hub))
    report(
        *machine.disk(
            todo,
            store,
            sum(check.download for check in reached),
            sum(check.mark != OK and check.what != "access" for check in reached),
        )
    )
    report(
        machine.memory(
            preset, cells, todo, max((check.download for check in reached if check.what == "model"), default=0)
        )
    )
    report(*machine.devices(preset))
    if args.calibrate:
        _calibrate(preset, cells, store, Estimate.of(preset, store).sizes)
    estimate = Estimate.of(preset, store)
    report(work.work(cells, todo, store, estimate))
    if estimate.rates is not None and todo:
        print()
        print(_wrapped("", f"hours on this machine, one cell at a time, by {args.store / FILE}: {estimate.rates}", 2))
        print("\n".join(_wrapped("", line, 57) for line in work.hours(cells, todo, estimate)))
    failed, warned = (sum(check.mark == mark for check in reported) for mark in (FAIL, WARN))
    if failed:
        end = f"{failed} FAIL, {warned} warn: fix what fails, in the order of the lines, and ask again"
    elif any("not checked" in check.text for check in reported):
        end = f"0 FAIL, {warned} warn: ask again with a network, or run with what is in the cache"
    else:
        end = f"0 FAIL, {warned} warn: the next line runs it"
    print(f"\n{_wrapped('', end, 2)}")
    if end.endswith("runs it"):
        print(f"  {command_line(args)}")
    return 1 if failed else 0


def _calibrate(preset: Any, cells: Sequence[Any], store: Any, sizes: Any) -> None:
    """Measure, and keep the rates in the store, where a run's estimates find them too."""
    from harness.estimate.calibration import calibrate

    start = time.perf_counter()
    encoders = {
        source.key: source
        for cell in cells
        for one in cell.artifact.walk()
        if (source := one.inputs.get("encoder")) is not None
    }
    rates = calibrate(preset, encoders.values(), sizes, lambda what: print(f"       calibrating: {what}", flush=True))
    rates.save(store.root)
    print(f"       calibrated in {time.perf_counter() - start:.0f} s", flush=True)


def _wrapped(head: str, text: str, indent: int = 0) -> str:
    """Lines of at most WIDTH columns, continued under the text; an option of --set stays on one line."""
    kept = text.replace("--set ", "--set\0")
    options = {
        "initial_indent": head,
        "subsequent_indent": " " * (indent or len(head)),
        "break_long_words": False,
        "break_on_hyphens": False,
    }
    return textwrap.fill(kept, WIDTH, **options).replace("--set\0", "--set ")  # type: ignore[arg-type]
