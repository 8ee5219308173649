"""`python -m experiments.benchmarks.engines INDEX QUERIES`: a table of real engines that search one index's export."""

from __future__ import annotations

import argparse
import sys
import tempfile
from pathlib import Path

from experiments.benchmarks.engines.table import line, table


def main() -> int:
    """Measure every engine that is installed, print its line as it comes, and then the table in Markdown."""
    args = parser().parse_args()
    from experiments.benchmarks.engines import postgres
    from experiments.benchmarks.engines.loaders import LOADERS
    from experiments.benchmarks.engines.measuring import Trial, measure

    trial = Trial.of(args.index, args.queries, args.number)
    measured = []
    with tempfile.TemporaryDirectory() as folder:
        for number, loader in enumerate(LOADERS):
            place = Path(folder) / str(number)
            measured.append(measure(loader, place, trial))
            print(line(measured[-1]), flush=True)
        if reason := postgres.missing():
            print(f"pgvector is left out: {reason}", file=sys.stderr)
        else:
            with postgres.server() as socket:
                for number, loader in enumerate(postgres.loaders(socket), len(LOADERS)):
                    measured.append(measure(loader, Path(folder) / str(number), trial))
                    print(line(measured[-1]), flush=True)
    print()
    print(table(measured, trial.about))
    return 0


def parser() -> argparse.ArgumentParser:
    """Return the parser of the arguments."""
    program = "python -m experiments.benchmarks.engines"
    options = argparse.ArgumentParser(prog=program, description="Search one index's export with real engines.")
    options.add_argument("index", type=Path, metavar="INDEX", help="folder written by `sembridge-bench index`")
    options.add_argument("queries", type=Path, metavar="QUERIES", help="queries.jsonl, with qrels/test.tsv beside it")
    options.add_argument("--number", type=int, default=200, metavar="N", help="judged queries to ask (default: 200)")
    return options


if __name__ == "__main__":
    sys.exit(main())
