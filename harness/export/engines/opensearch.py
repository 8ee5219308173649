"""OpenSearch: the same documents for a rank_features field, and for an approximate sparse_vector field."""

from __future__ import annotations

import math
from functools import partial
from pathlib import Path
from typing import Any

from scipy import sparse

from harness.export.engine import Holding
from harness.export.engines.bulk import FIELD, Bulk, mapping
from harness.export.weights import FOLD, byte, folded, nine_bits
from harness.files.atomic import write_json


class OpenSearch(Bulk):
    """rank_features keeps 9 significant bits; sparse_vector a byte below a ceiling, and 15 bits of an id."""

    name = "opensearch"
    title = "OpenSearch"
    version = "2.11 or newer; sparse_vector 3.3 or newer"

    def body(self, features: dict[str, float]) -> dict[str, Any]:
        """Return the body of a search."""
        return {"size": 10, "_source": False, "query": {"neural_sparse": {FIELD: {"query_tokens": features}}}}

    def features(self, body: dict[str, Any]) -> dict[str, float]:
        """Return the features that `body` has put into a search."""
        features: dict[str, float] = body["query"]["neural_sparse"][FIELD]["query_tokens"]
        return features

    def finish(self, folder: Path) -> None:
        """Write the bodies that create an index of either kind."""
        exact = mapping(self.facts.texts, {"type": "rank_features"})
        write_json(folder / "index.json", {"mappings": exact})
        ceilings = {"quantization_ceiling_ingest": self._ceiling(), "quantization_ceiling_search": self._asked()}
        field = {"type": "sparse_vector", "method": {"name": "seismic", "parameters": ceilings}}
        settings = {"index": {"sparse": True}}
        write_json(folder / "index-ann.json", {"settings": settings, "mappings": mapping(self.facts.texts, field)})

    def holdings(self) -> dict[str, Holding]:
        """Return 9 significant bits for rank_features, and bytes for sparse_vector."""
        return {
            "rank_features": Holding(documents=nine_bits),
            "sparse_vector": Holding(partial(_bytes, ceiling=self._ceiling()), partial(_bytes, ceiling=self._asked())),
        }

    def warnings(self) -> list[str]:
        """Return the limits of Lucene, and ids that a sparse_vector field cannot tell apart."""
        dimensions = self.facts.dimensions
        if dimensions <= FOLD:
            return super().warnings()
        return [
            *super().warnings(),
            f"the vocabulary has {dimensions:,} tokens: a sparse_vector field keeps ids modulo {FOLD:,}, so that "
            "tokens meet in one; index.json (rank_features) has no such limit",
        ]

    def load(self) -> str:
        """Return how the index is made and filled."""
        ceiling = f"{self._ceiling()} for documents and {self._asked()} for queries"
        known = "" if self.facts.queries else " No queries were given, so the latter is a guess: give --queries."
        return super().load() + (
            "\n`index.json` is a `rank_features` field, searched exactly. For millions of documents take "
            "`index-ann.json` instead, from 3.3 on: a `sparse_vector` field with an approximate search, which begins "
            "in segments of a million documents (`approximate_threshold`); smaller ones are searched exactly. It keeps "
            f"a byte for each weight, of 0 to a ceiling: {ceiling}, the largest weights there are. The defaults, 3 "
            f"and 16, would waste most of the byte or cut weights off.{known}\n"
        )

    def request(self) -> str:
        """Return Python that makes the body of a search."""
        return (
            "def request(vector):\n"
            "    tokens = {str(dimension): weight for dimension, weight in vector.items()}\n"
            f'    query = {{"neural_sparse": {{"{FIELD}": {{"query_tokens": tokens}}}}}}\n'
            '    return {"size": 10, "_source": False, "query": query}\n'
        )

    def search(self) -> str:
        """Return how queries are sent, and what an approximate search takes more."""
        return super().search() + (
            "\nOn a `sparse_vector` field add `method_parameters` beside `query_tokens`: "
            '`{"k": 10, "top_n": 1000, "heap_factor": 1.0}`. `top_n` is how many tokens of the query count, 10 by '
            "default, which is few for a query of hundreds; measure before you lower it.\n"
        )

    def _ceiling(self) -> float:
        return _ceiling(self.facts.documents.largest)

    def _asked(self) -> float:
        queries = self.facts.queries
        return _ceiling(queries.largest) if queries is not None and queries.largest else self._ceiling()


def _bytes(matrix: sparse.csr_array, ceiling: float) -> sparse.csr_array:
    return folded(byte(matrix, ceiling))


def _ceiling(largest: float) -> float:
    """Return the largest weight, rounded up to three digits after the point; above 0 in an export without weights."""
    return math.ceil(largest * 1000) / 1000 if largest else 1.0
