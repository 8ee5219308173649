"""Summarize a grid: the mean over languages, a method in each row, a collection and regime in each column.

A cell is the mean of the table of its collection, regime and architecture, with its mark. A method that lacks a
language has no mean: the cell says `failed` or –, and a note says which language. Where a collection has queries that
share few words with their answers (low) or many (high), columns of their own stand behind that of all queries.
"""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from itertools import chain

from harness.results.record import Record
from harness.results.strata import FEWEST, SHOWN
from harness.results.tables import captions
from harness.results.tables.collection_notes import collection_notes
from harness.results.tables.latex import to_latex
from harness.results.tables.legend import BOLD, legend
from harness.results.tables.measures import KNOWN, suffix
from harness.results.tables.rendering import csv_rows, markdown_item, markdown_text, to_markdown
from harness.results.tables.spreadsheet import as_text
from harness.results.tables.strata_tables import Split
from harness.results.tables.table import (
    BELOW,
    FAILED,
    MISSING,
    UNDECIDED,
    Cell,
    Row,
    Table,
    count_of,
    in_order,
    row_labels,
    table_name,
)
from harness.results.tables.vector_notes import vector_notes

NAME = "summary"
_NAMED = 6  # missing means that a note names one by one
_TESTED = f"{UNDECIDED}: not shown to be below the best of its column, by the test of that column's own table."
_BELOW = f"{BELOW}: below bm25, by the test of that column's own table."


def make_summary(records: Sequence[Record], splits: Mapping[str, Split], measure: str) -> dict[str, Table]:
    """Return a table by architecture, in order of appearance. splits: of the marked tables of `records`, by name."""
    names = {
        (identity.architecture, f"{identity.collection}, {identity.regime}"): table_name(identity)
        for identity in (record.identity for record in records)
    }
    columns = in_order(column for _, column in names)
    labels = [(label, method.reference) for method, label in row_labels(records).items()]
    seeds = in_order(record.identity.seed for record in records)
    strata = {column: _strata(column, names, splits) for column in columns}
    summary = {}
    for architecture in in_order(architecture for architecture, _ in names):
        own_splits = {column: splits.get(names.get((architecture, column), "")) for column in columns}
        sources = {column: split.table if split else None for column, split in own_splits.items()}
        rows = [
            Row(label, tuple(_mean(source, label, reference) for source in sources.values()), reference)
            for label, reference in sorted(labels, key=lambda row: row[1])
        ]
        languages = {column: ", ".join(table.columns[:-1]) for column, table in sources.items() if table}
        same = len(set(languages.values())) == 1
        common = next(table.columns[:-1] for table in sources.values() if table) if same else ()
        title = (
            f"{_named(KNOWN[measure].name, common)}; {architecture}, "
            f"seed{'s' if len(seeds) > 1 else ''} {', '.join(map(str, seeds))}"
        )
        own = [record for record in records if record.identity.architecture == architecture]
        notes = [*filter(None, [count_of(own)]), *_differing(languages), *_gaps(rows, sources)]
        split_rows = [
            replace(row, cells=tuple(chain.from_iterable(_with_strata(row, own_splits, strata)))) for row in rows
        ]
        if any(cell.undecided for row in split_rows for cell in row.cells):
            notes.append(_TESTED)
        if any(cell.below for row in split_rows for cell in row.cells):
            notes.append(_BELOW)
        notes += [*_fewer_languages(own_splits), collection_notes(own), vector_notes(own)]
        headings = tuple(chain.from_iterable(_headings(column, *of_column) for column, of_column in strata.items()))
        summary[architecture] = Table(
            f"{NAME}{suffix(measure)}_{architecture}", title, headings, tuple(split_rows),
            " ".join(filter(None, notes)), captions.of_summary(own, measure, common),
            tuple(in_order(record.identity.language for record in own)),
        )  # fmt: skip
    return summary


def _strata(column: str, names: Mapping[tuple[str, str], str], splits: Mapping[str, Split]) -> tuple[list[str], str]:
    """Return the strata that a column shows apart in any architecture, and the one that all queries are in or ""."""
    own = [splits[name] for (_, other), name in names.items() if other == column and name in splits]
    shown = [stratum for stratum in SHOWN if any(stratum in split.means for split in own)]
    return shown, "" if shown else next((split.whole for split in own if split.whole), "")


def _headings(column: str, shown: Sequence[str], whole: str) -> list[str]:
    if whole:
        return [f"{column}, all {whole}"]
    return [f"{column}, all", *(f"{column}, {stratum}" for stratum in shown)] if shown else [column]


def _with_strata(
    row: Row, splits: Mapping[str, Split | None], strata: Mapping[str, tuple[list[str], str]]
) -> Iterable[list[Cell]]:
    """Yield the cells of each column of a row: all queries, and the strata that are shown apart."""
    for cell, (column, (shown, _)) in zip(row.cells, strata.items(), strict=True):
        split = splits[column]
        places = [] if split is None else [(each.label, each.reference) for each in split.table.rows]
        place = places.index((row.label, row.reference)) if (row.label, row.reference) in places else None
        means = {} if split is None or place is None else {name: own[place] for name, own in split.means.items()}
        yield [cell, *(Cell(FAILED) if cell.text == FAILED else means.get(name, Cell(MISSING)) for name in shown)]


def _fewer_languages(splits: Mapping[str, Split | None]) -> Iterable[str]:
    """Yield a sentence for each collection with strata whose means are not over all of its languages."""
    sentences: dict[str, None] = {}
    for column, split in splits.items():
        if split is None or not split.means:
            continue
        *languages, _ = split.table.columns
        fewer = [
            f"{stratum} over {', '.join(own)}" for stratum, own in split.languages.items() if len(own) < len(languages)
        ]
        if fewer:
            collection = column.rpartition(", ")[0]
            sentences[f"{collection}: {'; '.join(fewer)} (fewer than {FEWEST} such queries in the others)."] = None
    yield from sentences


def to_files(summary: Mapping[str, Table], lines: Sequence[str] = ()) -> dict[str, str]:
    """Return by ending of its name the content of each file: .md (with the verdict and warnings), .csv, .tex."""
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
                markdown_text(legend(list(summary.values()), BOLD)) + "\n",
                *map(markdown_item, lines),
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


def _named(measure: str, languages: Sequence[str]) -> str:
    """Return what a cell is. languages: of all columns, empty if they differ."""
    if len(languages) == 1:
        return f"{measure[0].upper()}{measure[1:]} in {languages[0]}"
    return f"Mean {measure} over {', '.join(languages) or 'the languages of each column'}"


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
            what = "score" if table is not None and len(table.columns) == 2 else "mean"  # a language and its mean
            sentence = f"No {what} of {row.label} on {column}: {' and '.join(reasons) or 'not computed'}."
            if cell.text == FAILED:
                yield sentence
            else:
                missing.append(sentence)
    yield from missing if len(missing) <= _NAMED else [f"{len(missing)} means are missing; cells.csv says which cells."]
