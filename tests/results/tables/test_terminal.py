"""Text for the terminal against texts written by hand, and no line beyond any width."""

from __future__ import annotations

import os
import re
from dataclasses import replace

import pytest

from harness.results.tables.table import Cell, Row, make_tables
from harness.results.tables.terminal import NARROWEST, terminal_width, to_text
from tests.helpers.tables_made import MARKED, TABLE, only, table_of

TEXT = """\
pocket-faq, zero-shot, bert: nDCG@10
method              ko       ar    mean
---------------------------------------
sembridge (α=4)  0.421*  failed       –
mean             0.400    0.300*  0.350*
---------------------------------------
bm25             0.500    0.500   0.500
"""


def widest(text: str) -> int:
    return max(map(len, text.splitlines()))


def test_text():
    assert to_text(TABLE) == TEXT


def test_a_caption_takes_the_place_of_the_title():
    assert to_text(replace(TABLE, caption="Numbers.")) == "Numbers.\n" + TEXT.partition("\n")[2]


def test_marks_and_note():
    assert to_text(MARKED) == (
        "t\nmethod             ko    mean\n-----------------------------\n"
        "a       0.421 ± 0.010*  0.421*\nb               0.400†  0.400\n"
        "†: not shown to be below the best (p ≥ 0.05)\n"
    )


def test_a_long_note_fits_the_terminal_and_no_name_in_it_is_broken():
    text = to_text(replace(MARKED, note="word-word " * 60))
    assert widest(text) <= 100 and text.count("word-word") == 60 and text.endswith("word-word\n")


def test_only_references_are_not_set_apart_from_nothing():
    assert to_text(only("bm25", reference=True)) == "t\nmethod   ko\n-----------\nbm25    0.1\n"


def test_columns_share_a_heading_and_a_name_of_one_part_stands_below():
    columns = ("faq, zero-shot, all low", "web, zero-shot, all", "web, zero-shot, low", "web, fine-tuned, all", "plain")
    text = to_text(table_of(columns, {"a": ["0.1", "0.2", "0.3", "0.4", "0.5"]}))
    assert text == (
        "t\n"
        "              faq   ---------- web -----------\n"
        "        zero-shot   - zero-shot -   fine-tuned\n"
        "method    all low     all     low          all   plain\n"
        "------------------------------------------------------\n"
        "a             0.1*    0.2*    0.3*         0.4*    0.5*\n"
    )


@pytest.mark.parametrize("width", [40, 60, 80, 100, 160])
def test_at_no_width_a_row_is_broken_and_nothing_is_lost(record, width):
    languages = [f"l{i}" for i in range(18)]
    bridge = "sentence-transformers/paraphrase-multilingual-mpnet-base-v2"
    grid = [
        record("sembridge", language, 0.001 * i, bridge=bridge, alpha=alpha, seed=seed)
        for i, language in enumerate(languages)
        for alpha in (2, 4)
        for seed in (0, 1)
    ]
    long = record("an initializer whose name goes on and on and on and on and on and on and on and on", "l0", 0.7)
    [table] = make_tables([*grid, long])
    text = to_text(table, width)
    assert widest(text) <= width
    headers = [line for line in text.splitlines() if line.startswith("method")]
    assert len(headers) > 1
    for name in table.columns:
        assert sum(name in line.split() for line in headers) == 1
    assert text.count("0.005 ± 0.000") == 2 and "0.700*" in text
    first = [line for line in text.splitlines() if line.startswith("sembridge (α=2)")]
    assert len(first) == len(headers), "one line in each block"
    assert "goes on and on and on and on" in " ".join(text.split()), "the whole name stands below the table"


def test_blocks_keep_columns_of_one_group_together():
    columns = tuple(f"collection{number}, {part}" for number in (1, 2, 3) for part in ("all", "low", "high"))
    text = to_text(table_of(columns, {"a": ["0.123"] * 9}), 50)
    headers = [line for line in text.splitlines() if "collection" in line]
    assert [re.findall(r"collection\d", line) for line in headers] == [
        ["collection1"],
        ["collection2"],
        ["collection3"],
    ]


def test_a_table_that_fits_keeps_its_names():
    label = "a name that is longer than forty of a hundred places"
    assert label in to_text(table_of(("ko",), {label: ["0.1"]})) and "shortened" not in to_text(only(label))


def test_shortened_names_differ_and_are_explained():
    labels = [f"{'x' * 40}{number}{'y' * 40}" for number in range(3)]
    text = to_text(table_of(("ko",), {label: ["0.1"] for label in labels}), 60)
    rows = [line.split()[0] for line in text.splitlines() if line.startswith("xxx")]
    assert rows[0] == "x" * 12 + "…" + "y" * 11 and widest(text) <= 60
    names = re.findall(r"(x+…y+(?:\[\d\])?):(x+\dy+)", "".join(text.split("shortened here:")[1].split()))
    assert [full for _, full in names] == labels and len({short for short, _ in names}) == 3


def test_a_long_part_of_a_column_is_shortened_with_the_table():
    columns = ("an-extraordinarily-long-collection-name, zero-shot", "faq, zero-shot", "faq, fine-tuned")
    text = to_text(table_of(columns, {"a": ["0.1", "0.2", "0.3"]}), 50)
    assert widest(text) <= 50 and "an-extra…on-name:" in text.replace("\n", " ")


def test_wide_letters_take_two_places():
    text = to_text(table_of(("ko",), {"한국어": ["0.1"], "abcdef": ["0.2"]}))
    assert text.splitlines()[3:] == ["한국어  0.1*", "abcdef  0.2"]


def test_text_with_a_cell_wider_than_the_terminal_still_prints_it():
    assert "x" * 200 in to_text(only("a", Cell("x" * 200)), width=40)


def test_references_have_the_same_places():
    table = replace(TABLE, rows=(*TABLE.rows, Row("a long reference", (Cell("0.1"),) * 3, True)))
    assert "a long reference    0.1      0.1     0.1" in to_text(table)


def test_the_width_is_that_of_the_terminal(monkeypatch):
    monkeypatch.delenv("COLUMNS", raising=False)
    monkeypatch.setattr(os, "get_terminal_size", lambda *_: os.terminal_size((131, 40)))
    assert terminal_width() == 131
    monkeypatch.setattr(os, "get_terminal_size", lambda *_: os.terminal_size((12, 40)))
    assert terminal_width() == NARROWEST

    def piped(*_: object) -> os.terminal_size:
        raise OSError("not a terminal")

    monkeypatch.setattr(os, "get_terminal_size", piped)
    assert terminal_width() == 100
    monkeypatch.setenv("COLUMNS", "72")
    assert terminal_width() == 72
