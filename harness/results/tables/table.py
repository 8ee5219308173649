"""Make tables from records: one per collection, regime and architecture; a row is a method, a column a language.

Only the records are read, so a table can be made wherever they are. `rendering` turns a table into Markdown, CSV, LaTeX
or text.
"""

from __future__ import annotations

import math
import statistics
from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace
from typing import TypeVar

from harness.results.record import FAILED as CELL_FAILED
from harness.results.record import NOT_COMPUTED, OK, Identity, Record
from harness.results.tables import captions
from harness.results.tables.collection_notes import collection_notes
from harness.results.tables.measures import KNOWN, MAIN, check_measure, suffix
from harness.results.tables.vector_notes import vector_notes
from sembridge.options import alpha_text

MEAN = "mean"
MISSING = "–"
FAILED = "failed"
UNDECIDED = "†"
BELOW = "↓"
DEVIATION = " ± "

_Item = TypeVar("_Item")


@dataclass(frozen=True)
class Cell:
    """Hold what is printed, and the exact value behind it (None if there is none).

    keys       of the artifacts that the value is the mean of, each once; empty for the mean over languages
    undecided  not the best, but not shown to be worse either (`significance`)
    below      shown to be below the row bm25 (`baselines_compared`)
    """

    text: str
    value: float | None = None
    best: bool = False
    keys: tuple[str, ...] = ()
    undecided: bool = False
    below: bool = False

    @property
    def has_number(self) -> bool:
        """Return whether there is a value that others can be compared with: one, and no NaN."""
        return self.value is not None and math.isfinite(self.value)


@dataclass(frozen=True)
class Row:
    label: str
    cells: tuple[Cell, ...]
    reference: bool


@dataclass(frozen=True)
class Table:
    """Hold a table: one cell per column in every row, competitors before references.

    name       the table's identity, usable in file names
    note       explains marks below the table; empty if nothing was compared
    caption    says in a sentence what the numbers are; empty if the title is all there is to say
    languages  whose codes are in the columns or in the caption
    """

    name: str
    title: str
    columns: tuple[str, ...]
    rows: tuple[Row, ...]
    note: str = ""
    caption: str = ""
    languages: tuple[str, ...] = ()

    @property
    def competitors(self) -> list[Row]:
        return [row for row in self.rows if not row.reference]

    @property
    def references(self) -> list[Row]:
        return [row for row in self.rows if row.reference]


@dataclass(frozen=True)
class Method:
    """Hold what one row stands for: everything but the seed, over which it is averaged."""

    label: str
    initializer: str
    bridge: str
    alpha: float | None
    reference: bool
    vectors: str = ""


def make_tables(records: Sequence[Record], measure: str = MAIN) -> list[Table]:
    """Return the tables of a grid, in order of appearance; ValueError for an unknown measure or a repeated cell."""
    check_distinct(records)
    records = measured(records, check_measure(measure))
    labels = row_labels(records)
    languages = in_order(record.identity.language for record in records)
    groups: dict[tuple[str, str, str], list[Record]] = defaultdict(list)
    for record in records:
        groups[record.identity.collection, record.identity.regime, record.identity.architecture].append(record)
    return [_table(coordinates, group, labels, languages, measure) for coordinates, group in groups.items()]


def measured(records: Sequence[Record], measure: str) -> list[Record]:
    """Return the records with this measure among their scores, which statistics are not; without rows that have none.

    The rows `bm25` and `dense` have no active dimensions.
    """
    if KNOWN[measure].score:
        return list(records)
    without = {method_of(record) for record in records if record.status == OK}
    without -= {method_of(record) for record in records if measure in record.statistics}
    return [
        replace(record, scores={measure: record.statistics[measure]} if measure in record.statistics else {})
        for record in records
        if method_of(record) not in without
    ]


def table_name(identity: Identity) -> str:
    """Return the name of the table that a cell belongs to."""
    return f"{identity.collection}_{identity.regime}_{identity.architecture}"


def count_of(records: Sequence[Record]) -> str:
    """Return a sentence that says how many of the cells are computed; "" if none is missing."""
    counts = Counter(record.status for record in records)
    if not counts[NOT_COMPUTED]:
        return ""
    failed = f", {counts[CELL_FAILED]} failed" if counts[CELL_FAILED] else ""
    total = f"{counts[OK]} of {len(records)} cells are computed{failed}"
    return f"Not complete: {total}; {MISSING}: a cell, or a cell of a mean, is missing."


def check_distinct(records: Sequence[Record]) -> None:
    """Raise ValueError for a repeated cell, which would be silently averaged with itself."""
    twice = [identity.name for identity, count in Counter(record.identity for record in records).items() if count > 1]
    if twice:
        raise ValueError(f"more than one record for the cell {twice[0]} ({len(twice)} such cells)")


def _table(
    coordinates: tuple[str, str, str],
    records: Sequence[Record],
    labels: dict[Method, str],
    all_languages: Sequence[str],
    measure: str,
) -> Table:
    present = {record.identity.language for record in records}
    languages = [language for language in all_languages if language in present]
    rows = method_rows(records, labels, languages, measure)
    title = f"{', '.join(coordinates)}: {KNOWN[measure].name}"
    notes = count_of(records), collection_notes(records), vector_notes(records)
    name, note = table_name(records[0].identity), " ".join(filter(None, notes))
    caption = captions.of_table(records, measure)
    return Table(name + suffix(measure), title, (*languages, MEAN), rows, note, caption, tuple(languages))


