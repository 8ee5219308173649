"""Declare the options of `sembridge-bench compare`; what it does is imported when it runs."""

from __future__ import annotations

import argparse
from pathlib import Path


def add_parser(commands: argparse._SubParsersAction) -> None:
    command = commands.add_parser(
        "compare",
        help="put results of a grid beside published figures, or beside other results",
        description="With one folder: the results of a grid beside published figures, ours minus theirs, whole "
        "collections only. With two: what changed from the first, A, to the second, B, row by row, over the same "
        "queries.",
        epilog="One folder: [OK] and [OKish]: within the tolerances of the file of figures; [FAIL]: beyond; [----]: no "
        "such cell, or none that is comparable. Two folders: [B > A] and [B < A]: shown at p < 0.05; [B = A]: every "
        "query has the same score; [B ? A]: no difference shown; [-----]: not tested. Exit codes: 0 compared; 1 with "
        "--strict: a figure is missed, or a row of B is below A, or nothing could be compared; 2 refused.",
        allow_abbrev=False,
    )
    option = command.add_argument
    option("results", nargs="+", type=Path, metavar="RESULTS", help="one or two folders written by a run of the grid")
    expected = "files of figures, each of them shown (default: what applies of all that come with the project)"
    option("--expected", nargs="+", type=Path, default=[], metavar="FILE", help=expected)
    catalogs = "your own catalogs: they define what a whole collection is"
    option("--catalog", nargs="+", type=Path, default=[], metavar="FILE", help=catalogs)
    strict = "exit code 1 if a figure is missed, a row of B is below A, or nothing could be compared"
    option("--strict", action="store_true", help=strict)
