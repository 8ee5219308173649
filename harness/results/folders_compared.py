"""Compare two results folders, A and B, row by row: what changed, and whether other queries would show it too.

The same row of both folders is compared over the same queries. Holm's correction covers all rows that are tested: in
every table, in every language and in the mean over them.
"""

from __future__ import annotations

import statistics
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np

from harness.files.shown import shown
from harness.results import resampling
from harness.results.matched_rows import OTHER_QUERIES, Matched, Pair, Row, note, score
from harness.results.record import Identity
from harness.results.tables.baselines_compared import Place
from harness.results.tables.significance import FLIPS_PER_HYPOTHESIS, LEVEL, Scores
from harness.results.tables.table import MEAN, Method, in_order

UNTESTED = "no scores of single queries"


@dataclass(frozen=True)
class Change:
    """Hold what becomes of one row between A and B; scores are means over queries and seeds.

    language    a code, or `mean` over the languages that both have
    a, b        the scores; None where `note` says that there is none
    low, high   bootstrap interval of b - a, without a correction; None if single queries have no scores
    p, p_holm   of the randomization test: as it is, and corrected for all rows; None likewise
    equal       every query has the same score in both
    """

    place: Place
    label: str
    language: str
    a: float | None
    b: float | None
    note: str = ""
    low: float | None = None
    high: float | None = None
    p: float | None = None
    p_holm: float | None = None
    queries: int = 0
    equal: bool = False

    @property
    def difference(self) -> float | None:
        return None if self.a is None or self.b is None else self.b - self.a

    @property
    def above(self) -> bool:
        """Return whether B is shown to be above A."""
        return self.p_holm is not None and self.p_holm < LEVEL and (self.difference or 0.0) > 0

    @property
    def below(self) -> bool:
        """Return whether B is shown to be below A."""
        return self.p_holm is not None and self.p_holm < LEVEL and (self.difference or 0.0) < 0


def compare(matched: Matched, a: Mapping[Identity, Scores], b: Mapping[Identity, Scores]) -> list[Change]:
    """Return every row of both folders: by table and method, languages first, their mean last.

    a, b  scores of single queries by cell; without those of a row it is not tested

    Raises ValueError if a row was measured over other queries in B than in A, or than the other rows of its collection.
    """
    changes: dict[Row, Change] = {}
    scores: dict[tuple[Place, str], dict[Method, np.ndarray]] = {}
    ids: dict[tuple[str, str], list[str]] = {}
    for row, pair in matched.pairs.items():
        change = Change(row.place, matched.labels[row.method], row.language, score(pair.a), score(pair.b), note(pair))
        both = None if change.difference is None else _side_by_side(row, pair, (a, b), ids)
        if both is not None:
            scores.setdefault((row.place, row.language), {})[row.method] = both
        elif change.difference is not None:
            change = replace(change, note="; ".join(filter(None, [change.note, UNTESTED])))
        changes[row] = change
    for place in in_order(row.place for row in changes):
        changes |= _means(place, [row for row in matched.pairs if row.place == place], changes)
    tested = sum(map(len, scores.values())) + len(_tested_means(changes, scores))
    flips = max(resampling.FLIPS, FLIPS_PER_HYPOTHESIS * tested)
    for place in in_order(place for place, _ in scores):
        own = {language: by_method for (other, language), by_method in scores.items() if other == place}
        changes |= _with_tests(place, own, changes, flips)
    corrected = [row for row, change in changes.items() if change.p is not None]
    adjusted = resampling.holm([changes[row].p or 0.0 for row in corrected], len(corrected))
    for row, p in zip(corrected, adjusted, strict=True):
        changes[row] = replace(changes[row], p_holm=p)
    return _in_order(changes)


def _side_by_side(
    row: Row, pair: Pair, folders: Sequence[Mapping[Identity, Scores]], ids: dict[tuple[str, str], list[str]]
) -> np.ndarray | None:
    """Return the scores [Q, 2] of a row in A and B, queries by id, averaged over seeds; None if a seed has none.

    ids  by collection and language, the queries that its rows must have; those of the first row are added
    """
    columns = []
    for name, cells, scores in zip("AB", pair, folders, strict=True):
        seeds = [scores.get(cell.identity) for cell in {cell.key: cell for cell in cells}.values()]
        present = [each for each in seeds if each is not None]
        if len(present) < len(seeds):
            return None
        values = []
        for each in present:
            order = sorted(range(len(each.ids)), key=each.ids.__getitem__)
            own = [each.ids[place] for place in order]
            _check_queries(row, name, ids.setdefault((row.place.collection, row.language), own), own)
            values.append(resampling.on_grid(each.values)[order])
        columns.append(np.sum(values, axis=0) / len(values))
    return np.stack(columns, axis=1)


