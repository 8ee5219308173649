"""Every row against bm25 and base: numbers by hand, the family of the correction, the mark, the file."""

from __future__ import annotations

import random
from dataclasses import replace

import numpy as np
import pytest

from harness.results import resampling
from harness.results.record import Record
from harness.results.tables import baselines_compared
from harness.results.tables.baselines_compared import Against, Place, baselines, compare, count, mark, places, to_csv
from harness.results.tables.significance import Scores
from harness.results.tables.table import Table, make_tables, row_labels

PLACE = Place("pocket-faq", "zero-shot", "bert")


@pytest.fixture
def cell(record):
    """A record with the mean of these scores, which it adds to `cell.scores`."""

    def make(method: str, language: str, values, **settings) -> Record:
        settings = {"reference": method in ("bm25", "base", "dense")} | settings
        row = record(method, language, float(np.mean(values)), **settings)
        make.scores[row.key] = Scores([f"q{i:03d}" for i in range(len(values))], np.asarray(values, dtype=float))
        return row

    make.scores = {}
    return make


def compared(cell, records: list[Record], further: int = 0) -> tuple[Table, list[Against]]:
    [table] = make_tables(records)
    return table, compare(table, PLACE, baselines(row_labels(records)), cell.scores.get, further)


def below(table: Table) -> dict[str, list[bool]]:
    return {row.label: [each.below for each in row.cells] for row in table.rows}


def test_numbers_by_hand(cell):
    """Eight queries: all eight differ in one direction (p = 2/256), or two of them do (p = 1/2)."""
    up = [0.5] * 8
    records = [
        cell("a", "ko", [0.75] * 8),
        cell("b", "ko", [0.25, 0.25, *up[2:]]),
        cell("base", "ko", [0.25] * 8),
        cell("bm25", "ko", up),
        cell("dense", "ko", up, bridge="x", label="dense (x)"),
    ]
    _, rows = compared(cell, records)
    assert [(row.method, row.reference, row.baseline, row.queries) for row in rows] == [
        ("a", False, "bm25", 8),
        ("b", False, "bm25", 8),
        ("base", True, "bm25", 8),
        ("dense (x)", True, "bm25", 8),
        ("a", False, "base", 8),
        ("b", False, "base", 8),
        ("dense (x)", True, "base", 8),
    ]
    assert [row.difference for row in rows] == [0.25, -0.0625, -0.25, 0, 0.5, 0.1875, 0.25]
    assert [row.p for row in rows] == [2 / 256, 0.5, 2 / 256, 1, 2 / 256, 2 / 64, 2 / 256]
    # Holm over seven: the five smallest p are multiplied by 7, 7 (never less than before), ..., then 3 x 2/64.
    assert [row.p_holm for row in rows] == [14 / 256, 1, 14 / 256, 1, 14 / 256, 3 * 2 / 64, 14 / 256]
    assert [(row.low, row.high) for row in rows][:1] == [(0.25, 0.25)]
    assert {row.place for row in rows} == {PLACE}


def test_what_is_shown_to_be_below_bm25_is_marked_in_the_mean_of_one_language_too(cell):
    rng = np.random.default_rng(0)
    values = 0.4 + rng.random(100) / 2
    records = [
        cell("worse", "ko", values - 0.3),
        cell("same", "ko", values + rng.normal(0, 0.1, 100)),
        cell("better", "ko", values + 0.1),
        cell("base", "ko", values - 0.4),
        cell("bm25", "ko", values),
    ]
    table, rows = compared(cell, records)
    marked = mark(table, rows)
    assert below(marked) == {
        "worse": [True, True], "same": [False, False], "better": [False, False], "base": [True, True],
        "bm25": [False, False],
    }  # fmt: skip
    assert marked.note == baselines_compared.NOTE
    against = {(row.method, row.baseline): row for row in rows}
    assert against["better", "bm25"].above and against["worse", "bm25"].below
    assert not against["same", "bm25"].above and not against["same", "bm25"].below
    assert against["worse", "base"].above, "above base and below bm25: only the latter is a mark"


def test_without_a_row_below_nothing_changes(cell):
    table, rows = compared(cell, [cell("a", "ko", [0.9] * 40), cell("bm25", "ko", [0.1] * 40)])
    assert rows[0].above and mark(table, rows) is table


def test_a_competitor_and_a_reference_of_one_name_are_told_apart(cell):
    """A grid may have an initializer whose label is that of a reference row."""
    records = [
        cell("mine", "ko", [0.1] * 40, label="twin"),
        cell("ready", "ko", [0.9] * 40, label="twin", reference=True),
        cell("bm25", "ko", [0.5] * 40),
    ]
    table, rows = compared(cell, records)
    marked = mark(table, rows)
    assert [(row.reference, row.cells[0].below) for row in marked.rows] == [(False, True), (True, False), (True, False)]


def test_the_family_is_every_comparison_with_both_baselines_in_every_column(cell):
    rng = np.random.default_rng(1)
    methods = ("a", "b", "base", "bm25")
    records = [cell(method, language, rng.random(6)) for method in methods for language in ("ko", "ru")]
    table, rows = compared(cell, records)
    # a, b and base against bm25, a and b against base; in ko, ru and the mean
    assert len(rows) == count(table, {"bm25": "bm25", "base": "base"}) == 3 * 5
    assert [row.column for row in rows] == ["ko"] * 5 + ["ru"] * 5 + ["mean"] * 5
    assert [row.queries for row in rows] == [6] * 10 + [12] * 5
    assert [row.p_holm for row in rows] == resampling.holm([row.p for row in rows], 15)
    _, wider = compared(cell, records, further=10)
    assert [row.p_holm for row in wider] == resampling.holm([row.p for row in rows], 25)


