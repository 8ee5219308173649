r"""LaTeX against texts written by hand, and in the column of a paper, measured by LaTeX itself."""

from __future__ import annotations

import re
from dataclasses import replace

import pytest

from harness.results.tables.arrangement import arranged
from harness.results.tables.latex import COLUMN, to_latex
from harness.results.tables.latex_text import label
from harness.results.tables.table import Cell, Row, Table, make_tables
from tests.helpers.latex_compiled import COLUMN as MEASURED_IN
from tests.helpers.latex_compiled import PAPERS, compiled
from tests.helpers.tables_made import MARKED, TABLE, only, table_of

LATEX = r"""% needs \usepackage{booktabs}
\begin{table}
\sloppy
\centering
\caption{pocket-faq, zero-shot, bert: nDCG@10}
\label{tab:pocket-faq_zero-shot_bert}
\small\setlength{\tabcolsep}{4pt}
\begin{tabular}{@{}lrrr}
\toprule
method & ko & ar & mean \\
\midrule
sembridge ($\alpha$=4) & \textbf{0.421} & failed & -- \\
mean & 0.400 & \textbf{0.300} & \textbf{0.350} \\
\midrule
bm25 & 0.500 & 0.500 & 0.500 \\
\bottomrule
\end{tabular}
\par\smallskip{\footnotesize\raggedright Bold: best of its column. Rows for reference stand last and are never the best (bm25: the classic formula of matching words). $\alpha$: the higher, the fewer tokens a new row is mixed from. --: not computed. failed: a cell ended in an error, which cells.csv says.\par}
\end{table}
"""  # noqa: E501


def test_latex():
    assert to_latex(TABLE) == LATEX


def test_a_caption_takes_the_place_of_the_title():
    assert "\\caption{Numbers of 50\\% \\& more.}\n" in to_latex(replace(TABLE, caption="Numbers of 50% & more."))


def test_marks_and_note():
    text = to_latex(MARKED)
    assert "\na & \\textbf{0.421}{\\scriptsize\\,$\\pm$\\,0.010} & \\textbf{0.421} \\\\\n" in text
    assert "\nb & 0.400\\rlap{$^{\\dagger}$} & 0.400 \\\\\n" in text
    assert (
        "raggedright $^{\\dagger}$: not shown to be below the best (p $\\geq$ 0.05) Bold: best of its column. " in text
    )


def test_escaping():
    rows = to_latex(only(r"50% & a_b#{$} \x ~^ <|>"))
    escaped = r"50\% \& a\_\allowbreak{}b\#\{\$\} \textbackslash{}x \textasciitilde{}\textasciicircum{} "
    escaped += r"\textless{}\textbar{}\textgreater{}"
    assert escaped + r" & 0.1 \\" in rows


def test_rows_do_not_become_arguments_of_the_row_before():
    assert "\n{[}a{]} &" in to_latex(only("[a]"))
    assert "\n{*}a &" in to_latex(only("*a"))


def test_only_references_are_not_set_apart_from_nothing():
    assert to_latex(only("bm25", reference=True)).count("\\midrule") == 1


def test_columns_share_a_heading_above_a_rule_of_their_own():
    columns = ("faq, zero-shot", "web, zero-shot", "web, fine-tuned")
    lines = to_latex(table_of(columns, {"a": ["0.1", "0.2", "0.3"]})).splitlines()
    start = lines.index("\\toprule")
    assert lines[start + 1 : start + 5] == [
        r" & faq & \multicolumn{2}{c}{web} \\",
        r"\cmidrule(lr){3-4}",
        r"method & zero-shot & zero-shot & fine-tuned \\",
        r"\midrule",
    ]


def test_letters_that_pdflatex_does_not_know_are_named():
    assert to_latex(only("병원 é α")).splitlines()[1] == "% needs xelatex or lualatex, and a font that has 병원"
    assert "xelatex" not in to_latex(only("é α ± – …"))


def test_labels_are_plain_and_differ():
    assert label("pocket-faq_zero-shot_bert_recall@100") == "pocket-faq_zero-shot_bert_recall@100"
    assert label("a/b%{") == "au2fbu25u7b" and label("한") != label("국")


