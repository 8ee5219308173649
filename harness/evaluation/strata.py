"""Stage: which share of each query's words stands in its relevant documents.

A query that shares few words with its answer can be answered by meaning alone; one that shares many is answered by
telling tokens apart. A mean over all queries mixes both. Tables show them apart (`harness.results.strata`).

    share(q) = max over relevant documents d of  |terms(q) and terms(d)| / |terms(q)|

`terms` are the distinct words of the row `bm25` (`sembridge.words`), of title and text together. Of several
relevant documents the one with the largest share counts, not their union: the union grows with their number although
no single document is easier to find, and a query is low only if *none* of its documents can be found by words.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from harness.collections.collection import Collection
from harness.evaluation.own_documents import RULE
from harness.files import headway
from harness.store.artifact import Location
from harness.store.stage import Stage
from sembridge.extras import require
from sembridge.words import terms

FILE = "shares.parquet"


def shares(collection: Collection, documents: Any, language: str, ignore_own: bool = False) -> dict[str, float | None]:
    """Return the share of every query, by its id, in the order of the collection.

    It is None for a query without terms (only punctuation), and for one whose relevant documents the corpus lacks.

    documents   the texts, in the order of `document_ids`; they may stream by
    ignore_own  the document with a query's own id is not ranked for it, and so does not count
    """
    asked = {
        query: set(terms(text, language))
        for query, text in zip(collection.query_ids, collection.query_texts, strict=True)
    }
    relevant_for: dict[str, list[str]] = {}
    for query, judged in collection.qrels.items():
        for document, score in judged.items():
            if score > 0 and asked[query] and not (ignore_own and document == query):
                relevant_for.setdefault(document, []).append(query)
    best: dict[str, float | None] = dict.fromkeys(collection.query_ids)
    with headway.counting("documents", len(collection.document_ids)):
        for document, text in zip(collection.document_ids, documents, strict=True):
            if document in relevant_for:
                answered = set(terms(text, language))
                for query in relevant_for[document]:
                    share = len(asked[query] & answered) / len(asked[query])
                    best[query] = max(best[query] or 0.0, share)
            headway.advance()
    return best


def build(out: Path, parameters: Mapping[str, Any], inputs: Mapping[str, Location]) -> None:
    """Write the share of every query of a collection (null: none).

    parameters: language, ignore_identical_ids. inputs: collection.
    """
    require("grid", "strata")
    import pyarrow as pa
    import pyarrow.parquet as pq

    from harness.collections import beir

    folder = inputs["collection"].path
    collection = beir.load_queries(folder)
    of_query = shares(collection, beir.stream(folder), parameters["language"], bool(parameters.get(RULE)))
    columns = {"query_id": pa.array(of_query, pa.string()), "share": pa.array(of_query.values(), pa.float64())}
    pq.write_table(pa.table(columns), out / FILE)


STRATA = Stage("strata", version=1, seconds=1, build=build, light=True)
