"""Measure a run query by query: nDCG@10, recall@100, MRR@10.

The definitions are trec_eval's (ndcg_cut with linear gain, recall) and MS MARCO's (reciprocal rank with a cutoff). Two
rules on which tools disagree are fixed here: the order is the run's own (ties are already broken, scores are ignored),
and every query with at least one relevant document counts, with 0 if it retrieved nothing. A document judged 0 or less
is not relevant.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from functools import partial

from sembridge.search.ranking import Run

Measure = Callable[[Sequence[int], Sequence[int]], float]
"""(gains of the ranked documents, best first; gains of all relevant documents, highest first) -> value in [0, 1]."""


def ndcg(ranked: Sequence[int], ideal: Sequence[int], cutoff: int) -> float:
    """Return DCG / ideal DCG; gain = judgement, discount = log2(1 + rank) (Järvelin and Kekäläinen 2002)."""
    return _dcg(ranked[:cutoff]) / _dcg(ideal[:cutoff])


def recall(ranked: Sequence[int], ideal: Sequence[int], cutoff: int) -> float:
    """Return the fraction of the relevant documents that is among the first `cutoff`."""
    return sum(gain > 0 for gain in ranked[:cutoff]) / len(ideal)


def mrr(ranked: Sequence[int], ideal: Sequence[int], cutoff: int) -> float:
    """Return one over the rank of the first relevant document, 0 if none is among the first `cutoff`."""
    return next((1 / rank for rank, gain in enumerate(ranked[:cutoff], start=1) if gain > 0), 0.0)


MEASURES: Mapping[str, Measure] = {
    "ndcg@10": partial(ndcg, cutoff=10),
    "recall@100": partial(recall, cutoff=100),
    "mrr@10": partial(mrr, cutoff=10),
}


def evaluate(
    run: Run, qrels: Mapping[str, Mapping[str, int]], measures: Mapping[str, Measure] = MEASURES
) -> dict[str, dict[str, float]]:
    """Return measure -> query -> value, for the queries with a relevant document, in the order of the qrels.

    Ignore queries of the run without judgements. Raises ValueError if the run lists a document twice for a query.
    """
    values: dict[str, dict[str, float]] = {name: {} for name in measures}
    for query, judged in qrels.items():
        ideal = sorted((gain for gain in judged.values() if gain > 0), reverse=True)
        if not ideal:
            continue
        documents = [document for document, _ in run.get(query, ())]
        if len(set(documents)) < len(documents):
            raise ValueError(f"query {query!r}: the run lists a document twice")
        ranked = [max(0, judged.get(document, 0)) for document in documents]
        for name, measure in measures.items():
            values[name][query] = measure(ranked, ideal)
    return values


def means(values: Mapping[str, Mapping[str, float]]) -> dict[str, float]:
    """Return the mean of every measure; math.fsum sums exactly, so the order of the queries does not matter.

    Raises ValueError without queries: if no document is judged relevant, there is nothing to measure, not a score of 0.
    """
    for name, by_query in values.items():
        if not by_query:
            raise ValueError(f"{name}: no query has a relevant document")
    return {name: math.fsum(by_query.values()) / len(by_query) for name, by_query in values.items()}


def _dcg(gains: Sequence[int]) -> float:
    return math.fsum(gain / math.log2(rank + 1) for rank, gain in enumerate(gains, start=1))
