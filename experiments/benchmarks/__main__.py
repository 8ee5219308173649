"""`python -m experiments.benchmarks`: measure every row, write docs/performance.md's table and the figures behind it.

A benchmark is a module of this folder with a line of `HELP` and `rows(quick) -> list[Row]`. Each runs in a process of its own, one after
another, so that none finds the memory or the caches of the one before.
"""

from __future__ import annotations

import argparse
import json
import sys
from importlib import import_module
from pathlib import Path
from typing import Any

from sembridge.nearest import nearest

BENCHMARKS = ("initialize", "head", "train_step", "encode", "search", "grid")
ROOT = Path(__file__).resolve().parents[2]
FIGURES = ROOT / "docs" / "performance.json"


def main() -> int:
    given = _parser().parse_args()
    for name in given.benchmarks:
        if name not in BENCHMARKS:
            print(f"benchmark {name!r} is unknown; {nearest(name, BENCHMARKS)}", file=sys.stderr)
            return 2
    from experiments.benchmarks.measure import hardware, rows_apart
    from experiments.benchmarks.page import write

    figures: dict[str, Any] = json.loads(FIGURES.read_text(encoding="utf-8")) if FIGURES.is_file() else {}
    for name in given.benchmarks or BENCHMARKS:
        print(f"{name}: {import_module(f'experiments.benchmarks.{name}').HELP}", flush=True)
        rows = rows_apart(name, given.quick)
        for row in rows:
            print(
                f"  {row['job']}: {row['ours']:.3g} s, {row['against']} {row['theirs']:.3g} s, {row['ratio']:.2f} x",
                flush=True,
            )
        figures[name] = {"hardware": hardware(), "quick": given.quick, "rows": rows}
        if not given.quick:  # after each, so that a stop loses one
            write(figures, FIGURES)
    return 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m experiments.benchmarks", description="Measure ours against the published pieces."
    )
    parser.add_argument("benchmarks", nargs="*", metavar="NAME", help=f"{', '.join(BENCHMARKS)}; none: all")
    parser.add_argument(
        "--quick",
        action="store_true",
        help="small sizes and few rounds, to see that everything runs; nothing is written",
    )
    return parser


if __name__ == "__main__":
    sys.exit(main())
