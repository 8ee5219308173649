"""Tables read back from Markdown: the same that were written, whatever the names in them hold."""

from __future__ import annotations

from dataclasses import replace

from hypothesis import given
from hypothesis import strategies as st

from harness.report_page.printed_table import tables
from harness.results.tables.rendering import to_markdown
from harness.results.tables.table import Cell, Row, Table

NAMES = st.text(st.sampled_from("ab|\\*<[`†– #한("), min_size=1, max_size=8).map(lambda text: f"x{text}x")
CELLS = st.sampled_from([Cell("0.250"), Cell("0.500", best=True), Cell("0.4 ± 0.1", undecided=True), Cell("–")])


@st.composite
def made(draw):
    columns = tuple(draw(st.lists(NAMES, min_size=1, max_size=3)))
    cells = st.tuples(*[CELLS] * len(columns))
    competitors = [Row(label, draw(cells), False) for label in draw(st.lists(NAMES, min_size=1, max_size=3))]
    references = [Row(label, draw(cells), True) for label in draw(st.lists(NAMES, max_size=2))]
    return Table("t", draw(NAMES), columns, (*competitors, *references), draw(st.sampled_from(["", "a | note < 1."])))


@given(st.lists(made(), min_size=1, max_size=2))
def test_what_was_written_is_read(written):
    read = list(tables("\n".join(map(to_markdown, written))))
    assert [each.title for each in read] == [each.title for each in written]
    for back, table in zip(read, written, strict=True):
        assert back.columns == table.columns and back.notes == ((table.note,) if table.note else ())
        assert [(row.label, row.reference) for row in back.rows] == [(row.label, row.reference) for row in table.rows]
        for row, other in zip(back.rows, table.rows, strict=True):
            assert [(cell.text, cell.best, cell.undecided) for cell in row.cells] == [
                (cell.text, cell.best, cell.undecided) for cell in other.cells
            ]


def test_a_row_called_like_the_line_before_references_is_a_row():
    table = Table("t", "title", ("ko",), (Row("*for reference*", (Cell("0.1"),), False),))
    [read] = tables(to_markdown(table))
    assert [(row.label, row.reference) for row in read.rows] == [("*for reference*", False)]
    [empty] = tables(to_markdown(replace(table, rows=())))
    assert empty.rows == ()


def test_paragraphs_above_and_below_a_table_are_told_apart():
    [read] = tables("# a title\n\nabove\n\n| method | ko |\n| :--- | ---: |\n| x | 0.1 |\n\nbelow\n\n- an item\n")
    assert (read.captions, read.notes) == (("above",), ("below", "- an item"))
    assert [(row.label, row.cells[0].text) for row in read.rows] == [("x", "0.1")]


def test_a_mark_before_a_number_is_a_part_of_it():
    [read] = tables("# t\n\n| method | a | b | c |\n| :--- | ---: | ---: | ---: |\n| x | ↓0.1† | ↓**0.2** | ↓0.3 |\n")
    cells = [(cell.text, cell.best, cell.undecided) for cell in read.rows[0].cells]
    assert cells == [("↓0.1", False, True), ("↓0.2", True, False), ("↓0.3", False, False)]
