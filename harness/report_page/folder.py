"""Read a results folder: its cells, by table and row, its printed tables, and which rows were tested to differ."""

from __future__ import annotations

import csv
import io
import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path
from statistics import fmean
from typing import Any, NamedTuple

from harness.files.bounded import OversizedError, text
from harness.report_page.printed_table import ITEM, PrintedTable, tables
from harness.results.file_names import table_file
from harness.results.record import OK, Record
from harness.results.scored_cells import ScoredCell, read_cells
from harness.results.tables.spreadsheet import as_text
from harness.results.tables.strata_tables import SUFFIX
from harness.results.tables.summary import NAME
from harness.results.tables.table import MEAN, in_order, method_of, row_labels, table_name

_AGAIN = "run the grid's command again, or `sembridge-bench report` with its options, to write the folder anew"


class FolderError(ValueError):
    """A results folder cannot be read; the message names the file and the next step."""


class Compared(NamedTuple):
    """Hold a line of significance.csv: by how much the best of a column is above another row, and the test of it."""

    best: str
    method: str
    difference: float
    low: float
    high: float
    p_holm: float
    queries: int


@dataclass(frozen=True)
class Group:
    """Hold the cells of one table: a collection, regime and architecture.

    rows  by label, in the order of the tables, competitors first: the cells of that row
    """

    collection: str
    regime: str
    architecture: str
    name: str
    languages: tuple[str, ...]
    rows: dict[str, tuple[ScoredCell, ...]]
    references: frozenset[str]

    @property
    def title(self) -> str:
        return f"{self.collection}, {self.regime}, {self.architecture}"

    def cells(self, label: str, language: str) -> list[ScoredCell]:
        """Return the cells of a row in a language; none unless all seeds have a score.

        Seeds that share an artifact count once, as in the tables.
        """
        cells = [cell for cell in self.rows[label] if cell.language == language]
        return list({cell.key: cell for cell in cells}.values()) if all(cell.scores for cell in cells) else []

    def score(self, label: str, language: str) -> float | None:
        """Return the nDCG@10 of a row in a language, the mean over seeds; None if it is not complete."""
        scores = [cell.scores["ndcg@10"] for cell in self.cells(label, language)]
        return fmean(scores) if scores else None

    def mean(self, label: str) -> float | None:
        """Return the mean over the languages of a row's scores; None if one is missing."""
        scores = [self.score(label, language) for language in self.languages]
        complete = [score for score in scores if score is not None]
        return fmean(complete) if len(complete) == len(scores) else None

    @property
    def best_first(self) -> list[str]:
        """Return the rows that have a mean, the highest first."""
        means = {label: mean for label in self.rows if (mean := self.mean(label)) is not None}
        return sorted(means, key=lambda label: -means[label])


