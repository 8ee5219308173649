"""Headings over several columns, and blocks of columns, counted by hand."""

from __future__ import annotations

from harness.results.tables.headings import blocks, groups, levels

COLUMNS = ["faq, zero-shot", "web, zero-shot, all", "web, zero-shot, low", "web, fine-tuned, all", "mean"]


def test_columns_share_the_parts_before_the_last():
    assert levels(COLUMNS) == [
        [("", 1), ("web", 3), ("", 1)],
        [("faq", 1), ("zero-shot", 2), ("fine-tuned", 1), ("", 1)],
        [("zero-shot", 1), ("all", 1), ("low", 1), ("all", 1), ("mean", 1)],
    ]


def test_a_part_is_shared_only_below_the_same_part():
    assert levels(["a, x, 1", "b, x, 1"])[1] == [("x", 1), ("x", 1)]


def test_plain_columns_share_nothing():
    assert levels(["ko", "ru"]) == [[("ko", 1), ("ru", 1)]] and levels([]) == []
    assert groups(["ko", "ru"]) == [[0], [1]]


def test_groups_are_broken_only_where_they_do_not_fit():
    assert groups(COLUMNS) == [[0], [1, 2], [3], [4]]
    assert blocks(COLUMNS, len, 2) == [[0], [1, 2], [3, 4]]
    assert blocks(COLUMNS, len, 1) == [[0], [1], [2], [3], [4]]
    assert blocks(COLUMNS, lambda places: 100, 50) == [[0], [1], [2], [3], [4]]
    assert blocks(COLUMNS, len, 5) == [[0, 1, 2, 3, 4]]
    assert blocks([], len, 5) == [[]]


def test_blocks_are_as_even_as_their_number_allows():
    assert blocks(list("abcdefgh"), len, 7) == [[0, 1, 2, 3], [4, 5, 6, 7]]
    assert blocks(list("abcdefg"), len, 3) == [[0, 1, 2], [3, 4, 5], [6]]


def test_a_group_stays_together_even_where_blocks_would_be_more_even():
    assert blocks(["x", "a, 1", "a, 2", "a, 3"], len, 3) == [[0], [1, 2, 3]]
