"""`sembridge-bench compare`: print our results beside published figures."""

from __future__ import annotations

import argparse
from collections import Counter
from pathlib import Path

from harness.catalog.catalog import CatalogError, load_catalog
from harness.cli.refusal import RefusedError
from harness.cli.shipped import published_figures
from harness.results.published import FAIL, MISSING, OK, OKISH, Expected, Verdict, compare, load_expected
from harness.results.scored_cells import read_cells
from sembridge.model_card.lines import columns


def compare_results(args: argparse.Namespace) -> int:
    """Print the comparison and return the exit code.

    It is 0; with --strict 1 if a figure is missed by more than the tolerance, or if none could be compared.
    """
    files = args.expected or sorted(published_figures().glob("*.yaml"))
    try:
        cells = read_cells(args.results)
        figures = [(path, load_expected(path)) for path in files]
        catalog = load_catalog(args.catalog)
    except (ValueError, CatalogError) as error:
        raise RefusedError(str(error)) from None
    marks: Counter[str] = Counter()
    for path, expected in figures:
        verdicts = compare(cells, expected, catalog.collections)
        marks.update(verdict.mark for verdict in verdicts)
        print("\n".join(_page(path, expected, verdicts)))
    compared = marks.total() - marks[MISSING]
    print(f"{marks[OK]} OK, {marks[OKISH]} OKish, {marks[FAIL]} FAIL, {marks[MISSING]} not compared")
    return 1 if args.strict and (marks[FAIL] or not compared) else 0


def _page(path: Path, expected: Expected, verdicts: list[Verdict]) -> list[str]:
    tolerances = f"OK within {expected.ok:g}, OKish within {expected.okish:g}"
    title = f"{expected.source} ({path.name}; {expected.certainty}): {expected.measure}, {tolerances}"
    rows = [["", "", "ours", "theirs", "ours - theirs", ""]]
    for verdict in verdicts:
        ours = "" if verdict.ours is None else f"{verdict.ours:.3f}"
        difference = "" if verdict.difference is None else f"{verdict.difference:+.3f}"
        note = verdict.reason or verdict.figure.certainty or ""
        rows.append([f"[{verdict.mark}]", verdict.figure.name, ours, verdict.figure.published, difference, note])
    return [title, *columns(rows), ""]
