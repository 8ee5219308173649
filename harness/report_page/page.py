"""Write report.html, the page of a results folder: one file that needs nothing but a browser.

It is made from the files of the folder, and from what a store knows beside them; the same files give the same bytes.
"""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import NamedTuple

from harness.files.atomic import replaced
from harness.report_page import (
    cost_section,
    curves_section,
    interval_section,
    provenance_section,
    queries_section,
    tables_section,
    tradeoff_section,
    verdict_section,
)
from harness.report_page.drawing import same_everywhere
from harness.report_page.folder import FolderError, ResultsFolder
from harness.report_page.markup import Markup, element, joined
from harness.report_page.query_scores import QueryScores
from harness.report_page.store_files import StoreFiles
from harness.report_page.style import STYLE
from harness.results.tables.table import in_order
from sembridge.extras import require

FILE = "report.html"
LARGEST = 2_000_000
"""Bytes of the page; what its sections may have adds up to less."""
_NO_STORE = StoreFiles()
_POLICY = "default-src 'none'; style-src 'unsafe-inline'"  # the browser loads nothing and runs nothing


class Section(NamedTuple):
    """Hold a section of the page: its place in links, its title, what it says first, and its pieces.

    room  bytes that the pieces may have; pieces beyond are left out, and a line says where their numbers are
    """

    name: str
    title: str
    about: str
    pieces: Iterable[Markup]
    room: int
    instead: str = ""
    plots: bool = False


def write_page(results: Path, store: StoreFiles = _NO_STORE, terms: bool = False) -> Path:
    """Write report.html into a results folder, and return its path.

    store  where texts, versions and times are that the folder leaves out; without it the page has none
    terms  encode the queries that it shows with the encoders of the store, for their heaviest terms

    Raises ValueError (one line) if a file of the folder cannot be read, MissingExtraError, OSError.
    """
    require("grid", "a report")
    if not results.is_dir():
        raise FolderError(f"RESULTS {str(results)!r} is not a folder; give the folder that a run wrote with --results")
    content = page(ResultsFolder(results), store, terms).encode()
    target = results / FILE
    with replaced(target) as temporary:
        temporary.write_bytes(content)
    return target


def page(folder: ResultsFolder, store: StoreFiles = _NO_STORE, terms: bool = False) -> str:
    """Return the page of a results folder; for store and terms see `write_page`."""
    collections = ", ".join(in_order(cell.collection for cell in folder.cells))
    languages = ", ".join(in_order(cell.language for cell in folder.cells))
    title = f"Results: {collections}; {languages}"
    with same_everywhere():
        sections = [(each, _section(each)) for each in _sections(folder, store, terms)]
    filled = [(each, content) for each, content in sections if content]
    links = element("nav", *(element("a", each.title, href=f"#{each.name}") for each, _ in filled))
    head = joined(
        [
            Markup('<meta charset="utf-8"><meta name="viewport" content="width=device-width, initial-scale=1">'),
            Markup(f'<meta http-equiv="Content-Security-Policy" content="{_POLICY}">'),
            element("title", title),
            Markup(f"<style>{STYLE}</style>"),
        ]
    )
    body = element("body", element("h1", title), links, *(content for _, content in filled))
    return f'<!doctype html>\n<html lang="en"><head>{head}</head>\n{body}</html>\n'


def _sections(folder: ResultsFolder, store: StoreFiles, terms: bool = False) -> list[Section]:
    scores = QueryScores(folder.path)
    return [
        Section("verdict", "Verdict", "", verdict_section.pieces(folder), 110_000, "tables/summary.md has them"),
        Section("warnings", "Warnings", "", verdict_section.warnings(folder), 40_000, "tables/summary.md has them"),
        Section(
            "tables", "Tables", "nDCG@10. Best competitor of each column in bold; references last.",
            tables_section.pieces(folder), 500_000, "tables/ has them",
        ),
        Section(
            "intervals", "Scores and their intervals",
            "Mean nDCG@10 with the 95% interval of the mean over queries (bootstrap); hollow: a row for reference. "
            "Two intervals that overlap do not mean that no difference is shown: the tables have the paired test.",
            interval_section.pieces(folder, scores), 450_000, "cells.csv has the scores", plots=True,
        ),
        Section(
            "tradeoff", "Scores and active dimensions",
            "What a row brings, and what it costs: the more dimensions of a document are active, the larger its index. "
            "Behind a name: how many these are. In color: no other row has as high a score with as few. Dashed: rows "
            "without dimensions.",
            tradeoff_section.pieces(folder), 250_000, "cells.csv has the numbers", plots=True,
        ),
        Section(
            "alpha", "Scores by alpha", "A line per language; apart from it the alpha that the method chooses (auto).",
            curves_section.alphas(folder), 120_000, "cells.csv has the scores", plots=True,
        ),
        Section(
            "convergence", "Scores while training", "nDCG@10 before the first step of a training, and on its way.",
            curves_section.convergence(folder), 120_000, "convergence.csv has the scores", plots=True,
        ),
        Section(
            "queries", "Queries on which the two best rows differ most",
            "The score of a query in both rows, and the rank of its first relevant document; in bold the better one. "
            "Words shared: how much of the query stands in a relevant document.",
            queries_section.pieces(folder, scores, store, terms), 250_000, "queries.parquet has the scores",
        ),
        Section(
            "cost", "Time", "Clock time when it was computed; what several cells share is counted once in a row.",
            cost_section.pieces(folder, store), 50_000, "cells.csv has the seconds",
        ),
        Section(
            "provenance", "Computed with", "", provenance_section.pieces(folder, store), 80_000, "the store has them"
        ),
    ]  # fmt: skip


def _section(section: Section) -> Markup:
    """Return the section with as many of its pieces as there is room for; nothing without pieces."""
    kept: list[Markup] = []
    left_out, size = 0, 0
    for piece in section.pieces:
        size += len(piece.encode())
        if size <= section.room:
            kept.append(piece)
        else:
            left_out += 1
    if not kept and not left_out:
        return Markup()
    parts = [element("p", section.about, class_="note")] if section.about else []
    parts.append(element("div", *kept, class_="plots") if section.plots else joined(kept))
    if left_out:
        parts.append(
            element("p", f"{left_out} more are left out, for the size of the page; {section.instead}.", class_="note")
        )
    return element("section", element("h2", section.title), *parts, id=section.name)
