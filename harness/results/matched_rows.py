"""Match the rows of two results folders, A and B, by everything that names a row: table, language, method, label."""

from __future__ import annotations

import statistics
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import NamedTuple

from harness.results.record import FAILED, Record
from harness.results.scored_cells import ScoredCell
from harness.results.tables.baselines_compared import Place
from harness.results.tables.table import Method, check_distinct, in_order, method_of, row_labels

MEASURE = "ndcg@10"


class Row(NamedTuple):
    place: Place
    method: Method
    language: str


class Pair(NamedTuple):
    """Hold the cells of one row in both folders, one per seed."""

    a: list[ScoredCell]
    b: list[ScoredCell]


@dataclass(frozen=True)
class Lone:
    """Hold a method of a table that only one folder has: in which, in which languages.

    other_label  of the same initializer, bridge, alpha and vectors in the other folder's table, where its label differs
    """

    folder: str
    place: Place
    label: str
    languages: tuple[str, ...]
    other_label: str = ""


@dataclass(frozen=True)
class Matched:
    """Hold the rows of both folders, those of one alone, the labels of methods, and notes on collections that differ.

    Rows stand in the order of A.
    """

    pairs: Mapping[Row, Pair]
    lone: Sequence[Lone]
    labels: Mapping[Method, str]
    notes: Sequence[str]


def match(a: Sequence[ScoredCell], b: Sequence[ScoredCell]) -> Matched:
    """Return the rows of A and B.

    Raises ValueError if a collection has another number of queries in B than in A, or a folder has a cell twice.
    """
    for name, cells in (("A", a), ("B", b)):
        try:
            check_distinct([_record(cell) for cell in cells])
        except ValueError as error:
            raise ValueError(f"{name}: {error}; run the grid's command again to rewrite its cells.csv") from None
    ours, theirs = _by_row(a), _by_row(b)
    pairs = {row: Pair(cells, theirs[row]) for row, cells in ours.items() if row in theirs}
    labels = row_labels([_record(cell) for cell in (*a, *b)])
    lone = [*_lone("A", ours, theirs, labels), *_lone("B", theirs, ours, labels)]
    return Matched(pairs, lone, labels, in_order(_differing(pairs)))


def score(cells: Sequence[ScoredCell]) -> float | None:
    """Return the mean over seeds, of seeds that share a measurement once; None if one of them has no score."""
    by_key = {cell.key: cell.scores.get(MEASURE) for cell in cells}
    values = [value for value in by_key.values() if value is not None]
    return statistics.fmean(values) if len(values) == len(by_key) else None


def note(pair: Pair) -> str:
    """Say why a row has no score in A or B, and which seeds it has where they differ; "" if there is nothing to say."""
    notes = []
    for name, cells in zip("AB", pair, strict=True):
        if score(cells) is None:
            failed = any(cell.status == FAILED for cell in cells)
            notes.append(f"{'failed' if failed else 'not computed'} in {name}")
    seeds = [sorted(cell.seed for cell in cells) for cells in pair]
    measured = [len({cell.key for cell in cells}) for cells in pair]
    if seeds[0] != seeds[1] and max(measured) > 1:
        notes.append(f"seeds {', '.join(map(str, seeds[0]))} in A, {', '.join(map(str, seeds[1]))} in B")
    return "; ".join(notes)


def _by_row(cells: Sequence[ScoredCell]) -> dict[Row, list[ScoredCell]]:
    rows: dict[Row, list[ScoredCell]] = {}
    for cell in cells:
        place = Place(cell.collection, cell.regime, cell.architecture)
        rows.setdefault(Row(place, method_of(_record(cell)), cell.language), []).append(cell)
    return rows


def _record(cell: ScoredCell) -> Record:
    """Return what names a row; cells.csv does not say which rows are references."""
    return Record(cell.identity, cell.key, cell.label, False, cell.status)


def _lone(
    name: str, own: Mapping[Row, object], others: Mapping[Row, object], labels: Mapping[Method, str]
) -> Iterator[Lone]:
    languages: dict[tuple[Place, Method], list[str]] = {}
    for row in own:
        if row not in others:
            languages.setdefault((row.place, row.method), []).append(row.language)
    for (place, method), lacking in languages.items():
        twins = (
            labels[row.method]
            for row in others
            if row.place == place and row.method != method and _made_by(row.method) == _made_by(method)
        )
        yield Lone(name, place, labels[method], tuple(lacking), next(twins, ""))


def _made_by(method: Method) -> tuple[str, str, float | None, str]:
    return method.initializer, method.bridge, method.alpha, method.vectors


def _differing(pairs: Mapping[Row, Pair]) -> Iterator[str]:
    """Yield a note on each collection whose documents differ in number; ValueError if its queries do."""
    for row, pair in pairs.items():
        where = f"{row.place.collection}, {row.language}"
        queries, documents = ([_only(cells, name) for cells in pair] for name in ("queries", "documents"))
        if None not in queries and queries[0] != queries[1]:
            raise ValueError(f"{where}: A has {queries[0]:,} queries and B {queries[1]:,}; {OTHER_QUERIES}")
        if None not in documents and documents[0] != documents[1]:
            yield (
                f"{where}: A has {documents[0]:,} documents and B {documents[1]:,}; differences may be those of the "
                "collections"
            )


OTHER_QUERIES = "scores over different queries cannot be compared: give results on the same collection"


def _only(cells: Sequence[ScoredCell], name: str) -> int | None:
    """Return the number that the cells with a score agree on; None if a file does not say it."""
    return next((value for cell in cells if (value := getattr(cell, name)) is not None), None)
