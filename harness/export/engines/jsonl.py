"""Plain lines of JSON: what no other format loses, for a program of your own."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from harness.export.documents import Document
from harness.export.engine import Engine, Pair
from harness.export.engines.json_text import ending_in, records, vector


class Jsonl(Engine):
    """One document or query a line: {"id": ..., "text": ..., "vector": {"17": 0.4}}."""

    name = "jsonl"
    title = "JSON lines"
    version = "1"

    def document(self, document: Document) -> str:
        """Return a line."""
        return ending_in(document.named("id"), "vector", vector(document)) + "\n"

    def query(self, query: Document) -> str:
        """Return a line."""
        return self.document(query)

    def read_documents(self, lines: Iterable[str]) -> Iterator[tuple[str, Pair]]:
        """Yield (id, (dimensions, weights))."""
        return records(lines, "id", "vector")

    def load(self) -> str:
        """Return how the lines are read."""
        return (
            "Every line of `documents.jsonl` is a document; the keys of `vector` are dimensions, and `vocab.json` says "
            "which token each stands for. Weights are float32, written with the digits that give it back.\n\n"
            "```python\n"
            "import json\n\n"
            'with open("documents.jsonl", encoding="utf-8") as file:\n'
            "    for line in file:\n"
            "        document = json.loads(line)\n"
            "```\n"
        )

    def request(self) -> str:
        """Return Python that makes the `vector` of a line."""
        return "def request(vector):\n    return {str(dimension): weight for dimension, weight in vector.items()}\n"

    def search(self) -> str:
        """Return how a score is computed."""
        return (
            "The score of a document is the sum, over the dimensions that it shares with the query, of the products of "
            "the two weights. Documents without a common dimension are not retrieved.\n"
        )
