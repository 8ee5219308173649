"""`sembridge-bench store gc`: delete what the cells of no named results folder need; without --yes, only say it."""

from __future__ import annotations

import argparse
import shlex
import sys

from harness.cli.refusal import RefusedError
from harness.cli.store.choice import Choice, choose, counted
from harness.cli.store.listing import lines
from harness.cli.store.opening import existing_store
from harness.cluster.stopping import exit_code
from harness.store.deletion import remove, set_aside
from harness.store.in_use import deletion_lock
from harness.store.store import Store


def gc(args: argparse.Namespace) -> int:
    """Say or delete what is not needed; 0, or 1 if something could not be deleted. RefusedError without --keep."""
    if not args.keep:
        raise RefusedError(
            "store gc deletes what no results folder needs, so it has to know them: name all folders that matter, e.g. "
            "--keep results"
        )
    store = existing_store(args.store)
    choice = choose(store, "--keep", args.keep, args.finished_only)  # refuses wrong folders before anything is touched
    if not args.yes:
        _print(choice)
        if choice.gone:
            print(f"nothing was deleted; this deletes it: {_command(args)} --yes")
        return 0
    try:
        return _delete(args, store)
    except KeyboardInterrupt:
        print("\ninterrupted; the same command goes on from there", file=sys.stderr)
        return exit_code()


def _delete(args: argparse.Namespace, store: Store) -> int:
    try:
        with deletion_lock(store):
            choice = choose(store, "--keep", args.keep, args.finished_only, forget_ended=True)
            deleted = set_aside(store, choice.gone)
    except OSError as error:
        raise RefusedError(f"--store {str(args.store)!r} cannot be changed ({error.strerror}); ask its owner") from None
    _print(choice)
    left = remove(deleted)
    print(f"deleted: {counted(entry for entry, _ in deleted.aside if entry not in left)}")
    if deleted.locked:
        print(f"left alone, because a run has begun with it: {counted(deleted.locked)}")
    problems = [f"{entry.name} could not be moved ({reason})" for entry, reason in deleted.failed]
    problems += [f"some files of {entry.name} could not be deleted" for entry in left]
    for problem in problems:
        print(f"error: {problem}; ask the owner of {store.root}", file=sys.stderr)
    return 1 if problems else 0


def _print(choice: Choice) -> None:
    for sentence in choice.stays:
        print(f"stays: {sentence}")
    if not choice.gone:
        print("goes: nothing, all of the store is needed")
        return
    print("\n".join(lines(choice.gone, choice.inventory)))
    by_stage: dict[str, int] = {}
    for entry in choice.gone:
        by_stage[entry.stage] = by_stage.get(entry.stage, 0) + 1
    print(f"goes: {counted(choice.gone)} ({', '.join(f'{count:,} {stage}' for stage, count in by_stage.items())})")


def _command(args: argparse.Namespace) -> str:
    """Return the command as it was typed."""
    words = ["sembridge-bench", "store", "gc", "--keep", *map(str, args.keep)]
    if str(args.store) != "store":
        words += ["--store", str(args.store)]
    return " ".join([*map(shlex.quote, words), *(["--finished-only"] if args.finished_only else [])])