def method_rows(
    records: Sequence[Record], labels: dict[Method, str], languages: Sequence[str], measure: str
) -> tuple[Row, ...]:
    """Return the rows of a table: a score for each language, their mean last, the best competitors marked.

    labels  of all methods of the grid, in its order (`row_labels`)
    """
    cells: dict[tuple[Method, str], list[Record]] = defaultdict(list)
    for record in records:
        cells[method_of(record), record.identity.language].append(record)
    rows = []
    for method in labels:  # the order of the whole grid, so that a method has the same place in every table
        by_language = [cells.get((method, language), []) for language in languages]
        if any(by_language):
            scores = [score_cell(seeds, measure) for seeds in by_language]
            rows.append(Row(labels[method], (*scores, mean_cell(scores, by_language, measure)), method.reference))
    competitors = [row for row in rows if not row.reference]
    marked = mark_best(competitors) if KNOWN[measure].score else competitors
    return (*marked, *(row for row in rows if row.reference))


def score_cell(seeds: Sequence[Record], measure: str) -> Cell:
    """Return the cell of one language of one method.

    A failed seed fails the cell: a mean over the seeds that happened to survive is another experiment. Nor is there one
    over the seeds that are computed so far. Seeds that share an artifact count once: the seed changed nothing.
    """
    if any(record.status == CELL_FAILED for record in seeds):
        return Cell(FAILED)
    if not seeds or any(measure not in record.scores for record in seeds):
        return Cell(MISSING)
    by_key = {record.key: record.scores[measure] for record in seeds}
    return replace(_value_cell(list(by_key.values()), KNOWN[measure].digits), keys=tuple(by_key))


def mean_cell(cells: Sequence[Cell], by_language: Sequence[Sequence[Record]], measure: str) -> Cell:
    """Return the mean over languages.

    Its deviation is that of the means of the single seeds, so it exists only if all languages have the same seeds, and
    if the seed changes something in one of them.
    """
    if any(cell.value is None for cell in cells):
        return Cell(MISSING)
    scores = [{record.identity.seed: record.scores[measure] for record in seeds} for seeds in by_language]
    several = any(len(cell.keys) > 1 for cell in cells)
    if several and all(by_seed.keys() == scores[0].keys() for by_seed in scores):
        of_seeds = [statistics.fmean(by_seed[seed] for by_seed in scores) for seed in sorted(scores[0])]
        return _value_cell(of_seeds, KNOWN[measure].digits)
    return _value_cell(
        [statistics.fmean(cell.value for cell in cells if cell.value is not None)], KNOWN[measure].digits
    )


def _value_cell(seeds: Sequence[float], digits: int) -> Cell:
    text = f"{statistics.fmean(seeds):.{digits}f}"
    if len(seeds) > 1 and all(map(math.isfinite, seeds)):
        text += f"{DEVIATION}{statistics.stdev(seeds):.{digits}f}"
    return Cell(text, statistics.fmean(seeds))


def mark_best(rows: Sequence[Row]) -> list[Row]:
    """Return the rows with the best of each column marked, by exact value; ties are all best, a NaN never is."""
    if not rows:
        return []
    columns = zip(*(row.cells for row in rows), strict=True)
    best = [
        max((cell.value for cell in column if cell.value is not None and math.isfinite(cell.value)), default=None)
        for column in columns
    ]

    def marked(row: Row) -> Row:
        pairs = zip(row.cells, best, strict=True)
        return replace(
            row, cells=tuple(replace(cell, best=top is not None and cell.value == top) for cell, top in pairs)
        )

    return [marked(row) for row in rows]


def method_of(record: Record) -> Method:
    identity = record.identity
    return Method(
        record.label, identity.initializer, identity.bridge, identity.alpha, record.reference, identity.vectors
    )


def row_labels(records: Sequence[Record]) -> dict[Method, str]:
    """Return a label for every method, in order of appearance, qualified by what differs among methods of one label."""
    methods = in_order(method_of(record) for record in records)
    tails = Counter(_tail(bridge) for bridge in {method.bridge for method in methods})

    def differs(method: Method, part: Callable[[Method], object]) -> bool:
        return len({part(other) for other in methods if other.label == method.label}) > 1

    labels = {}
    for method in methods:
        qualifiers = []
        if differs(method, lambda other: other.initializer):
            qualifiers.append(method.initializer)
        if method.bridge and differs(method, lambda other: other.bridge):
            qualifiers.append(_tail(method.bridge) if tails[_tail(method.bridge)] == 1 else method.bridge)
        if method.alpha is not None and differs(method, lambda other: other.alpha):
            qualifiers.append(f"α={alpha_text(method.alpha)}")
        if method.vectors:  # even where all rows have it: a score must not be taken for that of plain vectors
            qualifiers.append(method.vectors)
        labels[method] = _qualified(" ".join(method.label.split()), qualifiers)
    return labels


def _qualified(label: str, qualifiers: Sequence[str]) -> str:
    if not qualifiers:
        return label
    if label.endswith(")"):  # qualified already: "ofa (bridge vectors)" -> "ofa (bridge vectors, bge-m3)"
        return f"{label[:-1]}, {', '.join(qualifiers)})"
    return f"{label} ({', '.join(qualifiers)})"


def _tail(bridge: str) -> str:
    """Return the last part of a name: 'BAAI/bge-m3' -> 'bge-m3'."""
    return bridge.rstrip("/").rsplit("/", 1)[-1]


def in_order(items: Iterable[_Item]) -> list[_Item]:
    """Return the distinct items in order of appearance."""
    return list(dict.fromkeys(items))
