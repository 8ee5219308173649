"""`python -m experiments.benchmarks`: measure every row, write docs/performance.md's table and the figures behind it.

A benchmark is a module of this folder with a line of `HELP` and `rows(quick) -> list[Row]`. Each runs in its own
process, one after another, so that none inherits the memory or caches of the previous one. Every kind of machine has a
table of its own, one with AVX-512 disabled, too.
"""

from __future__ import annotations

import argparse
import json
import sys
from importlib import import_module
from pathlib import Path
from typing import Any

from experiments.benchmarks.machines import FALL, fallen, kind, unmatched
from experiments.benchmarks.page import BENCHMARKS, write
from sembridge.nearest import nearest

ROOT = Path(__file__).resolve().parents[2]
FIGURES = ROOT / "docs" / "performance.json"


def main() -> int:
    args = _parser().parse_args()
    for name in args.benchmarks:
        if name not in BENCHMARKS:
            return _refused(f"benchmark {name!r} is unknown; {nearest(name, BENCHMARKS)}")
    from experiments.benchmarks.measure import hardware

    figures: dict[str, Any] = json.loads(FIGURES.read_text(encoding="utf-8")) if FIGURES.is_file() else {}
    here = hardware()
    names, table = args.benchmarks or BENCHMARKS, figures.get(kind(here), {})
    if args.check:
        known = [name for name in names if name in table]
        if len(known) < max(1, len(args.benchmarks)):
            return _refused(
                f"{FIGURES.name} has figures of {'; '.join(figures) or 'no machine'}, and not all of "
                f"{', '.join(names)} of {kind(here)}: check on the same kind, or measure here first, without --check"
            )
        return _check(known, table)
    for name in names:
        table[name] = {"hardware": here, "rows": _measured(name, args.quick)}
        if not args.quick:  # after each benchmark, so that an interruption loses only one
            write(figures | {kind(here): table}, FIGURES)
    return 0


def _check(names: list[str], table: dict[str, Any]) -> int:
    """Measure in full and compare ratios with the table's; exit code 1 if one has fallen."""
    lower, unknown = [], []
    for name in names:
        measured = _measured(name, quick=False)
        lower += fallen(table[name]["rows"], measured)
        unknown += unmatched(table[name]["rows"], measured)
    for row in lower:
        print(f"fallen: {row.job}, against {row.against}: {row.committed:.2f} x before, {row.measured:.2f} x now")
    for job, against in unknown:
        print(f"not checked, because the table has no such row: {job}, against {against}")
    print(f"{len(lower)} ratios have fallen by more than {FALL:.0%} since the table was made")
    return 1 if lower else 0


def _measured(name: str, quick: bool) -> list[dict[str, Any]]:
    from experiments.benchmarks.measure import rows_apart

    print(f"{name}: {import_module(f'experiments.benchmarks.{name}').HELP}", flush=True)
    rows = rows_apart(name, quick)
    for row in rows:
        times = f"{row['ours']:.3g} s, {row['against']} {row['theirs']:.3g} s, {row['ratio']:.2f} x"
        print(f"  {row['job']}: {times}", flush=True)
    return rows


def _refused(reason: str) -> int:
    print(f"error: {reason}", file=sys.stderr)
    return 2


def _parser() -> argparse.ArgumentParser:
    program, description = "python -m experiments.benchmarks", "Measure ours against the published pieces."
    parser = argparse.ArgumentParser(prog=program, description=description)
    parser.add_argument("benchmarks", nargs="*", metavar="NAME", help=f"{', '.join(BENCHMARKS)}; none: all")
    how = parser.add_mutually_exclusive_group()
    quick = "small sizes and few rounds, to see that everything runs; nothing is written"
    how.add_argument("--quick", action="store_true", help=quick)
    check = "measure again and fail where a ratio has fallen since the table was made; nothing is written"
    how.add_argument("--check", action="store_true", help=check)
    return parser


if __name__ == "__main__":
    sys.exit(main())