def _check_queries(row: Row, name: str, expected: Sequence[str], own: Sequence[str]) -> None:
    if expected != own:
        counts = f"A has {len(expected):,} queries and B {len(own):,}"
        if name == "A":
            counts = f"the row {row.method.label} of A has {len(own):,} queries and the rows before {len(expected):,}"
        query = f"the query {shown(min(set(expected) ^ set(own)))} is in one of them alone"
        raise ValueError(f"{row.place.collection}, {row.language}: {counts}, and {query}; {OTHER_QUERIES}")


def _means(place: Place, rows: Sequence[Row], changes: Mapping[Row, Change]) -> dict[Row, Change]:
    """Return the means of the methods that have a score in all languages that any row of the table has in both."""
    languages = in_order(row.language for row in rows)
    means: dict[Row, Change] = {}
    if len(languages) < 2:
        return means
    for method in in_order(row.method for row in rows):
        own = [changes.get(Row(place, method, language)) for language in languages]
        a = [each.a for each in own if each is not None and each.a is not None]
        b = [each.b for each in own if each is not None and each.b is not None]
        if len(a) == len(b) == len(languages):
            label, mean = next(each.label for each in own if each), (statistics.fmean(a), statistics.fmean(b))
            means[Row(place, method, MEAN)] = Change(place, label, MEAN, *mean, UNTESTED)
    return means


def _tested_means(
    changes: Mapping[Row, Change], scores: Mapping[tuple[Place, str], Mapping[Method, np.ndarray]]
) -> list[Row]:
    """Return the means whose languages all have scores of single queries."""
    return [
        row
        for row in changes
        if row.language == MEAN
        and all(
            row.method in scores.get((row.place, other.language), {})
            for other in changes
            if other.place == row.place and other.language != MEAN
        )
    ]


def _with_tests(
    place: Place, scores: Mapping[str, Mapping[Method, np.ndarray]], changes: Mapping[Row, Change], flips: int
) -> dict[Row, Change]:
    """Return the rows of one table with interval and p. scores: by language and method, [Q, 2]."""
    by_table = {(place, language): own for language, own in scores.items()}
    means = [row.method for row in _tested_means(changes, by_table) if row.place == place]
    tested: dict[Row, Change] = {}
    parts = []
    for language in sorted(scores):  # so that no bit depends on the order of the languages
        own = scores[language]
        sample = resampling.sample(np.concatenate(list(own.values()), axis=1), language, flips)
        for number, method in enumerate(own):
            row = Row(place, method, language)
            same = bool((own[method][:, 0] == own[method][:, 1]).all())
            tested[row] = _tested(changes[row], sample, number, same)
        places = {method: number for number, method in enumerate(own)}
        parts.append(sample.only([column for method in means for column in _columns(places[method])]))
    if means:
        pooled = resampling.pooled(parts)
        for number, method in enumerate(means):
            same = all(tested[Row(place, method, language)].equal for language in scores)
            row = Row(place, method, MEAN)
            tested[row] = _tested(replace(changes[row], note=""), pooled, number, same)
    return tested


def _columns(number: int) -> tuple[int, int]:
    """Return the columns of A and B of a method in a sample."""
    return 2 * number, 2 * number + 1


def _tested(change: Change, sample: resampling.Sample, number: int, equal: bool) -> Change:
    a, b = _columns(number)
    low, high = resampling.interval(sample, b, a)
    p = resampling.p_value(sample, b, a)
    return replace(change, low=low, high=high, p=p, queries=len(sample.parts), equal=equal)


def _in_order(changes: Mapping[Row, Change]) -> list[Change]:
    """Return the changes by table and method in the order of A, the mean behind the languages."""
    places = in_order(row.place for row in changes)
    methods = in_order(row.method for row in changes)
    languages = [*in_order(row.language for row in changes if row.language != MEAN), MEAN]
    order = sorted(
        changes, key=lambda row: (places.index(row.place), methods.index(row.method), languages.index(row.language))
    )
    return [changes[row] for row in order]
