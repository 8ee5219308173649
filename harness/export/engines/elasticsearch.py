"""Elasticsearch: a field of type sparse_vector, whose pruning of queries is turned off."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from harness.export.engine import Holding
from harness.export.engines.bulk import FIELD, Bulk, mapping
from harness.export.weights import nine_bits
from harness.files.atomic import write_json


class Elasticsearch(Bulk):
    """A sparse_vector field keeps 9 significant bits of a document's weight, and a query's weight as it is."""

    name = "elasticsearch"
    title = "Elasticsearch"
    version = "8.19, or 9.1 and newer"

    def body(self, features: dict[str, float]) -> dict[str, Any]:
        """Return the body of a search, without pruning."""
        query = {"field": FIELD, "query_vector": features, "prune": False}
        return {"size": 10, "_source": False, "query": {"sparse_vector": query}}

    def features(self, body: dict[str, Any]) -> dict[str, float]:
        """Return the features that `body` has put into a search."""
        features: dict[str, float] = body["query"]["sparse_vector"]["query_vector"]
        return features

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
