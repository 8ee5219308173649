"""Elasticsearch: a field of type sparse_vector, whose pruning of queries is turned off."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any, ClassVar

from harness.export.bulk import FIELD, Bulk, mapping, pairs
from harness.export.engine import Holding, Pair
from harness.export.jsonl import pair
from harness.export.weights import nine_bits
from harness.files.atomic import write_json


class Elasticsearch(Bulk):
    """A sparse_vector field keeps 9 significant bits of a document's weight, and a query's weight as it is."""

    name: ClassVar = "elasticsearch"
    title: ClassVar = "Elasticsearch"
    version: ClassVar = "8.19, or 9.1 and newer"
    exact: ClassVar = False

    def body(self, features: dict[str, float]) -> dict[str, Any]:
        """Return the body of a search, without pruning."""
        query = {"field": FIELD, "query_vector": features, "prune": False}
        return {"size": 10, "_source": False, "query": {"sparse_vector": query}}

    def read_queries(self, lines: Iterable[str]) -> Iterator[Pair]:
        """Yield (dimensions, weights)."""
        for _, content in pairs(lines):
            yield pair(json.loads(content)["query"]["sparse_vector"]["query_vector"])

    def finish(self, folder: Path) -> None:
        """Write the body that creates the index. New indices prune queries unless `prune` is false."""
        field = {"type": "sparse_vector", "index_options": {"prune": False}}
        write_json(folder / "index.json", {"mappings": mapping(self.facts.texts, field)})

    def holdings(self) -> dict[str, Holding]:
        """Return 9 significant bits for documents."""
        return {"sparse_vector": Holding(documents=nine_bits)}

    def load(self) -> str:
        """Return how the index is made and filled."""
        return super().load() + (
            "\nLeave `prune` as it is, here and in queries: by default Elasticsearch drops the light and frequent "
            "tokens of a query; for a Korean encoder of ours that replaced 13 of 100 documents among the best ten. Do "
            "not use `rank_feature` with its default, `saturation`: it bends the weights. Versions without "
            "`index_options` (before 8.19 and 9.1) do not prune: take the line out of `index.json`.\n\n"
            "Encode outside of Elasticsearch, as below. A model imported with `eland` for text embedding or "
            "`text_expansion` is read at one position, not as the maximum over all positions that this encoder "
            "needs: its vectors are other ones, and nothing warns you.\n"
        )

    def request(self) -> str:
        """Return Python that makes the body of a search."""
        return (
            "def request(vector):\n"
            "    features = {str(dimension): weight for dimension, weight in vector.items()}\n"
            f'    query = {{"field": "{FIELD}", "query_vector": features, "prune": False}}\n'
            '    return {"size": 10, "_source": False, "query": {"sparse_vector": query}}\n'
        )
