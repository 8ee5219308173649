"""Foreign names and messages in results: no formula in a spreadsheet, no link or markup in a table, no further row."""

from __future__ import annotations

import csv
import io

import pytest

from harness.results.export import write_results
from harness.results.measurement import failed
from harness.results.record import Identity
from harness.results.tables import significance
from harness.results.tables.latex import to_latex
from harness.results.tables.rendering import to_csv, to_markdown
from harness.results.tables.table import Cell, Row, Table

FORMULAS = ["=cmd|' /C calc'!A0", "+1+1", "-2+3", "@SUM(A1)", "\t=1", "\r=1"]


@pytest.mark.parametrize("text", FORMULAS)
def test_a_spreadsheet_reads_names_and_messages_as_text(tmp_path, text):
    identity = Identity("ru", text, "c", "mean", "", None, "zero-shot", 1)
    write_results(tmp_path, [failed(identity, "key", text, False, text)], lambda record: None)
    row = next(csv.DictReader(io.StringIO((tmp_path / "cells.csv").read_bytes().decode(), newline="")))
    shown = "'" + text.replace("\r", " ")
    assert row["label"] == row["error"] == row["architecture"] == shown
    for path in tmp_path.rglob("*.csv"):
        for cells in csv.reader(io.StringIO(path.read_bytes().decode(), newline="")):
            assert not [cell for cell in cells if cell.startswith(("=", "+", "@", "\t", "\r"))], path
    assert (
        to_csv(Table("t", "t", (text,), (Row(text, (Cell("0.1"),), False),)))
        .splitlines()[0]
        .startswith("method,reference,")
    )
    comparison = significance.Comparison(
        *[text if field == "str" else 0.5 for field in significance.Comparison.__annotations__.values()]
    )
    assert shown in next(csv.reader(io.StringIO(significance.to_csv([comparison]).split("\n", 1)[1], newline="")))


def test_negative_numbers_stay_numbers():
    kinds = significance.Comparison.__annotations__.values()
    line = significance.to_csv(
        [significance.Comparison(*["a" if kind == "str" else -0.5 for kind in kinds])]
    ).splitlines()[1]
    assert "-0.5" in line and "'-0.5" not in line


def table(label: str) -> Table:
    return Table("t", label, (label,), (Row(label, (Cell("0.1"),), False),))


@pytest.mark.parametrize(
    ("label", "markdown", "latex"),
    [
        ("<script>alert(1)</script>", r"\<script>", r"\textless{}script\textgreater{}alert(1)"),
        ("[x](javascript:alert(1))", r"\[x](javascript", "{[}x{]}(javascript"),
        ("![x](http://tracker/p.png)", r"!\[x]", "!{[}x{]}"),
        ("a | b", r"a \| b", r"a \textbar{} b"),
        ("a\n| evil | row |", r"a \| evil", r"a \textbar{} evil"),
        ("`code`", r"\`code\`", "`code`"),
        (
            r"\input{/etc/passwd}",
            r"\\input{/etc/passwd}",
            r"\textbackslash{}input\{/\allowbreak{}etc/\allowbreak{}passwd\}",
        ),
        ("a & b \\\\ c", r"a & b \\\\ c", r"a \& b \textbackslash{}\textbackslash{} c"),
        (
            "100% $x$ #1 a_b ^^41",
            "100% $x$ #1 a_b ^^41",
            r"100\% \$x\$ \#1 a\_\allowbreak{}b \textasciicircum{}\textasciicircum{}41",
        ),
    ],
)
def test_markup_is_shown_and_does_nothing(label, markdown, latex):
    shown, set_in_type = to_markdown(table(label)), to_latex(table(label))
    assert shown.count(markdown) == 3 and set_in_type.count(latex) == 3
    assert len(shown.splitlines()) == len(to_markdown(table("x")).splitlines())
    assert len(set_in_type.splitlines()) == len(to_latex(table("x")).splitlines())
