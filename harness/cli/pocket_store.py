"""Declare --store of the commands that take parts of the pocket; it imports nothing heavy."""

from __future__ import annotations

import argparse
from pathlib import Path


def add_pocket_store(command: argparse.ArgumentParser) -> None:
    """Declare the option."""
    store = "where parts of the pocket are built and kept (default: store)"
    command.add_argument("--store", type=Path, default=Path("store"), metavar="DIR", help=store)
