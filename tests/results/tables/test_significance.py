"""Which cells of a table are marked, what they are compared with, and how sure the marks are."""

from __future__ import annotations

import random

import numpy as np
import pytest

from harness.results import resampling
from harness.results.record import Record
from harness.results.tables import significance
from harness.results.tables.significance import Scores, mark
from harness.results.tables.table import Table, make_tables


@pytest.fixture
def cell(record):
    """A record with the mean of these scores, which it adds to `cell.scores`."""

    def make(method: str, language: str, values, ids=None, **settings) -> Record:
        row = record(method, language, float(np.mean(values)), **settings)
        values = np.asarray(values, dtype=float)
        make.scores[row.key] = Scores(ids or [f"q{i:03d}" for i in range(len(values))], values)
        return row

    make.scores = {}
    return make


def undecided(table: Table) -> dict[str, list[bool]]:
    return {row.label: [cell.undecided for cell in row.cells] for row in table.rows}


def test_marks_and_numbers_by_hand(cell):
    """Six queries: the best is above b in all (p = 2/64), c in two (p = 1/2). Corrected for three pairs: 3/32, 1."""
    records = [
        cell("a", "ko", [0.5, 0.6, 0.7, 0.8, 0.9, 1.0]),
        cell("b", "ko", [0.4, 0.5, 0.6, 0.7, 0.8, 0.9]),
        cell("c", "ko", [0.25, 0.35, 0.7, 0.8, 0.9, 1.0]),
        cell("bm25", "ko", [1.0] * 6, reference=True),
    ]
    [table] = make_tables(records)
    marked, comparisons = mark(table, cell.scores.get)
    assert [(row.table, row.column, row.best, row.method, row.queries) for row in comparisons] == [
        ("pocket-faq_zero-shot_bert", "ko", "a", "b", 6),
        ("pocket-faq_zero-shot_bert", "ko", "a", "c", 6),
    ]
    assert [row.difference for row in comparisons] == pytest.approx([0.1, 0.5 / 6])
    assert [(row.p, row.p_holm) for row in comparisons] == [(2 / 64, 6 / 64), (0.5, 1)]
    assert (comparisons[0].low, comparisons[0].high) == pytest.approx((0.1, 0.1))
    assert comparisons[1].low == 0 and 0.125 < comparisons[1].high <= 0.25
    assert undecided(marked) == {"a": [False] * 2, "b": [True] * 2, "c": [True] * 2, "bm25": [False] * 2}
    assert "†" in marked.note and "seeds" not in marked.note


def test_the_best_beats_one_and_not_the_other(cell):
    rng = np.random.default_rng(0)
    good = rng.random(200)
    records = [cell("a", "ko", good), cell("b", "ko", good * 0.8), cell("c", "ko", good + rng.normal(-0.002, 0.2, 200))]
    marked, comparisons = mark(make_tables(records)[0], cell.scores.get)
    assert undecided(marked) == {"a": [False, False], "b": [False, False], "c": [True, True]}
    assert comparisons[0].p_holm == 3 / 10_001


def test_the_family_is_every_pair_of_every_column(cell):
    rng = np.random.default_rng(1)
    records = [cell(method, language, rng.random(5)) for method in "abc" for language in ("ko", "ru")]
    _, comparisons = mark(make_tables(records)[0], cell.scores.get)
    assert [row.column for row in comparisons] == ["ko", "ko", "ru", "ru", "mean", "mean"]
    assert [row.queries for row in comparisons] == [5, 5, 5, 5, 10, 10]
    assert [row.p_holm for row in comparisons] == resampling.holm([row.p for row in comparisons], 9)


def test_the_mean_gives_languages_equal_weight(cell):
    """b loses by .9 in 2 queries and wins by .1 in 10: over languages it loses by (.9 - .1) / 2.

    In parts of the mean these are 2 x .225 and 10 x -.005. All patterns in which the large ones have equal signs, half
    of all, are as far out as .4.
    """
    records = [
        cell("a", "ko", [0.9, 0.9]),
        cell("b", "ko", [0.0, 0.0]),
        cell("a", "ru", [0.2] * 10),
        cell("b", "ru", [0.3] * 10),
    ]
    _, comparisons = mark(make_tables(records)[0], cell.scores.get)
    mean = comparisons[-1]
    assert (mean.column, mean.best, mean.method, mean.queries) == ("mean", "a", "b", 12)
    assert mean.difference == pytest.approx(0.4)
    assert mean.p == 0.5


