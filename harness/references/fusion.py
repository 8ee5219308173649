"""Stage: a row of the grid fused with bm25 by reciprocal rank fusion, which shows what the two are worth together.

    score(q, d) = sum over the rankings that hold d of  1 / (60 + rank of d)

with ranks from 1 (Cormack, Clarke and Büttcher, SIGIR 2009, who chose 60). Only ranks count: scores of different scales
need no weights. The rankings are the stored ones, the k best documents of each; a document below them counts as absent.
"""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from fractions import Fraction
from pathlib import Path
from typing import TYPE_CHECKING, Any

from harness.store.artifact import Location
from harness.store.stage import Stage

if TYPE_CHECKING:
    from sembridge.search.ranking import Run

CONSTANT = 60
_PREFIX = "rrf-"


def row_name(name: str) -> str:
    """Return what cells of a row fused with bm25 have as their initializer."""
    return f"{_PREFIX}{name}"


def row_label(label: str) -> str:
    """Return the name of that row in tables."""
    return f"rrf(bm25, {label})"


def fuse(runs: Sequence[Run], queries: Sequence[str], k: int) -> Run:
    """Return the k best documents of each query by (score descending, id ascending); scores are floats.

    Scores are compared as fractions: 1/84 + 1/84 equals 1/63 + 1/126, which rounded sums need not.
    """
    by_query: dict[str, dict[str, tuple[int, ...]]] = {}
    for query in queries:
        ranks: dict[str, tuple[int, ...]] = {}
        for run in runs:
            for rank, (document, _) in enumerate(run.get(query, ()), start=1):
                ranks[document] = (*ranks.get(document, ()), rank)
        by_query[query] = ranks
    sums = {
        ranks: sum((Fraction(1, CONSTANT + rank) for rank in ranks), Fraction())
        for ranks in {ranks for own in by_query.values() for ranks in own.values()}
    }
    order = {score: place for place, score in enumerate(sorted(set(sums.values()), reverse=True))}
    places = {ranks: order[score] for ranks, score in sums.items()}
    scores = {ranks: float(score) for ranks, score in sums.items()}
    return {
        query: [
            (document, scores[own[document]])
            for document in sorted(own, key=lambda name: (places[own[name]], name))[:k]
        ]
        for query, own in by_query.items()
    }


def build(out: Path, parameters: Mapping[str, Any], inputs: Mapping[str, Location]) -> None:
    """Fuse two stored runs and write the run and its scores.

    parameters: k, constant, ignore_identical_ids (of both runs). inputs: bm25, row (artifacts with a run), collection.
    """
    from harness.collections import beir
    from harness.evaluation import trec
    from harness.evaluation.measurement import RUN, write

    start = time.perf_counter()
    assert parameters["constant"] == CONSTANT
    collection = beir.load_queries(inputs["collection"].path)
    runs = [trec.read(inputs[name].path / RUN) for name in ("bm25", "row")]
    run = fuse(runs, collection.query_ids, parameters["k"])
    about = {"label": "rrf", "constant": CONSTANT}
    write(out, run, collection, {}, time.perf_counter() - start, about, parameters, {}, [])


FUSION = Stage("fusion", version=1, seconds=1, build=build, shared=False)
