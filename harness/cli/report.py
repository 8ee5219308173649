"""`sembridge-bench report`: write and print the results of what the store has of a grid, and compute nothing.

With a folder of results it makes the page of that folder, report.html; a store adds to it what the folder leaves out.
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

from harness.cli.grid_options import add_grid_options, choices, further_measures
from harness.cli.refusal import RefusedError


def add_parser(commands: argparse._SubParsersAction) -> None:
    command = commands.add_parser(
        "report",
        help="write and print the tables of what a grid has computed so far",
        description="Write the results folder of a grid, with its page report.html, and print its tables, from what "
        "the store has; computes nothing. Cells that are missing are marked, and no mean leaves one out. With RESULTS, "
        "make only the report.html of that folder anew, from its files; texts of queries, versions and times come from "
        "the store, if it is there.",
        epilog="The options are those of `sembridge-bench grid`: repeat those of the run. --address changes nothing "
        "here. It may be called while the run goes on.",
        allow_abbrev=False,
    )
    help_results = "a folder that a run wrote, to make only its report.html anew; takes no option but --store"
    command.add_argument("folder", metavar="RESULTS", nargs="?", type=Path, help=help_results)
    terms = "with RESULTS: encode the queries of its page with the encoders in --store, to show their heaviest terms"
    command.add_argument("--terms", action="store_true", help=terms)
    add_grid_options(command)


def report_results(args: argparse.Namespace) -> int:
    """Write and print the results; return 0, or 1 if report.html could not be written.

    RefusedError if nothing can be planned, no cell is in the store, or RESULTS cannot be read.
    """
    if args.folder is not None:
        return _page_alone(args)
    if args.terms:
        raise RefusedError(
            "--terms goes with a folder of results: sembridge-bench report RESULTS --store STORE --terms"
        )
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
        from harness.run.report import make_page, print_tables, report

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
    page = True
    if written is not None:
        print_tables(written)
        page = make_page(cells, store, args.results, lambda line: print(f"error: {line}", file=sys.stderr))
    for loss in losses:
        print(f"warning: {loss}", file=sys.stderr)
    there = sum(record.status == OK for record in records)
    shown = f", {args.results}/report.html" if page and written is not None else ""
    print(f"{there} of {len(records)} cells are in the store {store.root}; {args.results}/tables/summary.md{shown}")
    return 0 if page else 1


def _page_alone(args: argparse.Namespace) -> int:
    """Make report.html of a results folder, and print where it is; return 0."""
    from harness.report_page.page import write_page
    from harness.report_page.store_files import StoreFiles
    from harness.store.store import Store, StoreError
    from sembridge.extras import MissingExtraError

    options = {action.dest: action for action in add_grid_options(argparse.ArgumentParser())}
    typed = {dest for dest, action in options.items() if getattr(args, dest) != action.default}
    if without_effect := [action.option_strings[0] for dest, action in options.items() if dest in typed - {"store"}]:
        advice = "leave them out, or leave out RESULTS to write all results of that grid from the store"
        problem = "with RESULTS, report.html is made of its files, and nothing is planned"
        raise RefusedError(f"{', '.join(without_effect)}: {problem}; {advice}")
    try:
        if "store" in typed and not args.store.is_dir():
            raise RefusedError(f"--store {args.store} is not a folder; give the store of the run, or leave it out")
        try:
            store = StoreFiles(Store(args.store).root if args.store.is_dir() else None)
        except StoreError:
            if "store" in typed:
                raise
            store = StoreFiles()  # a folder that only happens to be called store
        if args.terms and store.root is None:
            raise RefusedError("--terms: the encoders are in the store of the run; name it with --store STORE")
        if args.terms:
            from harness.cli.transfer import quiet

            quiet()
        print(f"wrote {write_page(args.folder, store, args.terms)}")
    except (ValueError, MissingExtraError) as error:
        raise RefusedError(str(error)) from None
    except OSError as error:
        raise RefusedError(f"RESULTS {args.folder} cannot be written: {error.strerror or error}") from None
    return 0