@dataclass(frozen=True)
class ResultsFolder:
    """Read the files of a results folder when they are asked for. FolderError for a file that cannot be read."""

    path: Path

    @cached_property
    def cells(self) -> list[ScoredCell]:
        return [_with_texts_as_written(cell) for cell in read_cells(self.path)]

    @cached_property
    def groups(self) -> list[Group]:
        """Return the tables' cells, in the order of the tables."""
        records = [_record(cell) for cell in self.cells]
        labels = row_labels(records)
        by_table: dict[str, list[tuple[str, ScoredCell]]] = {}
        for cell, record in zip(self.cells, records, strict=True):
            by_table.setdefault(table_name(record.identity), []).append((labels[method_of(record)], cell))
        return [self._group(name, own) for name, own in by_table.items()]

    def _group(self, name: str, cells: Sequence[tuple[str, ScoredCell]]) -> Group:
        first = cells[0][1]
        references = frozenset(
            as_written(row["method"])
            for row in self.rows(f"tables/{table_file(name)}.csv", "method", "reference")
            if row["reference"] == "yes"
        )
        rows: dict[str, list[ScoredCell]] = {}
        for label, cell in sorted(cells, key=lambda pair: pair[0] in references):
            rows.setdefault(label, []).append(cell)
        return Group(
            *(first.collection, first.regime, first.architecture, name),
            languages=tuple(in_order(cell.language for _, cell in cells)),
            rows={label: tuple(own) for label, own in rows.items()},
            references=references,
        )

    @cached_property
    def summaries(self) -> list[PrintedTable]:
        return self._tables(f"tables/{NAME}.md")

    def tables(self, group: Group) -> list[PrintedTable]:
        """Return the table of a group, and the one of its low and high queries where there is one."""
        printed = self._tables(f"tables/{table_file(group.name)}.md")
        split = f"tables/{table_file(group.name + SUFFIX)}.md"
        return printed + (self._tables(split) if (self.path / split).is_file() else [])

    @cached_property
    def _compared(self) -> dict[tuple[str, str], list[Compared]]:
        by_column: dict[tuple[str, str], list[Compared]] = {}
        name = "significance.csv"
        try:
            for row in self.rows(name):
                difference, low, high, p_holm = (float(row[each]) for each in ("difference", "low", "high", "p_holm"))
                rows = (as_written(row["best"]), as_written(row["method"]))
                line = Compared(*rows, difference, low, high, p_holm, int(row["queries"]))
                by_column.setdefault((as_written(row["table"]), as_written(row["column"])), []).append(line)
        except (KeyError, TypeError, ValueError) as error:
            raise FolderError(f"{self.path / name} cannot be read ({error}); {_AGAIN}") from None
        return by_column

    def compared(self, group: Group, column: str) -> list[Compared]:
        """Return the best row of a column against the others; `column` may be that of the mean."""
        if column == MEAN and len(group.languages) == 1:
            column = group.languages[0]
        return self._compared.get((group.name, column), [])

    @cached_property
    def remarks(self) -> list[str]:
        """Return the items below the summary: the verdict on its tables, and warnings."""
        notes = dict.fromkeys(note for each in self.summaries for note in each.notes)
        return [note.removeprefix(ITEM) for note in notes if note.startswith(ITEM)]

    def _tables(self, name: str) -> list[PrintedTable]:
        return list(tables(self.text(name)))

    def rows(self, name: str, *columns: str, numbers: Sequence[str] = ()) -> list[dict[str, str]]:
        """Return the lines of a CSV file of the folder. FolderError if one lacks a column, or a finite number in it."""
        try:
            rows = list(csv.DictReader(io.StringIO(self.text(name), newline="")))
        except csv.Error as error:
            raise FolderError(f"{self.path / name} is not a CSV ({error}); {_AGAIN}") from None
        for line, row in enumerate(rows, 2):
            for column in (*columns, *numbers):
                if row.get(column) is None or (column in numbers and not _is_finite(row[column])):
                    problem = f"no finite number in {column!r}" if column in numbers else f"no {column!r}"
                    raise FolderError(f"{self.path / name}: line {line} has {problem}; {_AGAIN}")
        return rows

    def text(self, name: str) -> str:
        """Return the text of a file of the folder."""
        path = self.path / name
        try:
            return text(path)
        except OversizedError as error:
            raise FolderError(f"{path} is {error}; {_AGAIN}") from None
        except UnicodeDecodeError:
            raise FolderError(f"{path} is not UTF-8; {_AGAIN}") from None
        except OSError as error:
            raise FolderError(f"{path} cannot be read ({error.strerror}); {_AGAIN}") from None


def _record(cell: ScoredCell) -> Record:
    return Record(cell.identity, cell.key, cell.label, False, OK)


def _with_texts_as_written(cell: ScoredCell) -> ScoredCell:
    names = ("language", "architecture", "collection", "initializer", "bridge", "label", "error", "vectors")
    texts: dict[str, Any] = {name: as_written(getattr(cell, name)) for name in names}
    return replace(cell, **texts)


def as_written(value: str) -> str:
    """Return a text without the apostrophe that keeps spreadsheets from computing it."""
    return value[1:] if value.startswith("'") and as_text(value[1:]) == value else value


def _is_finite(value: str) -> bool:
    try:
        return math.isfinite(float(value))
    except ValueError:
        return False
