"""Name the measures that tables can show: scores of the retrieval, and what the vectors cost."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from sembridge.nearest import nearest

MAIN = "ndcg@10"


@dataclass(frozen=True)
class Measure:
    """Hold how tables show a measure.

    name    in titles
    range   of values, and which are good
    texts   what a number is the mean over
    digits  after the point
    score   the higher the better, so the best of a column is marked; else a cost, and nothing is
    """

    name: str
    range: str
    texts: str = "queries"
    digits: int = 3
    score: bool = True


KNOWN = {
    MAIN: Measure("nDCG@10", "0 to 1, higher is better"),
    "recall@100": Measure("Recall@100", "0 to 1, higher is better"),
    "mrr@10": Measure("MRR@10", "0 to 1, higher is better"),
    "query_active": Measure(
        "active dimensions of a query", "from 0, fewer make search faster", digits=1, score=False
    ),
    "doc_active": Measure(
        "active dimensions of a document", "from 0, fewer make the index smaller", "documents", digits=1, score=False
    ),
    "flops": Measure(
        "FLOPS", "products to compute for a query and a document; from 0, fewer make search faster",
        "pairs of a query and a document", digits=2, score=False,
    ),
}  # fmt: skip
"""By the name of the column in cells.csv."""

ACTIVE = "active"  # both numbers of active dimensions
NAMES = (MAIN, "recall@100", "mrr@10", ACTIVE, "query_active", "doc_active", "flops")


def check_measure(name: str) -> str:
    """Return the name; ValueError with the nearest one if it is unknown."""
    if name not in NAMES:
        raise ValueError(f"unknown measure {name!r}: {nearest(name.lower(), NAMES)}")
    return name


def further(names: Iterable[str]) -> list[str]:
    """Return the columns that `names` ask for beside the main measure, each once, in the order of `KNOWN`."""
    asked = {column for name in names for column in (("query_active", "doc_active") if name == ACTIVE else (name,))}
    return [column for column in KNOWN if column in asked and column != MAIN]


def suffix(measure: str) -> str:
    """Return what the names of a measure's tables and files end with; nothing for the main measure."""
    return "" if measure == MAIN else f"_{measure}"
