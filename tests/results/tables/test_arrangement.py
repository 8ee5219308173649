"""The mean comes first, and a single language has none."""

from __future__ import annotations

from harness.results.tables.arrangement import arranged
from tests.helpers.tables_made import table_of


def test_the_mean_comes_first_with_its_cells():
    table = arranged(table_of(("ko", "ru", "mean"), {"a": ["1", "2", "3"], "b": ["4", "5", "6"]}))
    assert table.columns == ("mean", "ko", "ru")
    assert [[cell.text for cell in row.cells] for row in table.rows] == [["3", "1", "2"], ["6", "4", "5"]]


def test_the_means_of_strata_come_first():
    table = arranged(table_of(("ko, low", "ru, low", "ru, high", "mean, low", "mean, high"), {"a": list("12345")}))
    assert table.columns == ("mean, low", "mean, high", "ko, low", "ru, low", "ru, high")
    assert [cell.text for cell in table.rows[0].cells] == list("45123")


def test_one_language_has_no_mean():
    assert arranged(table_of(("ko", "mean"), {"a": ["1", "1"]})).columns == ("ko",)
    assert arranged(table_of(("ko, low", "ko, high"), {"a": ["1", "2"]})).columns == ("ko, low", "ko, high")


def test_a_language_whose_name_begins_with_mean_is_a_language():
    assert arranged(table_of(("meanish", "ko", "mean"), {"a": list("123")})).columns == ("mean", "meanish", "ko")