def test_the_mean_gives_languages_equal_weight(cell):
    """a loses by .9 in 2 queries and wins by .1 in 10: over languages it loses by (.9 - .1) / 2."""
    records = [
        cell("a", "ko", [0.0, 0.0]),
        cell("bm25", "ko", [0.9, 0.9]),
        cell("a", "ru", [0.3] * 10),
        cell("bm25", "ru", [0.2] * 10),
    ]
    *_, mean = compared(cell, records)[1]
    assert (mean.column, mean.queries, mean.p) == ("mean", 12, 0.5)
    assert mean.difference == pytest.approx(-0.4)


def test_seeds_are_averaged_query_by_query(cell):
    records = [
        cell("a", "ko", [0.9, 0.1, 0.9, 0.5], seed=0),
        cell("a", "ko", [0.3, 0.9, 0.9, 0.5], seed=1),
        cell("bm25", "ko", [0.4] * 4),
    ]
    [row] = compared(cell, records)[1]
    assert row.difference == pytest.approx(0.625 - 0.4) and (row.p, row.queries) == (2 / 16, 4)


def test_what_has_no_value_is_left_out(cell, record):
    records = [
        cell("a", "ko", [0.9, 0.8]),
        record("b", "ko", None),
        cell("bm25", "ko", [0.1, 0.2]),
        record("base", "ko", None, reference=True),
        cell("a", "ru", [0.5, 0.5]),
        record("bm25", "ru", None, reference=True),
    ]
    assert [(row.column, row.method, row.baseline) for row in compared(cell, records)[1]] == [("ko", "a", "bm25")]


def test_nothing_to_compare(cell):
    assert compared(cell, [cell("a", "ko", [0.5]), cell("b", "ko", [0.7])])[1] == []
    assert compared(cell, [cell("bm25", "ko", [0.5])])[1] == []
    records = [cell("a", "ko", [0.5]), cell("b", "ko", [0.7]), cell("bm25", "ko", [0.5])]
    del cell.scores[records[0].key]
    assert compared(cell, records)[1] == [], "a row without its mark would look as if it were not below"


def test_other_queries_are_refused(cell):
    with pytest.raises(ValueError, match=r"column ko: a and bm25 cannot be compared.*'q002', 3 and 2 queries"):
        compared(cell, [cell("a", "ko", [0.5, 0.6, 0.7]), cell("bm25", "ko", [0.5, 0.7])])


def test_no_bit_depends_on_the_order_of_rows_columns_or_queries(cell):
    rng = np.random.default_rng(4)
    methods, languages = ("a", "b", "base", "bm25"), ("ko", "ru", "ar")
    records = [cell(method, language, rng.random(40)) for method in methods for language in languages]
    first = {(row.column, row.method, row.baseline): row for row in compared(cell, records)[1]}
    for seed in range(3):
        random.Random(seed).shuffle(records)
        for key, scores in cell.scores.items():
            order = np.random.default_rng(seed).permutation(40)
            cell.scores[key] = Scores([scores.ids[i] for i in order], scores.values[order])
        again = {(row.column, row.method, row.baseline): row for row in compared(cell, records)[1]}
        assert again == first


def test_baselines_are_known_by_what_they_are(record):
    records = [record("mine", label="bm25"), record("bm25", reference=True), record("base", label="x", reference=True)]
    assert baselines(row_labels(records)) == {"bm25": "bm25 (bm25)", "base": "x"}
    assert places(records) == {"pocket-faq_zero-shot_bert": PLACE}


def test_csv(cell):
    _, rows = compared(cell, [cell("a", "ko", [0.5, 0.5], label="=a, b"), cell("bm25", "ko", [0.25, 0.25])])
    assert to_csv(rows) == (
        "collection,regime,architecture,column,method,reference,baseline,difference,low,high,p,p_holm,queries\n"
        'pocket-faq,zero-shot,bert,ko,"\'=a, b",no,bm25,0.25,0.25,0.25,0.5,0.5,2\n'
    )
    assert to_csv([replace(rows[0], reference=True)]).splitlines()[1].split(",")[6] == "yes"


def test_rows_equal_to_the_baselines_are_seldom_called_above_or_below(cell, monkeypatch):
    """Eight rows and both baselines that differ by chance alone: at most one table in twenty may say otherwise.

    Without the correction it would be most tables: fifteen comparisons and more.
    """
    monkeypatch.setattr(resampling, "RESAMPLES", 1)
    monkeypatch.setattr(resampling, "FLIPS", 1)
    rng = np.random.default_rng(11)
    wrong = uncorrected = 0
    for _ in range(300):
        rows = compared(cell, [cell(method, "ko", rng.random(40)) for method in (*"abcdefgh", "base", "bm25")])[1]
        wrong += any(row.above or row.below for row in rows)
        uncorrected += any(row.p < 0.05 for row in rows)
    assert wrong / 300 < 0.05 + 0.02
    assert uncorrected / 300 > 0.2, "chance no longer shows: this simulation cannot fail"