def test_references_failures_and_lone_rows_are_not_compared(cell, record):
    records = [
        cell("a", "ko", [0.5, 0.6, 0.7]),
        cell("b", "ko", [0.4, 0.5, 0.6]),
        cell("base", "ko", [0.1, 0.2, 0.3], reference=True),
        record("c", "ko", None),
        record("d", "ko", float("nan")),
        cell("a", "ru", [0.5, 0.5, 0.5]),
        record("b", "ru", None),
    ]
    marked, comparisons = mark(make_tables(records)[0], cell.scores.get)
    assert [(row.column, row.best, row.method) for row in comparisons] == [("ko", "a", "b")]
    assert {label for label, marks in undecided(marked).items() if any(marks)} == {"b"}


def test_nothing_to_compare(cell):
    [table] = make_tables([cell("a", "ko", [0.5]), cell("bm25", "ko", [0.7], reference=True)])
    assert mark(table, cell.scores.get) == (table, [])
    [table] = make_tables([cell("a", "ko", [0.5]), cell("b", "ko", [0.7])])
    cell.scores.popitem()
    assert mark(table, cell.scores.get) == (table, [])


def test_a_cell_without_scores_leaves_its_table_without_marks(cell):
    """Two rows and two seeds could still be compared; but a third row without a mark would look as if it were worse."""
    for missing in range(4):
        records = [
            cell("a", "ko", [0.5], seed=0),
            cell("a", "ko", [0.6], seed=1),
            cell("b", "ko", [0.7]),
            cell("c", "ko", [0.7]),
        ]
        del cell.scores[records[missing].key]
        [table] = make_tables(records)
        assert mark(table, cell.scores.get) == (table, [])


def test_a_row_that_failed_in_one_language_is_compared_in_the_others(cell, record):
    """The mean is over the rows that have every language: here the second and the third."""
    ko, ru = {"b": [0.9, 0.8, 0.7], "c": [0.1, 0.2, 0.3]}, {"b": [0.6, 0.6], "c": [0.4, 0.4]}
    records = [cell("a", "ko", [0.95, 0.9, 0.9]), record("a", "ru", None)]
    records += [
        cell(method, language, values[method]) for method in "bc" for language, values in (("ko", ko), ("ru", ru))
    ]
    _, comparisons = mark(make_tables(records)[0], cell.scores.get)
    assert [(row.column, row.best, row.method) for row in comparisons] == [
        ("ko", "a", "b"), ("ko", "a", "c"), ("ru", "b", "c"), ("mean", "b", "c"),
    ]  # fmt: skip
    assert comparisons[-1].difference == pytest.approx((0.6 + 0.2) / 2)
    assert (comparisons[-1].p, comparisons[-1].p_holm) == (2 / 32, 5 * 2 / 32)


def test_equal_bests_are_not_marked_and_the_first_by_name_is_compared(cell):
    values = [0.5, 0.25, 0.75]
    for methods in ("bca", "acb"):
        marked, comparisons = mark(make_tables([cell(method, "ko", values) for method in methods])[0], cell.scores.get)
        assert sorted((row.best, row.method, row.difference, row.p) for row in comparisons) == [
            ("a", "b", 0, 1),
            ("a", "c", 0, 1),
        ]
        assert not any(map(any, undecided(marked).values()))


def test_seeds_are_averaged_query_by_query(cell):
    """Each seed alone has a query where b is ahead; their mean has none."""
    first, second = [0.9, 0.1, 0.9, 0.5], [0.3, 0.9, 0.9, 0.5]
    records = [cell("a", "ko", first, seed=0), cell("a", "ko", second[::-1], ["q003", "q002", "q001", "q000"], seed=1)]
    records += [cell("b", "ko", [0.4] * 4, seed=0), cell("b", "ko", [0.2] * 4, seed=1)]
    marked, [row] = mark(make_tables(records)[0], cell.scores.get)
    assert (row.p, row.queries) == (2 / 16, 4)
    assert row.difference == pytest.approx(0.625 - 0.3)
    assert "averaged over seeds" in marked.note
    again, [same] = mark(make_tables([records[i] for i in (1, 0, 3, 2)])[0], cell.scores.get)
    assert same == row and undecided(again) == undecided(marked)


