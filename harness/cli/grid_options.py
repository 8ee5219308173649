"""Declare the options of a grid, once for `sembridge-bench grid`, `report`, `doctor` and experiments/run_grid.py."""

from __future__ import annotations

import argparse
import shlex
import sys
from pathlib import Path
from typing import Any

from sembridge.options import AUTO

CHOICES = (
    *("languages", "architectures", "initializers", "fusion", "bridges", "alphas", "collections", "regimes", "seeds"),
)
DEFAULT = "pocket"
SCRIPT = "run_grid.py"


class _ListPresets(argparse.Action):
    """Print the presets and exit, whatever other options there are."""

    def __call__(self, parser: argparse.ArgumentParser, *_: object) -> None:
        from harness.cli.shipped import preset_titles

        for name, title in preset_titles().items():
            print(f"{name:<17} {title}")
        parser.exit()


def add_grid_options(parser: argparse.ArgumentParser) -> list[argparse.Action]:
    """Add every option of a grid to `parser`; return those whose values distinguish grids."""
    option = parser.add_argument
    option("--list-presets", action=_ListPresets, nargs=0, help="print name and purpose of each preset, and end")
    option("--dry-run", action="store_true", help="print cells, missing artifacts and an estimate, compute nothing")
    verbose = "say also what sharing artifacts between cells saves, and what Ray's starting and waiting costs"
    option("--verbose", action="store_true", help=verbose)
    other = "any other option of the preset, e.g. training.epochs=2"
    results = "folder for tables, cells.csv, runs (default: results)"
    store = "folder for computed artifacts, reused by every run (default: store)"
    measures = "further tables beside those of ndcg@10: recall@100, mrr@10, active (query_active doc_active), flops"
    address = "address of a running Ray cluster, `auto` on its head node (default: a local one for this run)"
    return [
        option("--preset", default=DEFAULT, metavar="NAME|FILE", help="a preset or a YAML file (default: pocket)"),
        option("--languages", nargs="+", metavar="L", help="languages, e.g. ko ru"),
        option("--architectures", nargs="+", metavar="A", help="encoders of the preset"),
        option("--initializers", nargs="+", metavar="I", help="initializers, and the reference rows base, bm25, dense"),
        option(
            "--fusion", nargs="+", metavar="I", help="those of the rows that are also fused with bm25, as rrf(bm25, I)"
        ),
        option("--bridges", nargs="+", metavar="B", help="bridges of the preset"),
        option("--alphas", nargs="+", type=alpha, metavar="X", help="values, or auto, for initializers with an alpha"),
        option("--collections", nargs="+", metavar="C", help="collections of the preset"),
        option("--regimes", "--stages", nargs="+", metavar="R", help="zero-shot, fine-tuned"),
        option("--seeds", nargs="+", type=int, metavar="N", help="seeds; several give mean ± deviation"),
        option("--measures", nargs="+", type=measure, default=[], metavar="M", help=measures),
        option("--catalog", nargs="+", metavar="FILE", help="your own catalogs; `catalog:NAME` looks in them first"),
        option("--set", action="append", default=[], metavar="KEY.PATH=VALUE", help=other),
        option("--results", type=Path, default=Path("results"), metavar="DIR", help=results),
        option("--store", type=Path, default=Path("store"), metavar="DIR", help=store),
        option("--address", metavar="RAY", help=address),
    ]


def alpha(typed: str) -> float | str:
    """Return a typed alpha: a number, or auto."""
    return typed if typed == AUTO else float(typed)


def measure(typed: str) -> str:
    """Return a typed name of a measure; argparse's error with the nearest one if it is unknown."""
    from harness.results.tables.measures import check_measure

    try:
        return check_measure(typed)
    except ValueError as error:
        raise argparse.ArgumentTypeError(str(error)) from None


def further_measures(args: argparse.Namespace) -> list[str]:
    """Return the columns of cells.csv that --measures asks for beside the main one."""
    from harness.results.tables.measures import further

    return further(args.measures)


def choices(args: argparse.Namespace) -> dict[str, Any]:
    """Return the values for `load_preset` of the options that were typed."""
    return {name: value for name in (*CHOICES, "catalog") if (value := getattr(args, name)) is not None}


def program() -> str:
    """Return what precedes a grid's options: the script of a checkout if it was called, else the command."""
    if Path(sys.argv[0]).name == SCRIPT:
        return f"python {shlex.quote(sys.argv[0])}"
    return "sembridge-bench grid"


def calibrate_command(args: argparse.Namespace) -> str:
    """Return the command that measures this machine for the grid of `args`."""
    options = command_line(args).removeprefix(program()).strip()
    return " ".join(filter(None, ["sembridge-bench doctor", options, "--calibrate"]))


def command_line(args: argparse.Namespace) -> str:
    """Return the command that runs the grid of `args`: every option that is not left at its default."""
    words = []
    for action in add_grid_options(argparse.ArgumentParser()):
        flag, value = action.option_strings[0], getattr(args, action.dest)
        if value == action.default:
            continue
        values = map(str, value) if isinstance(value, list) else [str(value)]
        words += [word for setting in values for word in (flag, setting)] if flag == "--set" else [flag, *values]
    return " ".join([program(), *map(shlex.quote, words)])
