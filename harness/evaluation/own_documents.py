"""Leave the document that has a query's own id out of that query's ranking, where the collection says so.

In ArguAna every query is itself a document of the corpus, and nearly always the best match of itself. BEIR and mteb
call the rule `ignore_identical_ids`: the search keeps one document more, and the query's own one is dropped.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from sembridge.search.ranking import Run

RULE = "ignore_identical_ids"
"""Parameter of a stage that evaluates; it is present, and true, only where the collection sets it."""


def searched(parameters: Mapping[str, Any]) -> int:
    """Return how many documents a search keeps for each query: k, one more if one of them may be dropped."""
    return parameters["k"] + bool(parameters.get(RULE))


def ranked(run: Run, parameters: Mapping[str, Any]) -> Run:
    """Return the run without own documents, cut to k, under the rule; else the run as it is. parameters: k, RULE."""
    if not parameters.get(RULE):
        return run
    return {
        query: [(document, score) for document, score in ranking if document != query][: parameters["k"]]
        for query, ranking in run.items()
    }
