"""Write the scores measured during training: one CSV of all points, and tables with methods as rows, points as columns.

The records of fine-tuned cells hold the points that their training measured (`harness.training.curve`). A grid without
`training.points` has neither the CSV nor the tables.
"""

from __future__ import annotations

import csv
import io
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import fields, replace
from typing import Any

from harness.results.record import MEASURES, OK, Identity, Record
from harness.results.tables import captions
from harness.results.tables.collection_notes import collection_notes
from harness.results.tables.measures import KNOWN, MAIN
from harness.results.tables.spreadsheet import as_text
from harness.results.tables.table import (
    Cell,
    Row,
    Table,
    count_of,
    in_order,
    mark_best,
    mean_cell,
    method_of,
    row_labels,
    score_cell,
)

FILE = "convergence.csv"
STATISTICS = ("query_active", "doc_active", "flops")
_NAMES = [field.name for field in fields(Identity) if field.name != "vectors"]  # trainings have plain ones
COLUMNS = (*_NAMES, "step", "pairs", *MEASURES, *STATISTICS, "label", "key")
REACHED = 0.95
NEVER = "never"


def points(record: Record) -> Sequence[Mapping[str, Any]]:
    """Return the points of a cell's training in order (step, pairs, scores, statistics), empty if unmeasured."""
    return record.provenance.get("about", {}).get("curve", ())


def to_csv(records: Iterable[Record]) -> str:
    """Return the CSV text: a row per cell and point; numbers unrounded."""
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(COLUMNS)
    for record in records:
        for point in points(record):
            numbers = [
                *(point["scores"][name] for name in MEASURES),
                *(point["statistics"][name] for name in STATISTICS),
            ]
            values = (getattr(record.identity, name) for name in _NAMES)
            coordinates = [as_text(value) if isinstance(value, str) else value for value in values]
            writer.writerow(
                [*coordinates, point["step"], point["pairs"], *map(float, numbers), as_text(record.label), record.key]
            )
    return text.getvalue()


def table_names(identity: Identity) -> tuple[str, str]:
    """Return the names of a cell's two tables: that of its language, and that of the mean over languages."""
    over_languages = f"{identity.collection}_convergence_{identity.architecture}"
    return f"{over_languages}_{identity.language}", over_languages


def make_tables(records: Sequence[Record], measure: str = MAIN) -> list[Table]:
    """Return the tables of each collection and architecture whose trainings were measured.

    There is one per language, and with several languages one of their mean. A failed cell is shown as failed. The mean
    needs points of every language, and as many of each; their numbers of steps may differ.
    """
    labels = row_labels(records)
    groups: dict[tuple[str, str], list[Record]] = defaultdict(list)
    for record in records:
        if record.identity.vectors:  # trainings are measured with vectors as the encoder gives them
            continue
        if record.identity.regime == "fine-tuned" and (points(record) or record.status != OK):
            groups[record.identity.collection, record.identity.architecture].append(record)
    tables = []
    for (collection, architecture), group in groups.items():
        # all methods of a language take the same steps
        paths = {record.identity.language: points(record) for record in reversed(group) if points(record)}
        languages = [
            language for language in in_order(record.identity.language for record in group) if language in paths
        ]
        about, name = f"{collection}, {architecture}", KNOWN[measure].name
        for language in languages:
            path = paths[language]
            steps = f"by steps of {path[1]['pairs'] // path[1]['step']} pairs"
            title = f"{about}, {language}: {name} {steps}"
            columns = [str(point["step"]) for point in path]
            of_language, _ = table_names(_first(group, language))
            tables.append(_table(of_language, title, columns, group, [language], labels, measure, steps))
        complete = len(languages) == len({record.identity.language for record in group})
        if len(languages) > 1 and complete and len({len(paths[language]) for language in languages}) == 1:
            shares = "by share of the training"
            title = f"{about}, mean over {', '.join(languages)}: {name} {shares}"
            last = len(paths[languages[0]]) - 1
            columns = [f"{100 * number / last:.0f}%" for number in range(last + 1)]
            _, over_languages = table_names(_first(group, languages[0]))
            tables.append(_table(over_languages, title, columns, group, languages, labels, measure, shares))
    return tables


def _first(group: Sequence[Record], language: str) -> Identity:
    return next(record.identity for record in group if record.identity.language == language)


def _table(
    name: str,
    title: str,
    columns: Sequence[str],
    group: Sequence[Record],
    languages: Sequence[str],
    labels: Mapping[Any, str],
    measure: str,
    by: str,
) -> Table:
    rows = []
    for method in labels:
        by_language = [
            [record for record in group if record.identity.language == language and method_of(record) == method]
            for language in languages
        ]
        if any(by_language):
            cells = []
            for number in range(len(columns)):
                at_point = [[_at(record, number) for record in seeds] for seeds in by_language]
                scores = [score_cell(seeds, measure) for seeds in at_point]
                cells.append(scores[0] if len(languages) == 1 else mean_cell(scores, at_point, measure))
            rows.append(Row(labels[method], tuple(cells), method.reference))
    rows = mark_best([row for row in rows if not row.reference]) + [row for row in rows if row.reference]
    goal = REACHED * max((row.cells[-1].value or 0.0 for row in rows if not row.reference), default=0.0)
    present = [record for record in group if record.identity.language in languages]
    about = f"{count_of(present)} {collection_notes(present)}".strip()
    table = Table(
        name, title, tuple(columns), tuple(rows), about, captions.of_points(present, measure, by), tuple(languages)
    )
    if not goal:
        return table
    reached = tuple(replace(row, cells=(*row.cells, _reached(row, columns, goal))) for row in rows)
    note = f"{REACHED:.0%} at: the first of these points with {REACHED:.0%} of the best competitor's last score."
    return replace(table, columns=(*columns, f"{REACHED:.0%} at"), rows=reached, note=f"{about} {note}".lstrip())


def _at(record: Record, number: int) -> Record:
    """Return the record as it would be if the training had ended at that point.

    Before the first step the seed has changed nothing but rows that were sampled: seeds with the same scores and
    statistics there have the same encoder.
    """
    path = points(record)
    if number >= len(path):
        return replace(record, scores={})
    point = path[number]
    if number > 0:
        return replace(record, scores=point["scores"])
    return replace(record, scores=point["scores"], key=repr([sorted(point["scores"].items()), point["statistics"]]))


def _reached(row: Row, columns: Sequence[str], goal: float) -> Cell:
    if any(cell.value is None for cell in row.cells):
        return Cell(row.cells[-1].text)
    at = (name for name, cell in zip(columns, row.cells, strict=True) if (cell.value or 0.0) >= goal)
    return Cell(next(at, NEVER))
