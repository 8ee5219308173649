"""Summarize a grid: the mean over languages, a method in each row, a collection and regime in each column.

A cell is the mean of the table of its collection, regime and architecture, with its mark. A method that lacks a
language has no mean: the cell says `failed` or –, and a note says which language.
"""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable, Mapping, Sequence

from harness.results.collection_notes import collection_notes
from harness.results.record import Record
from harness.results.rendering import UNDECIDED, csv_rows, markdown_item, to_latex, to_markdown
from harness.results.spreadsheet import as_text
from harness.results.tables import (
    FAILED,
    LEGEND,
    MEASURE_NAMES,
    MISSING,
    Cell,
    Row,
    Table,
    count_of,
    in_order,
    row_labels,
    table_name,
)

NAME = "summary"
_NAMED = 6  # missing means that a note names one by one
_TESTED = f"{UNDECIDED}: not shown to be below the best of its column, by the test of that column's own table."


def make_summary(records: Sequence[Record], tables: Sequence[Table], measure: str) -> dict[str, Table]:
    """Return a table by architecture, in order of appearance, from the marked tables of `records`."""
    by_name = {table.name: table for table in tables}
    names = {
        (identity.architecture, f"{identity.collection}, {identity.regime}"): table_name(identity)
        for identity in (record.identity for record in records)
    }
    columns = in_order(column for _, column in names)
    labels = [(label, method.reference) for method, label in row_labels(records).items()]
    seeds = in_order(record.identity.seed for record in records)
    summary = {}
    for architecture in in_order(architecture for architecture, _ in names):
        sources = {column: by_name.get(names.get((architecture, column), "")) for column in columns}
        rows = [
            Row(label, tuple(_mean(source, label, reference) for source in sources.values()), reference)
            for label, reference in sorted(labels, key=lambda row: row[1])
        ]
        languages = {column: ", ".join(table.columns[:-1]) for column, table in sources.items() if table}
        title = (
            f"Mean {MEASURE_NAMES[measure]} over {_languages(languages)}; {architecture}, "
            f"seed{'s' if len(seeds) > 1 else ''} {', '.join(map(str, seeds))}"
        )
        own = [record for record in records if record.identity.architecture == architecture]
        notes = [*filter(None, [count_of(own)]), *_differing(languages), *_gaps(rows, sources)]
        if any(cell.undecided for row in rows for cell in row.cells):
            notes.append(_TESTED)
        notes.append(collection_notes(own))
        summary[architecture] = Table(
            f"{NAME}_{architecture}", title, tuple(columns), tuple(rows), " ".join(filter(None, notes))
        )
    return summary


def to_files(summary: Mapping[str, Table], warnings: Sequence[str] = ()) -> dict[str, str]:
    """Return by ending of its name the content of each file: .md (with the warnings, a line each), .csv, .tex."""
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    for number, (architecture, table) in enumerate(summary.items()):
        header, *rows = csv_rows(table)
        if number == 0:
            writer.writerow(["architecture", *header])
        writer.writerows([as_text(architecture), *row] for row in rows)
    return {
        ".md": "\n".join(
            [
                *(to_markdown(table, heading="#") for table in summary.values()),
                f"{LEGEND}\n",
                *map(markdown_item, warnings),
            ]
        ),
        ".csv": text.getvalue(),
        ".tex": "\n".join(map(to_latex, summary.values())),
    }


def _mean(table: Table | None, label: str, reference: bool) -> Cell:
    row = _row(table, label, reference)
    if row is None:
        return Cell(MISSING)
    *languages, mean = row.cells
    return Cell(FAILED) if mean.value is None and any(cell.text == FAILED for cell in languages) else mean


def _row(table: Table | None, label: str, reference: bool) -> Row | None:
    rows = table.rows if table else ()
    return next((row for row in rows if row.label == label and row.reference == reference), None)


def _languages(by_column: Mapping[str, str]) -> str:
    return next(iter(by_column.values())) if len(set(by_column.values())) == 1 else "the languages of each column"


def _differing(by_column: Mapping[str, str]) -> Iterable[str]:
    """Yield a sentence with the languages of each column, unless all columns have the same."""
    if len(set(by_column.values())) > 1:
        yield "Languages: " + "; ".join(f"{column}: {languages}" for column, languages in by_column.items()) + "."


def _gaps(rows: Sequence[Row], sources: Mapping[str, Table | None]) -> Iterable[str]:
    """Yield a sentence for each cell without a mean: which languages failed, which were not computed.

    Many cells that are merely not computed are counted instead.
    """
    missing = []
    for row in rows:
        for cell, (column, table) in zip(row.cells, sources.items(), strict=True):
            if cell.value is not None:
                continue
            own = _row(table, row.label, row.reference)
            pairs = [] if table is None or own is None else list(zip(table.columns, own.cells[:-1], strict=False))
            reasons = []
            for text, reason in ((FAILED, "failed"), (MISSING, "not computed")):
                if languages := [language for language, language_cell in pairs if language_cell.text == text]:
                    reasons.append(f"{', '.join(languages)} {reason}")
            sentence = f"No mean of {row.label} on {column}: {' and '.join(reasons) or 'not computed'}."
            if cell.text == FAILED:
                yield sentence
            else:
                missing.append(sentence)
    yield from missing if len(missing) <= _NAMED else [f"{len(missing)} means are missing; cells.csv says which cells."]