@pytest.mark.parametrize("seeds", [1, 2])
def test_one_tabular_if_it_fits_and_else_blocks_with_every_column_once(record, seeds):
    [table] = languages(record, ["ko", "zh", "ru", "ar", "hi"], seeds)
    text = to_latex(table)
    assert text.count("\\begin{tabular}") == seeds and "resizebox" not in text
    headers = re.findall(r"^method & (.*) \\\\$", text, re.M)
    assert " & ".join(headers).split(" & ") == ["mean", "ko", "zh", "ru", "ar", "hi"]


def languages(record, names: list[str], seeds: int, **settings: object) -> list[Table]:
    return [
        arranged(table)
        for table in make_tables(
            [
                record(method, language, 0.31 + number / 100 + seed / 50, seed=seed, **settings)
                for number, method in enumerate(("sembridge", "signet", "ofa (bridge vectors)", "multivariate"))
                for language in names
                for seed in range(seeds)
            ]
            + [record("bm25", language, 0.5, seed=seed, reference=True) for language in names for seed in range(seeds)]
        )
    ]


AWKWARD = r"50% & a_b#{$} \x ~^ <|> [*] α=4 ± é"
BRIDGE = "sentence-transformers/paraphrase-multilingual-mpnet-base-v2"
PARTS = [f"a-collection_with_a_long-name, {regime}, {part}" for regime in ("zero-shot", "fine-tuned")
         for part in ("all", "low", "high")]  # fmt: skip


def papers(record) -> dict[str, Table]:
    [five] = languages(record, ["ko", "zh", "ru", "ar", "hi"], 1)
    [seeds] = languages(record, ["ko", "zh", "ru", "ar", "hi"], 2)
    [many] = languages(record, [f"l{number}" for number in range(18)], 3)
    marked = tuple(replace(cell, undecided=not cell.best) for cell in five.rows[0].cells)
    return {
        "five languages": five,
        "two seeds": seeds,
        "many languages": many,
        "marks": replace(five, rows=(replace(five.rows[0], cells=marked), *five.rows[1:])),
        "awkward": replace(only(AWKWARD), columns=(AWKWARD,), caption=AWKWARD, note=AWKWARD, name=AWKWARD),
        "long names": table_of(
            tuple(PARTS), {f"sembridge ({BRIDGE}, α=4)": ["0.123 ± 0.004"] * 6, f"x ({BRIDGE})": ["failed"] * 6},
            caption=f"{BRIDGE} " * 5, note=" ".join(PARTS),
        ),
        "no place to break": table_of(("x" * 90,), {"y" * 90: ["0.1"], "b": ["0.2"]}, caption="z" * 99, note="v" * 99),
        "long column": Table("t", "t", (BRIDGE,), (Row("a", (Cell("12345.6 ± 123.4", 1.0, True),), False),)),
        "points": table_of(tuple(map(str, range(0, 4000, 250))), {"sembridge": ["0.123"] * 16, "mean": ["–"] * 16}),
    }  # fmt: skip


@pytest.mark.slow
@pytest.mark.parametrize("size", PAPERS)
def test_tables_fit_the_column_of_a_paper(record, tmp_path, size):
    assert MEASURED_IN == COLUMN
    texts = {name: to_latex(table) for name, table in papers(record).items()}
    measured = compiled("\n\\clearpage\n".join(texts.values()), tmp_path, size)
    assert measured.complaints == []
    names = [name for name, text in texts.items() for _ in range(text.count("\\begin{tabular}"))]
    widths = list(zip(names, measured.widths, strict=True))
    assert [pair for pair in widths if not COLUMN / 4 < pair[1] <= COLUMN] == []


@pytest.mark.slow
def test_a_table_that_is_too_wide_is_seen(tmp_path):
    """The measuring can fail: at the size of the text, six columns of two seeds are twice as wide as the column."""
    rows = " & ".join(["sembridge", *["0.421 $\\pm$ 0.010"] * 6])
    old = f"\\begin{{table}}\\begin{{tabular}}{{lrrrrrr}}\n{rows} \\\\\n\\end{{tabular}}\\end{{table}}"
    measured = compiled(old, tmp_path)
    assert measured.widths[0] > 2 * COLUMN and any(line.startswith("Overfull") for line in measured.complaints)
