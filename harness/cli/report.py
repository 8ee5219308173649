"""`sembridge-bench report`: write and print the results of what the store has of a grid, and compute nothing."""

from __future__ import annotations

import argparse
import sys

from harness.cli.grid_options import add_grid_options, choices, further_measures
from harness.cli.refusal import RefusedError


def add_parser(commands: argparse._SubParsersAction) -> None:
    command = commands.add_parser(
        "report",
        help="write and print the tables of what a grid has computed so far",
        description="Write the results folder of a grid, and print its tables, from what the store has; computes "
        "nothing. Cells that are missing are marked, and no mean leaves one out.",
        epilog="The options are those of `sembridge-bench grid`: repeat those of the run. --address changes nothing "
        "here. It may be called while the run goes on.",
        allow_abbrev=False,
    )
    add_grid_options(command)


def report_results(args: argparse.Namespace) -> int:
    """Write and print the results; return 0. RefusedError if nothing can be planned, or no cell is in the store."""
    from harness.cli.shipped import presets
    from harness.plan.load_preset import load_preset
    from harness.plan.preset import PresetError
    from harness.store.store import Store, StoreError
    from sembridge.extras import MissingExtraError, require

    if args.dry_run:
        raise RefusedError("--dry-run: a report computes nothing anyway; leave it out, or say `grid` for an estimate")
    try:
        require("grid", "a report")
        preset = load_preset(args.preset, presets(), args.set, choices(args))
        store = Store(args.store)
        from harness.plan.plan import plan
        from harness.plan.revisions import unpinned
        from harness.plan.seeds import possible_keys, settle
        from harness.results.earlier import lost_rows
        from harness.results.record import OK
        from harness.run.grid_run import check_results
        from harness.run.report import print_tables, report

        planned = plan(preset)
        cells = settle(planned, store)
        if problems := unpinned(preset, cells):
            raise PresetError("\nerror: ".join(problems))
        if not any(store.has(cell.artifact) for cell in cells):
            advice = "repeat the options of the run, --store too, or compute them with `sembridge-bench grid`"
            raise PresetError(f"--store {store.root} has none of the {len(cells)} cells of this grid; {advice}")
        check_results(args.results)
        losses = lost_rows(args.results, [cell.identity for cell in cells], possible_keys(planned))
        records, written = report(cells, store, args.results, {}, further_measures(args))
    except (PresetError, StoreError, MissingExtraError, ValueError) as error:
        raise RefusedError(str(error)) from None
    except OSError as error:
        problem = f"--results {args.results} cannot be written: {error.strerror or error}"
        raise RefusedError(f"{problem}; choose another folder") from None
    if written is not None:
        print_tables(written)
    for loss in losses:
        print(f"warning: {loss}", file=sys.stderr)
    there = sum(record.status == OK for record in records)
    print(f"{there} of {len(records)} cells are in the store {store.root}; {args.results}/tables/summary.md")
    return 0
