"""Markdown and CSV against texts written by hand."""

from __future__ import annotations

import csv
import io
from dataclasses import replace

from harness.results.tables.rendering import to_csv, to_markdown
from harness.results.tables.table import Cell
from tests.helpers.tables_made import MARKED, TABLE, only

MARKDOWN = """\
## pocket-faq, zero-shot, bert: nDCG@10

| method | ko | ar | mean |
| :--- | ---: | ---: | ---: |
| sembridge (α=4) | **0.421** | failed | – |
| mean | 0.400 | **0.300** | **0.350** |
| *for reference* |  |  |  |
| bm25 | 0.500 | 0.500 | 0.500 |
"""

CSV = """\
method,reference,ko,ar,mean
sembridge (α=4),no,0.421,failed,–
mean,no,0.400,0.300,0.350
bm25,yes,0.500,0.500,0.500
"""


def test_markdown():
    assert to_markdown(TABLE) == MARKDOWN


def test_a_caption_stands_between_the_heading_and_the_table():
    text = to_markdown(replace(TABLE, caption="Numbers of *a|b*."))
    heading, rows = MARKDOWN.split("\n\n", 1)
    assert text == heading + "\n\nNumbers of \\*a\\|b\\*.\n\n" + rows


def test_csv():
    assert to_csv(TABLE) == CSV


def test_marks_and_note():
    assert to_markdown(MARKED) == (
        "## t\n\n| method | ko | mean |\n| :--- | ---: | ---: |\n"
        "| a | **0.421 ± 0.010** | **0.421** |\n| b | 0.400† | 0.400 |\n"
        "\n†: not shown to be below the best (p ≥ 0.05)\n"
    )
    assert to_csv(MARKED) == "method,reference,ko,mean\na,no,0.421 ± 0.010,0.421\nb,no,0.400,0.400\n"


def test_markdown_heading_and_escaping():
    text = to_markdown(only("a|b *c*"), heading="#")
    assert text.startswith("# t\n")
    assert r"| a\|b \*c\* | 0.1 |" in text


def test_csv_quotes():
    [_, row] = csv.reader(io.StringIO(to_csv(only('a, "b"'))))
    assert row == ['a, "b"', "no", "0.1"]


def test_only_references_are_not_set_apart_from_nothing():
    assert "for reference" not in to_markdown(only("bm25", Cell("0.1"), reference=True))
