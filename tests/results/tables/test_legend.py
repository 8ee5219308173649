"""A legend explains what occurs, each thing once, and nothing else."""

from __future__ import annotations

from dataclasses import replace

import pytest

from harness.results.tables.legend import BOLD, STAR, legend
from harness.results.tables.table import Cell, Row, Table

PLAIN = Table("t", "t", ("x",), (Row("a", (Cell("0.1", 0.1),), False),))


def with_row(label: str, cell: Cell, reference: bool = False) -> Table:
    return replace(PLAIN, rows=(*PLAIN.rows, Row(label, (cell,), reference)))


def test_a_plain_table_needs_none():
    assert legend([PLAIN], BOLD) == "" == legend([], STAR)


@pytest.mark.parametrize(
    ("table", "sentence"),
    [
        (with_row("b", Cell("0.2", 0.2, best=True)), "Bold: best of its column."),
        (with_row("b", Cell("0.2 ± 0.1", 0.2)), "±: sample standard deviation over seeds, where the seed changes some"),
        (with_row("b", Cell("–")), "–: not computed."),
        (with_row("b", Cell("failed")), "failed: a cell ended in an error, which cells.csv says."),
        (with_row("a (α=4)", Cell("0.2", 0.2)), "α: the higher, the fewer tokens a new row is mixed from."),
        (with_row("a (α=auto)", Cell("0.2", 0.2)),
         "α: the higher, the fewer tokens a new row is mixed from; auto: the method chooses it."),
        (with_row("bm25", Cell("0.2"), True),
         "Rows for reference stand last and are never the best (bm25: the classic formula of matching words)."),
        (with_row("dense (e5)", Cell("0.2"), True),
         "Rows for reference stand last and are never the best (dense: the bridge itself as a dense retriever)."),
        (with_row("milco", Cell("0.2"), True), "Rows for reference stand last and are never the best."),
        (replace(PLAIN, columns=("c, zero-shot",)), "zero-shot: as initialized."),
        (replace(PLAIN, columns=("c, fine-tuned, all low",)), "fine-tuned: after training. low: queries that share le"),
        (replace(PLAIN, columns=("ko, high",)), "high: queries that share two thirds or more of their words with a"),
        (replace(PLAIN, languages=("ko", "xx", "zh")), "ko: Korean; zh: Chinese."),
    ],
)  # fmt: skip
def test_what_occurs_is_explained_and_nothing_else(table, sentence):
    text = legend([table], BOLD)
    assert text.startswith(sentence)
    if sentence.endswith("."):
        assert text == sentence


def test_what_occurs_in_several_tables_is_explained_once():
    star = with_row("b", Cell("0.2", 0.2, best=True))
    assert legend([star, PLAIN, star], STAR) == "*: best of its column."
