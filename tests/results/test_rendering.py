"""Renderings against texts written by hand."""

from __future__ import annotations

import csv
import io
from dataclasses import replace

from harness.results.rendering import to_csv, to_latex, to_markdown, to_text
from harness.results.tables import Cell, Row, Table, make_tables

TABLE = Table(
    name="pocket-faq_zero-shot_bert",
    title="pocket-faq, zero-shot, bert: nDCG@10",
    columns=("ko", "ar", "mean"),
    rows=(
        Row("sembridge (α=4)", (Cell("0.421", 0.421, True), Cell("failed"), Cell("–")), False),
        Row("mean", (Cell("0.400", 0.4), Cell("0.300", 0.3, True), Cell("0.350", 0.35, True)), False),
        Row("bm25", (Cell("0.500", 0.5), Cell("0.500", 0.5), Cell("0.500", 0.5)), True),
    ),
)

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

LATEX = r"""% needs \usepackage{booktabs}
\begin{table}
\centering
\caption{pocket-faq, zero-shot, bert: nDCG@10}
\begin{tabular}{lrrr}
\toprule
method & ko & ar & mean \\
\midrule
sembridge ($\alpha$=4) & \textbf{0.421} & failed & -- \\
mean & 0.400 & \textbf{0.300} & \textbf{0.350} \\
\midrule
bm25 & 0.500 & 0.500 & 0.500 \\
\bottomrule
\end{tabular}
\end{table}
"""

TEXT = """\
pocket-faq, zero-shot, bert: nDCG@10
method              ko       ar    mean
---------------------------------------
sembridge (α=4)  0.421*  failed       –
mean             0.400    0.300*  0.350*
---------------------------------------
bm25             0.500    0.500   0.500
"""


def only(label: str, *cells: Cell, reference: bool = False) -> Table:
    return Table("t", "t", ("ko",), (Row(label, cells or (Cell("0.1", 0.1),), reference),))


def test_markdown():
    assert to_markdown(TABLE) == MARKDOWN


def test_csv():
    assert to_csv(TABLE) == CSV


def test_latex():
    assert to_latex(TABLE) == LATEX


def test_text():
    assert to_text(TABLE) == TEXT


MARKED = Table(
    name="t",
    title="t",
    columns=("ko", "mean"),
    rows=(
        Row("a", (Cell("0.421 ± 0.010", 0.421, True), Cell("0.421", 0.421, True)), False),
        Row("b", (Cell("0.400", 0.4, undecided=True), Cell("0.400", 0.4)), False),
    ),
    note="†: not shown to be below the best (p ≥ 0.05)",
)


def test_marks_and_note():
    assert to_markdown(MARKED) == (
        "## t\n\n| method | ko | mean |\n| :--- | ---: | ---: |\n"
        "| a | **0.421 ± 0.010** | **0.421** |\n| b | 0.400† | 0.400 |\n"
        "\n†: not shown to be below the best (p ≥ 0.05)\n"
    )
    assert to_text(MARKED) == (
        "t\nmethod             ko    mean\n-----------------------------\n"
        "a       0.421 ± 0.010*  0.421*\nb               0.400†  0.400\n"
        "†: not shown to be below the best (p ≥ 0.05)\n"
    )
    assert to_csv(MARKED) == "method,reference,ko,mean\na,no,0.421 ± 0.010,0.421\nb,no,0.400,0.400\n"
    lines = to_latex(MARKED).splitlines()
    assert "b & 0.400\\rlap{$^{\\dagger}$} & 0.400 \\\\" in lines
    assert lines[-3:] == [
        "",
        r"\smallskip\footnotesize $^{\dagger}$: not shown to be below the best (p $\geq$ 0.05)",
        r"\end{table}",
    ]


def test_a_long_note_fits_the_terminal():
    text = to_text(replace(MARKED, note="word " * 60))
    assert max(map(len, text.splitlines())) <= 100 and text.count("word") == 60 and text.endswith("word\n")


def test_markdown_heading_and_escaping():
    text = to_markdown(only("a|b *c*"), heading="#")
    assert text.startswith("# t\n")
    assert r"| a\|b \*c\* | 0.1 |" in text


def test_csv_quotes():
    [_, row] = csv.reader(io.StringIO(to_csv(only('a, "b"'))))
    assert row == ['a, "b"', "no", "0.1"]


def test_latex_escaping():
    rows = to_latex(only(r"50% & a_b#{$} \x ~^ <|>"))
    escaped = r"50\% \& a\_b\#\{\$\} \textbackslash{}x \textasciitilde{}\textasciicircum{} "
    escaped += r"\textless{}\textbar{}\textgreater{}"
    assert escaped + r" & 0.1 \\" in rows


def test_latex_rows_do_not_become_arguments_of_the_row_before():
    assert "\n{[}a{]} &" in to_latex(only("[a]"))
    assert "\n{*}a &" in to_latex(only("*a"))


def test_latex_deviation():
    assert r"\textbf{0.421 $\pm$ 0.010}" in to_latex(only("a", Cell("0.421 ± 0.010", 0.421, True)))


def test_only_references_are_not_set_apart_from_nothing():
    table = only("bm25", reference=True)
    assert to_latex(table).count("\\midrule") == 1
    assert "for reference" not in to_markdown(table)
    assert to_text(table) == "t\nmethod   ko\n-----------\nbm25    0.1\n"


def test_text_fits_the_terminal_and_loses_nothing(record):
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
    text = to_text(table)
    assert max(map(len, text.splitlines())) <= 100
    assert text.count("method ") > 1
    for name in table.columns:
        assert sum(name in line.split() for line in text.splitlines() if line.startswith("method")) == 1
    assert text.count("0.005 ± 0.000") == 2
    assert "goes on and on" in text and "0.700*" in text


def test_text_with_a_column_wider_than_the_terminal_still_prints_it():
    text = to_text(only("a", Cell("x" * 200)), width=40)
    assert "x" * 200 in text


def test_the_mark_of_rows_below_bm25_stands_before_the_number():
    a, b = Cell("0.421", 0.421, True, below=True), Cell("0.300", 0.3, undecided=True, below=True)
    table = Table("t", "t", ("ko",), (Row("a", (a,), False), Row("b", (b,), False)), note="↓: below")
    assert to_text(table) == ("t\nmethod      ko\n--------------\na       ↓0.421*\nb       ↓0.300†\n↓: below\n")
    assert "| a | ↓**0.421** |\n| b | ↓0.300† |" in to_markdown(table)
    assert to_csv(table) == "method,reference,ko\na,no,0.421\nb,no,0.300\n"
    latex = to_latex(table)
    assert r"a & \llap{$\downarrow$}\textbf{0.421} \\" in latex
    assert r"b & \llap{$\downarrow$}0.300\rlap{$^{\dagger}$} \\" in latex
    assert r"\footnotesize $\downarrow$: below" in latex
