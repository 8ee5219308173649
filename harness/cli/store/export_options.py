"""Declare `sembridge-bench export-encoder`."""

from __future__ import annotations

import argparse
from pathlib import Path


def add_parser(commands: argparse._SubParsersAction) -> None:
    command = commands.add_parser(
        "export-encoder",
        help="write the encoder of a grid's cell as a folder with a model card",
        description="Write the encoder of a cell as an ordinary SparseEncoder folder: with a model card that has its "
        "scores, and with the record of its transfer, which `sembridge-bench explain` reads.",
        epilog="Nothing is uploaded; the command that does is printed at the end. The page 'store' of the "
        "documentation has more.",
        allow_abbrev=False,
    )
    option = command.add_argument
    option("results", type=Path, metavar="RESULTS", help="results folder of the grid")
    cell = "a row of its cells.csv: name (as of its file in runs/), beginning of its key, or label"
    option("cell", metavar="CELL", help=cell)
    option("--out", required=True, type=Path, metavar="DIR", help="folder to write")
    option("--store", type=Path, default=Path("store"), metavar="DIR", help="store of the grid (default: store)")
    source = "folder of the source encoder, if it is one of yours: the store has its content, not its place"
    option("--source", type=Path, metavar="DIR", help=source)
    option("--tokenizer", type=Path, metavar="DIR", help="folder of the new tokenizer, if it is one of yours")
    option("--force", action="store_true", help="replace the transferred encoder that DIR holds")
