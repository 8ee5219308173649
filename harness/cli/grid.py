"""`sembridge-bench grid`: run a grid, or describe it. Heavy modules are imported after --help and after the checks."""

from __future__ import annotations

import argparse
import sys
from typing import TYPE_CHECKING

from harness.cli.grid_options import (
    add_grid_options,
    calibrate_command,
    choices,
    command_line,
    further_measures,
    program,
)
from harness.cli.refusal import RefusedError

if TYPE_CHECKING:
    from harness.plan.preset import Preset

INTERRUPTED = "interrupted; finished cells are kept, the same command goes on from there"


def add_parser(commands: argparse._SubParsersAction) -> None:
    command = commands.add_parser(
        "grid",
        prog=program(),
        help="compare initializers over languages, and print tables",
        description="Compare initializers: give an English sparse encoder other languages, measure, fine-tune, measure "
        "again, print tables.",
        epilog="Without options: the embedded world `pocket` (five languages, offline, minutes). The same command "
        "again computes what is missing.",
        allow_abbrev=False,
    )
    add_grid_options(command)


def grid(args: argparse.Namespace) -> int:
    """Run the grid and return the exit code: 1 if a cell failed, else 0; RefusedError before anything starts."""
    from harness.cli.shipped import presets
    from harness.cluster.stopping import ending_soon, exit_code
    from harness.plan.load_preset import load_preset
    from harness.plan.preset import PresetError
    from harness.store.in_use import using
    from harness.store.store import Store, StoreError
    from sembridge.extras import MissingExtraError, require

    try:
        if not args.dry_run:
            require("grid", "a run of the grid")
        preset = load_preset(args.preset, presets(), args.set, choices(args))
        store = Store(args.store)
        from harness.plan.plan import plan
        from harness.plan.precision_checks import slow_precisions
        from harness.plan.revisions import unpinned
        from harness.plan.seeds import possible_keys, settle
        from harness.plan.stored_warnings import stored_warnings
        from harness.results.earlier import lost_rows

        warnings: list[str] = []
        planned = plan(preset, warnings.append)
        cells, keys = settle(planned, store), possible_keys(planned)
        warnings += stored_warnings(preset, cells, store)
        warnings += [] if args.address else slow_precisions(preset)  # a cluster's processors are others
        losses = lost_rows(args.results, [cell.identity for cell in cells], keys)
        problems = unpinned(preset, cells)
        if problems and not args.dry_run:
            raise PresetError("\nerror: ".join(problems))
        slots = 1 if args.address else _local_slots(preset)  # those of a cluster are known only once connected
        if args.dry_run:
            from harness.estimate.dry_run import describe

            describe(preset, cells, store, slots, calibrate=calibrate_command(args), verbose=args.verbose)
            for warning in (*warnings, *losses):
                print(f"warning: {warning}")
            for line in problems:
                print(f"before a run: {line}")
            return 0
        from harness.run.grid_run import check_places, run_grid

        check_places(args.results, store, cells)
        for warning in warnings:
            print(f"warning: {warning}", file=sys.stderr)
        asked = {"calibrate": calibrate_command(args), "command": command_line(args), "verbose": args.verbose}
        asked |= {"losses": losses, "measures": further_measures(args)}
        with ending_soon(INTERRUPTED), using(store, keys):
            return run_grid(preset, cells, store, args.results, args.address, slots, **asked)
    except (PresetError, StoreError, MissingExtraError) as error:
        raise RefusedError(str(error)) from None
    except KeyboardInterrupt:
        print(f"\n{INTERRUPTED}", file=sys.stderr)
        return exit_code()


def _local_slots(preset: Preset) -> int:
    """Return how many cells run at a time on this machine; PresetError if not even one fits."""
    import os

    from harness.cluster.resources import slots_of

    return slots_of(preset, {"CPU": os.cpu_count() or 1, "GPU": float("inf")})
