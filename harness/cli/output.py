"""Write a folder aside, then rename it, so that it is whole or not there."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path

from harness.cli.refusal import RefusedError
from harness.files.permissions import let_others_read
from sembridge.model_card.record import JSON


def check_output(
    out: Path,
    force: bool,
    inputs: Iterable[Path],
    mark: str = JSON,
    what: str = "a transferred encoder",
    reader: str = "the transfer",
) -> Path:
    """Return the absolute path of --out.

    mark    a file by which a folder is known that such a command wrote
    what    such a folder holds, and `reader`, which reads the inputs, in messages

    Raises RefusedError if writing there would fail, or destroy anything but such a folder.
    """
    shown, out = str(out), out.expanduser().resolve()
    for path in inputs:
        if path == out or out in path.parents:
            raise RefusedError(f"--out {shown!r} holds {path.name!r}, which {reader} reads; choose another folder")
    if out.exists() and not out.is_dir():
        raise RefusedError(f"--out {shown!r} is a file; choose a folder")
    if out.is_dir() and any(out.iterdir()):
        if not (out / mark).is_file():
            raise RefusedError(
                f"--out {shown!r} is not empty and holds no {what.partition(' ')[2]}; choose another folder"
            )
        if not force:
            problem = f"--out {shown!r} holds {what} already"
            raise RefusedError(f"{problem}; choose another folder, or replace it with --force")
    above = next(parent for parent in out.parents if parent.exists())
    if not above.is_dir() or not os.access(above, os.W_OK):
        reason = f"{above} is {'not writable' if above.is_dir() else 'a file'}"
        raise RefusedError(f"--out {shown!r} cannot be written: {reason}; choose another folder")
    return out


@contextmanager
def replacing(out: Path) -> Iterator[Path]:
    """Yield a folder to write into; it replaces `out` at the end, and is removed if anything fails."""
    aside, before = (out.with_name(f".{out.name}.{os.getpid()}.{what}") for what in ("new", "old"))
    out.parent.mkdir(parents=True, exist_ok=True)
    shutil.rmtree(aside, ignore_errors=True)
    aside.mkdir()
    try:
        yield aside
        let_others_read(aside)
        if out.exists():
            os.replace(out, before)
        try:
            os.replace(aside, out)
        except OSError:
            if before.exists():
                os.replace(before, out)
            raise
    finally:
        shutil.rmtree(aside, ignore_errors=True)
        shutil.rmtree(before, ignore_errors=True)
