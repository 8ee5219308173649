"""Tables written by hand, for the renderings."""

from __future__ import annotations

from harness.results.tables.table import Cell, Row, Table

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


def only(label: str, *cells: Cell, reference: bool = False) -> Table:
    """Return a table of one row and one column."""
    return Table("t", "t", ("ko",), (Row(label, cells or (Cell("0.1", 0.1),), reference),))


def table_of(columns: tuple[str, ...], rows: dict[str, list[str]], **parts: object) -> Table:
    """Return a table of competitors with these texts in their cells, the first row best everywhere."""
    made = [
        Row(label, tuple(Cell(text, 0.5, best=number == 0) for text in texts), False)
        for number, (label, texts) in enumerate(rows.items())
    ]
    return Table("t", "t", columns, tuple(made), **parts)  # type: ignore[arg-type]
