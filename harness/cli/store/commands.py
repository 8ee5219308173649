"""`sembridge-bench store`: look into a store of artifacts, and delete what no results need. Declares the options."""

from __future__ import annotations

import argparse
from pathlib import Path

from harness.cli.refusal import RefusedError


def add_parser(commands: argparse._SubParsersAction) -> None:
    command = commands.add_parser(
        "store",
        help="list, explain and clean up what grids have computed",
        description="Look into the store, where grids keep what they compute, and delete what no results need.",
        epilog="The page 'store' of the documentation has more.",
        allow_abbrev=False,
    )
    actions = command.add_subparsers(dest="action", metavar="ACTION", required=True)
    _ls(actions)
    _show(actions)
    _du(actions)
    _gc(actions)


def _ls(actions: argparse._SubParsersAction) -> None:
    action = actions.add_parser(
        "ls",
        help="list artifacts with their sizes, ages and states",
        description="List what the store holds: by stage, the largest first.",
        allow_abbrev=False,
    )
    option = action.add_argument
    option("--stage", metavar="S", help="only this stage, e.g. trained-encoder")
    option("--format", default="text", metavar="F", help="text, json (default: text)")
    verify = "read every file and compare it with what was written (default: compare sizes, which takes no time)"
    option("--verify", action="store_true", help=verify)
    _add_store(action)


def _show(actions: argparse._SubParsersAction) -> None:
    action = actions.add_parser(
        "show",
        help="say how one artifact was made, and what uses it",
        description="Say how one artifact was made: stage, parameters, inputs, size, age, and what was made from it.",
        allow_abbrev=False,
    )
    option = action.add_argument
    option("key", metavar="KEY", help="its key as `store ls` and cells.csv have it; a unique beginning suffices")
    results = "results folders: say which of their cells use it"
    option("--results", nargs="+", type=Path, default=[], metavar="RESULTS", help=results)
    _add_store(action)


def _du(actions: argparse._SubParsersAction) -> None:
    action = actions.add_parser(
        "du",
        help="sum up sizes by stage",
        description="Sum up the sizes of what the store holds, by stage.",
        allow_abbrev=False,
    )
    results = "results folders: sum up also what the cells of none of them need"
    action.add_argument("--results", nargs="+", type=Path, default=[], metavar="RESULTS", help=results)
    _add_store(action)


def _gc(actions: argparse._SubParsersAction) -> None:
    action = actions.add_parser(
        "gc",
        help="delete what the cells of no named results folder need",
        description="Say what the cells of the named results folders do not need, and delete it with --yes. What a "
        "running grid needs stays too.",
        allow_abbrev=False,
    )
    option = action.add_argument
    keep = "results folders: what their cells need stays"
    option("--keep", nargs="+", type=Path, default=[], metavar="RESULTS", help=keep)
    option("--yes", action="store_true", help="delete it (default: only say what would be deleted)")
    finished = "keep nothing for cells of these folders that are not computed yet, or failed"
    option("--finished-only", action="store_true", help=finished)
    _add_store(action)


def _add_store(action: argparse.ArgumentParser) -> None:
    store = "the store, as of `sembridge-bench grid` (default: store)"
    action.add_argument("--store", type=Path, default=Path("store"), metavar="DIR", help=store)


def store_command(args: argparse.Namespace) -> int:
    """Run one action and return its exit code; RefusedError for wrong options, and where there is no store."""
    from harness.cli.store import artifact_page, cleanup, listing
    from harness.store.store import StoreError

    actions = {"ls": listing.ls, "show": artifact_page.show, "du": listing.du, "gc": cleanup.gc}
    try:
        return actions[args.action](args)
    except StoreError as error:
        raise RefusedError(str(error)) from None
