"""`python -m experiments.benchmarks`: measure every row, write docs/performance.md's table and the figures behind it.

A benchmark is a module of this folder with a line of `HELP` and `rows(quick) -> list[Row]`. Each runs in its own
process, one after another, so that none inherits the memory or caches of the previous one.
"""

from __future__ import annotations

import argparse
import json
import sys
from importlib import import_module
from pathlib import Path
from typing import Any

from sembridge.nearest import nearest

BENCHMARKS = ("initialize", "bridge", "head", "train_step", "encode", "search", "grid")
ROOT = Path(__file__).resolve().parents[2]
DISABLED = " without AVX-512"  # behind the names of what `experiments.benchmarks.without_avx512` measured
FIGURES = ROOT / "docs" / "performance.json"


def main() -> int:
    args = _parser().parse_args()
    for name in args.benchmarks:
        if name not in BENCHMARKS:
            print(f"benchmark {name!r} is unknown; {nearest(name, BENCHMARKS)}", file=sys.stderr)
            return 2
    from experiments.benchmarks.measure import hardware, rows_apart
    from experiments.benchmarks.page import write
    from sembridge.processor.features import limits

    figures: dict[str, Any] = json.loads(FIGURES.read_text(encoding="utf-8")) if FIGURES.is_file() else {}
    for name in args.benchmarks or BENCHMARKS:
        print(f"{name}: {import_module(f'experiments.benchmarks.{name}').HELP}", flush=True)
        rows = rows_apart(name, args.quick)
        for row in rows:
            times = f"{row['ours']:.3g} s, {row['against']} {row['theirs']:.3g} s, {row['ratio']:.2f} x"
            print(f"  {row['job']}: {times}", flush=True)
        figures[name + DISABLED * bool(limits())] = {"hardware": hardware(), "quick": args.quick, "rows": rows}
        if not args.quick:  # after each benchmark, so that an interruption loses only one
            write(figures, FIGURES)
    return 0


def _parser() -> argparse.ArgumentParser:
    program, description = "python -m experiments.benchmarks", "Measure ours against the published pieces."
    parser = argparse.ArgumentParser(prog=program, description=description)
    parser.add_argument("benchmarks", nargs="*", metavar="NAME", help=f"{', '.join(BENCHMARKS)}; none: all")
    quick = "small sizes and few rounds, to see that everything runs; nothing is written"
    parser.add_argument("--quick", action="store_true", help=quick)
    return parser


if __name__ == "__main__":
    sys.exit(main())
