"""Split the queries of a cell by the words that they share with their relevant documents: low, middle, high.

The shares are those of `harness.evaluation.strata`; they are the same for all cells of a collection and language.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import NamedTuple

from harness.evaluation.strata import FILE
from sembridge.extras import require

LOW, MIDDLE, HIGH = STRATA = ("low", "middle", "high")
SHOWN = (LOW, HIGH)  # in tables
FEWEST = 5  # queries of a stratum that tables show a score of
FEW_WORDS = "queries that share less than a third of their words with every relevant document, so meaning decides"
MANY_WORDS = "queries that share two thirds or more of their words with a relevant document, so shared words help"

Shares = Mapping[str, float | None]
"""By query: the share of its words that stands in a relevant document; None if it has no stratum."""


class Stratum(NamedTuple):
    """Hold the number of a cell's queries in a stratum, and the mean of their scores (NaN without queries)."""

    queries: int
    score: float


def stratum_of(share: float | None) -> str | None:
    """Return the third that a share falls into; None for a query without words."""
    if share is None:
        return None
    return LOW if share < 1 / 3 else MIDDLE if share < 2 / 3 else HIGH


def load(folder: Path) -> Shares:
    """Return the shares in an artifact of the stage `strata`."""
    require("grid", "strata")
    import pyarrow.parquet as pq

    with pq.ParquetFile(folder / FILE) as file:
        columns = file.read(["query_id", "share"]).to_pydict()
    return dict(zip(columns["query_id"], columns["share"], strict=True))


def split(queries: Iterable[str], scores: Iterable[float], shares: Shares) -> dict[str, Stratum]:
    """Return the strata of a cell, all three of them, from the score of each query.

    math.fsum sums exactly, so the order of the queries does not matter.
    """
    values: dict[str, list[float]] = {stratum: [] for stratum in STRATA}
    for query, score in zip(queries, scores, strict=True):
        if (stratum := stratum_of(shares.get(query))) is not None:
            values[stratum].append(score)
    return {
        stratum: Stratum(len(own), math.fsum(own) / len(own) if own else math.nan) for stratum, own in values.items()
    }


def members(queries: Sequence[str], shares: Shares, stratum: str) -> list[int]:
    """Return the places of the queries of a stratum."""
    return [place for place, query in enumerate(queries) if stratum_of(shares.get(query)) == stratum]
