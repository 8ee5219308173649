"""Explain the marks, abbreviations and rows that occur in tables, and no others."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from functools import cache

from harness.results.strata import FEW_WORDS, HIGH, LOW, MANY_WORDS
from harness.results.tables.captions import REGIMES
from harness.results.tables.table import DEVIATION, FAILED, MISSING, Cell, Table
from sembridge.options import AUTO

BOLD, STAR = "Bold", "*"
_REFERENCES = {
    "base": "the source encoder with its own tokenizer",
    "bm25": "the classic formula of matching words",
    "dense": "the bridge itself as a dense retriever",
}


def legend(tables: Sequence[Table], best: str) -> str:
    """Return a sentence for everything in these tables that needs one; "" if nothing does.

    best  how the form marks the best of a column: `BOLD` or `STAR`
    """
    return " ".join(f"{sentence}." for sentence in _sentences(tables, best))


def _sentences(tables: Sequence[Table], best: str) -> Iterable[str]:
    competing = [cell for table in tables for row in table.competitors for cell in row.cells]
    cells = [*competing, *(cell for table in tables for row in table.references for cell in row.cells)]
    words = {word for table in tables for column in table.columns for word in column.replace(",", "").split()}
    if any(cell.best for cell in competing):
        yield f"{best}: best of its column"
    if references := list(dict.fromkeys(row.label for table in tables for row in table.references)):
        kinds = dict.fromkeys(label.partition(" (")[0] for label in references)  # "dense (bge-m3)"
        explained = "; ".join(f"{kind}: {_REFERENCES[kind]}" for kind in kinds if kind in _REFERENCES)
        apart = "Rows for reference stand last and are never the best" if len(competing) else "All rows are references"
        yield f"{apart}{f' ({explained})' if explained else ''}"
    labels = [row.label for table in tables for row in table.rows]
    if any("α=" in label for label in labels):
        chosen = "; auto: the method chooses it" if any(f"α={AUTO}" in label for label in labels) else ""
        yield f"α: the higher, the fewer tokens a new row is mixed from{chosen}"
    if any(DEVIATION in cell.text for cell in cells):
        yield "±: sample standard deviation over seeds, where the seed changes something"
    if _occurs(MISSING, cells):
        yield f"{MISSING}: not computed"
    if _occurs(FAILED, cells):
        yield f"{FAILED}: a cell ended in an error, which cells.csv says"
    if regimes := [f"{name}: {meaning}" for name, meaning in REGIMES.items() if name in words]:
        yield "; ".join(regimes)
    if strata := [f"{name}: {text}" for name, text in ((LOW, FEW_WORDS), (HIGH, MANY_WORDS)) if name in words]:
        yield "; ".join(strata)
    codes = dict.fromkeys(language for table in tables for language in table.languages)
    names = _language_names() if codes else {}
    if known := [f"{code}: {names[code]}" for code in codes if code in names]:
        yield "; ".join(known)


def _occurs(text: str, cells: Iterable[Cell]) -> bool:
    return any(cell.text == text for cell in cells)


@cache
def _language_names() -> dict[str, str]:
    from harness.catalog.catalog import load_catalog

    return {code: language.name for code, language in load_catalog().languages.items()}
