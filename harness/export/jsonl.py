"""Plain lines of JSON: what no other format loses, for a program of your own."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from typing import ClassVar

from harness.export.documents import Document
from harness.export.engine import Engine, Pair
from harness.export.weights import shortest


class Jsonl(Engine):
    """One document or query a line: {"id": ..., "text": ..., "vector": {"17": 0.4}}."""

    name: ClassVar = "jsonl"
    title: ClassVar = "JSON lines"
    version: ClassVar = "1"
    exact: ClassVar = True

    def document(self, document: Document) -> str:
        """Return a line."""
        return line({"id": document.id, "text": document.text}, document)

    def query(self, query: Document) -> str:
        """Return a line."""
        return self.document(query)

    def read_documents(self, lines: Iterable[str]) -> Iterator[tuple[str, Pair]]:
        """Yield (id, (dimensions, weights))."""
        for content in map(json.loads, lines):
            yield content["id"], pair(content["vector"])

    def read_queries(self, lines: Iterable[str]) -> Iterator[Pair]:
        """Yield (dimensions, weights)."""
        return (vector for _, vector in self.read_documents(lines))

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


def line(head: dict[str, str | None], document: Document, key: str = "vector") -> str:
    """Return a line of JSON: `head` without None, and the vector under `key`."""
    return f"{_open(head)}{json.dumps(key)}: {vector(document)}}}\n"


def vector(document: Document) -> str:
    """Return {"17": 0.4, ...} as JSON, the weights with the digits that give back the same float32."""
    pairs = zip(document.dimensions.tolist(), shortest(document.weights), strict=True)
    return "{" + ", ".join(f'"{dimension}": {weight}' for dimension, weight in pairs) + "}"


def pair(content: dict[str, float]) -> Pair:
    """Return the dimensions and weights of such an object."""
    return [int(dimension) for dimension in content], list(content.values())


def _open(head: dict[str, str | None]) -> str:
    known = {name: value for name, value in head.items() if value is not None}
    text = json.dumps(known, ensure_ascii=False)
    return text[:-1] + ", " if known else "{"
