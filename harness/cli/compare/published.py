"""`sembridge-bench compare`: print our results beside published figures, or two results folders side by side."""

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
    """Print the comparison and return the exit code."""
    if len(args.results) == 1:
        return _with_published(args, args.results[0])
    if len(args.results) > 2:
        raise RefusedError(f"RESULTS: {len(args.results)} folders were given; give one, or two to compare")
    for option, value in (("--expected", args.expected), ("--catalog", args.catalog)):
        if value:
            problem = f"{option} belongs to a comparison with published figures, and two folders were given"
            raise RefusedError(f"{problem}; leave it out, or give one folder")
    from harness.cli.compare.folders import compare_folders

    return compare_folders(*args.results, strict=args.strict)


def _with_published(args: argparse.Namespace, results: Path) -> int:
    """Print the comparison with published figures and return the exit code.

    It is 0; with --strict 1 if a figure is missed by more than the tolerance, or if none could be compared. Figures
    without a cell are counted in a line, unless their file was asked for.
    """
    files = args.expected or sorted(published_figures().glob("*.yaml"))
    try:
        cells = read_cells(results)
        figures = [(path, load_expected(path)) for path in files]
        catalog = load_catalog(args.catalog)
    except (ValueError, CatalogError) as error:
        raise RefusedError(str(error)) from None
    marks: Counter[str] = Counter()
    left_out: dict[str, int] = {}
    for path, expected in figures:
        verdicts = compare(cells, expected, catalog.collections)
        marks.update(verdict.mark for verdict in verdicts)
        shown = [verdict for verdict in verdicts if args.expected or not verdict.absent]
        if shown:
            print("\n".join(_page(path, expected, shown)))
        if len(shown) < len(verdicts):
            left_out[path.name] = len(verdicts) - len(shown)
    if left_out:
        print(_left_out(left_out, sorted({cell.collection for cell in cells})))
    compared = marks.total() - marks[MISSING]
    print(f"{marks[OK]} OK, {marks[OKISH]} OKish, {marks[FAIL]} FAIL, {marks[MISSING]} not compared")
    return 1 if args.strict and (marks[FAIL] or not compared) else 0


def _left_out(figures: dict[str, int], collections: list[str]) -> str:
    """Return the line that says what was left out and why. figures: how many, by name of their file."""
    files = ", ".join(f"{name} {count}" for name, count in figures.items())
    count = sum(figures.values())
    reason = f"the results, of {', '.join(collections)}, have no cell of theirs"
    return f"left out: {count} figures, because {reason} ({files}); --expected FILE shows each\n"


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