def test_other_queries_are_refused(cell):
    records = [cell("a", "ko", [0.5, 0.6]), cell("b", "ko", [0.5, 0.7], ["q000", "q007"])]
    with pytest.raises(ValueError, match=r"column ko: a and b cannot be compared.*'q001', 2 and 2 queries"):
        mark(make_tables(records)[0], cell.scores.get)
    records = [cell("a", "ko", [0.5, 0.6]), cell("b", "ko", [0.5, 0.7, 0.1])]
    with pytest.raises(ValueError, match=r"'q002', 2 and 3 queries"):
        mark(make_tables(records)[0], cell.scores.get)
    records = [cell("a", "ko", [0.5, 0.6], seed=0), cell("a", "ko", [0.5], seed=1), cell("b", "ko", [0.5, 0.7])]
    with pytest.raises(ValueError, match=r"column ko: a cannot be compared.*'q001', 2 and 1 queries"):
        mark(make_tables(records)[0], cell.scores.get)


def test_no_bit_depends_on_the_order_of_rows_columns_or_queries(cell):
    rng = np.random.default_rng(4)
    records = [cell(method, language, rng.random(40)) for method in "abcd" for language in ("ko", "ru", "ar")]
    marked, comparisons = mark(make_tables(records)[0], cell.scores.get)
    for seed in range(3):
        random.Random(seed).shuffle(records)
        for key, scores in cell.scores.items():
            order = np.random.default_rng(seed).permutation(40)
            cell.scores[key] = Scores([scores.ids[i] for i in order], scores.values[order])
        [table] = make_tables(records)
        shuffled, others = mark(table, cell.scores.get)
        assert {(row.column, row.method): row for row in others} == {
            (row.column, row.method): row for row in comparisons
        }
        places = [table.columns.index(column) for column in marked.columns]
        assert {label: [marks[i] for i in places] for label, marks in undecided(shuffled).items()} == undecided(marked)


def test_equal_methods_are_seldom_called_different_even_though_the_best_is_chosen(cell, monkeypatch):
    """Eight methods that differ by chance alone: at most one table in twenty may have a row without a mark.

    If the seven comparisons that are shown were the family, it would be one in eight.
    """
    monkeypatch.setattr(resampling, "RESAMPLES", 1)
    monkeypatch.setattr(resampling, "FLIPS", 1)
    rng = np.random.default_rng(9)
    wrong = shown = 0
    for _ in range(400):
        [table] = make_tables([cell(method, "ko", rng.random(40)) for method in "abcdefgh"])
        comparisons = mark(table, cell.scores.get)[1]
        wrong += any(row.p_holm < significance.LEVEL for row in comparisons)
        shown += any(p < significance.LEVEL for p in resampling.holm([row.p for row in comparisons], len(comparisons)))
    assert wrong / 400 < 0.05 + 0.02
    assert shown / 400 > 0.08, "the choice of the best no longer shows: this simulation cannot fail"


def test_large_families_get_as_many_flips_as_they_need(cell):
    """30 methods: 435 pairs, of which the smallest p of 10,000 flips could not tell any."""
    rng = np.random.default_rng(3)
    records = [cell("a", "ko", 0.5 + rng.random(60) / 2), *(cell(f"m{i}", "ko", rng.random(60) / 2) for i in range(29))]
    marked, comparisons = mark(make_tables(records)[0], cell.scores.get)
    assert comparisons[0].p == 1 / (50 * 435 + 1)
    assert not any(map(any, undecided(marked).values()))


def test_csv(cell):
    records = [cell("a", "ko", [0.5, 0.5]), cell("b, or c", "ko", [0.25, 0.25])]
    _, comparisons = mark(make_tables(records)[0], cell.scores.get)
    assert significance.to_csv(comparisons) == (
        "table,column,best,method,difference,low,high,p,p_holm,queries\n"
        'pocket-faq_zero-shot_bert,ko,a,"b, or c",0.25,0.25,0.25,0.5,0.5,2\n'
    )
    assert significance.to_csv([]).count("\n") == 1


def test_csv_holds_numbers_wherever_they_come_from(cell):
    """p of random flips, as of many queries, and the interval are numpy's before they are written."""
    rng = np.random.default_rng(2)
    _, comparisons = mark(
        make_tables([cell(method, language, rng.random(30)) for method in "ab" for language in ("ko", "ru")])[0],
        cell.scores.get,
    )
    lines = significance.to_csv(comparisons).splitlines()
    for line, row in zip(lines[1:], comparisons, strict=True):
        assert [float(number) for number in line.split(",")[4:9]] == [
            getattr(row, name) for name in lines[0].split(",")[4:9]
        ]
