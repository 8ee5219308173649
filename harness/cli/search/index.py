"""`sembridge-bench index`: encode documents into an index that can be searched."""

from __future__ import annotations

import argparse
import shlex
import sys
import time
from pathlib import Path
from typing import Any

from harness.cli import inputs
from harness.cli.inputs import Input, place
from harness.cli.messages import failed, say
from harness.cli.refusal import RefusedError
from harness.cli.search.texts import find_documents
from harness.cluster.stopping import exit_code
from harness.collections.collection import CollectionError
from harness.collections.documents import Documents
from harness.files.units import amount, duration
from harness.store.artifact import Local
from sembridge.nearest import nearest
from sembridge.search.encode_options import PRECISIONS
from sembridge.search.manifest import BUILDING, LOCK, MANIFEST, IndexFolderError

OURS = (MANIFEST, BUILDING, f".{BUILDING}.new", LOCK)
"""Files of which a folder with an index, or a part of one, has at least one."""


def index(args: argparse.Namespace) -> int:
    """Build an index and return the exit code: 0 written, 1 failed; RefusedError before anything is encoded."""
    encoder, documents = _check(args)
    start = time.perf_counter()
    from harness.cli.transfer import quiet

    quiet()
    inputs.check_files("ENCODER", "encoder", encoder)
    try:
        count, empty = documents.check()
    except CollectionError as error:
        raise RefusedError(f"--collection: {error}") from None
    kind = "text files" if documents.texts else "documents"
    without = f"; {empty:,} without text are left out" if empty else ""
    say("documents", f"{args.collection}: {count:,} {kind}{without}")
    was_whole = (args.out.expanduser() / MANIFEST).is_file()
    try:
        built, earlier = _build(args, encoder, documents, count)
    except IndexFolderError as error:
        raise RefusedError(f"--out: {error}") from None
    except (ValueError, OSError, RuntimeError, MemoryError) as error:  # of loaders, the encoder, the disk
        return failed(error)
    except KeyboardInterrupt:
        print("\ninterrupted; what is indexed stays: repeat the command, and it goes on", file=sys.stderr)
        return exit_code()
    _summary(built, args.out, 0 if was_whole else earlier, time.perf_counter() - start, was_whole=was_whole)
    return 0


def _check(args: argparse.Namespace) -> tuple[Input, Documents]:
    """Return the encoder and the documents; RefusedError for what can be refused without a heavy import."""
    if args.precision not in PRECISIONS:
        raise RefusedError(f"--precision {args.precision!r} is unknown; {nearest(args.precision, PRECISIONS)}")
    if args.max_length is not None and args.max_length < 3:
        raise RefusedError(f"--max-length {args.max_length} leaves no token beside the special ones; give 3 or more")
    encoder = inputs.encoder(args.encoder, args.revision, "ENCODER")
    documents = find_documents(args.collection, args.store)
    _check_out(args.out, [encoder.path] if isinstance(encoder.source, Local) else [], documents.path)
    inputs.check_store(args.store, [encoder])
    return encoder, documents


def _check_out(out: Path, folders: list[Path], documents: Path) -> None:
    """Refuse a folder for the index that holds something else, or lies in what is read."""
    shown, out = str(out), out.expanduser().resolve()
    for path in (*folders, documents.resolve()):
        if path == out or out in path.parents or (path.is_dir() and path in out.parents):
            raise RefusedError(
                f"--out {shown!r} and {path.name!r}, which is read, lie in each other; choose another folder"
            )
    if out.exists() and not out.is_dir():
        raise RefusedError(f"--out {shown!r} is a file; choose a folder")
    if out.is_dir() and any(out.iterdir()) and not any((out / name).is_file() for name in OURS):
        raise RefusedError(f"--out {shown!r} is not empty and holds no index; choose another folder")


def _build(args: argparse.Namespace, encoder: Input, documents: Documents, count: int) -> tuple[Any, int]:
    """Return the index, and how many of its documents an earlier command had indexed."""
    from harness.cli.search.progress import Progress
    from sembridge.search.index_writer import build

    location = place("encoder", encoder, args.store, say)
    if args.precision == "bfloat16":
        _say_if_slow()
    earlier = 0
    progress = Progress("documents", count)

    def show(done: int, stored: int) -> None:
        nonlocal earlier
        earlier = stored
        progress(done, stored)

    try:
        with inputs.reading({"ENCODER": encoder}):
            built = build(
                location.name,
                documents.stream(),
                args.out,
                revision=location.revision,
                max_length=args.max_length,
                precision=args.precision,
                progress=show,
            )
    finally:
        progress.close()
    return built, earlier


def _say_if_slow() -> None:
    """Say once, in a line of this command's, what the library would warn of."""
    import warnings

    import torch

    from sembridge.processor import paths

    if not torch.cuda.is_available() and (slow := paths.slow_bfloat16("--precision")):
        say("warning", slow)
        warnings.filterwarnings("ignore", message="precision bfloat16 is slow")


def _summary(built: Any, out: Path, earlier: int, seconds: float, *, was_whole: bool) -> None:
    """Say what the index holds, and how to ask it."""
    about = built.manifest
    each = about["entries"] / about["documents"]
    say("vectors", f"{each:,.0f} terms each on average, {about['used_dimensions']:,} of {about['dimensions']:,} tokens")
    if lost := about["without_dimensions"]:
        say("warning", f"{lost:,} documents have no term at all and cannot be found: is the encoder broken?")
    size = amount(sum(about["files"].values()))
    went_on = f"; {earlier:,} documents were there from an earlier command" if earlier else ""
    if was_whole:
        say("whole", f"{out} ({size}) was finished before, from the same documents; nothing was written")
    else:
        say("written", f"{out} ({size}) in {duration(seconds)}{went_on}")
    print(f'\nAsk it:  sembridge-bench search {shlex.quote(str(out))} "..."')
