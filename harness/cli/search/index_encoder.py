"""Find the encoder of an index where --encoder says, and the record of the transfer that made it."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import TYPE_CHECKING

from harness.cli import inputs
from harness.cli.messages import say
from harness.cli.refusal import RefusedError

if TYPE_CHECKING:
    from sembridge.model_card.record import TransferRecord
    from sembridge.search.index import Index


def check_revision(args: argparse.Namespace) -> None:
    """Refuse --revision without --encoder."""
    if args.revision is not None and args.encoder is None:
        raise RefusedError(f"--revision {args.revision!r} has no effect without --encoder; leave it out")


def encoder_of(args: argparse.Namespace) -> tuple[str | None, str | None]:
    """Return the folder or hub id that --encoder names, and its revision; Nones for where it lay."""
    if args.encoder is None:
        return None, None
    item = inputs.encoder(args.encoder, args.revision, "--encoder")
    location = inputs.place("encoder", item, args.store, say)
    return location.name, location.revision


def record_of(opened: Index, name: str | None) -> TransferRecord:
    """Return the record of the transfer that made the encoder of an index; ValueError if there is none.

    name  of the encoder: a folder, or None for the one that the index names
    """
    from sembridge.model_card.record import load_record

    name = name or opened.manifest["encoder"]["model"]
    if name is None or not Path(name).is_dir():
        raise ValueError(f"the encoder {name!r} is not a folder here")
    record = load_record(Path(name))
    if len(record) > opened.manifest["dimensions"]:
        raise ValueError(f"the record in {name!r} is of another encoder")
    return record
