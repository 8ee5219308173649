"""Qdrant: request bodies of its REST interface. Its search is exact, and keeps the weights as they are."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

from harness.export.documents import Document
from harness.export.engine import Engine, Frame, Pair
from harness.export.engines.json_text import ending_in
from harness.export.page import sending
from harness.export.weights import shortest
from harness.files.atomic import write_json

VECTOR = "splade"
"""Name of the vector in a collection."""


class Qdrant(Engine):
    """Bodies of PUT .../points; the ids of documents are in the payload, as points have numbers or UUIDs."""

    name = "qdrant"
    title = "Qdrant"
    version = "1.10 or newer"
    files = "documents-{part}.json"
    requests = "queries.json"
    frame = Frame('{"points": [\n', ",\n", "\n]}\n")
    request_frame = Frame('{"searches": [\n', ",\n", "\n]}\n")

    def document(self, document: Document) -> str:
        """Return a point; its id is the document's position."""
        head = {"id": document.position, "payload": document.named("doc_id")}
        return ending_in(head, "vector", f'{{"{VECTOR}": {_sparse(document)}}}')

    def query(self, query: Document) -> str:
        """Return one search of a batch."""
        return f'{{"query": {_sparse(query)}, "using": "{VECTOR}", "limit": 10, "with_payload": ["doc_id"]}}'

    def read_documents(self, lines: Iterable[str]) -> Iterator[tuple[str, Pair]]:
        """Yield (id, (dimensions, weights))."""
        for point in _objects(lines):
            yield point["payload"]["doc_id"], _pair(point["vector"][VECTOR])

    def read_queries(self, lines: Iterable[str]) -> Iterator[Pair]:
        """Yield (dimensions, weights)."""
        return (_pair(search["query"]) for search in _objects(lines))

    def finish(self, folder: Path) -> None:
        """Write the body that creates the collection: sparse vectors only, and no weighting of Qdrant's own."""
        write_json(folder / "collection.json", {"vectors": {}, "sparse_vectors": {VECTOR: {}}})

    def load(self) -> str:
        """Return how the collection is made and filled."""
        return (
            "```sh\n"
            "QDRANT=http://localhost:6333\n"
            f"curl -X PUT $QDRANT/collections/{self.facts.name} -H 'Content-Type: application/json' "
            "--data-binary @collection.json\n"
            "for part in documents-*.json; do\n"
            f'  curl -X PUT "$QDRANT/collections/{self.facts.name}/points?wait=true" -H \'Content-Type: '
            'application/json\' --data-binary "@$part"\n'
            "done\n"
            "```\n\n"
            "The ids of points are numbers, the positions of the documents: Qdrant takes only numbers and UUIDs. Your "
            "ids are in the payload, as `doc_id`. The collection has no `modifier`: `idf` would weigh the tokens a "
            "second time.\n"
        )

    def request(self) -> str:
        """Return Python that makes the body of one search."""
        return (
            "def request(vector):\n"
            '    query = {"indices": list(vector), "values": list(vector.values())}\n'
            f'    return {{"query": query, "using": "{VECTOR}", "limit": 10, "with_payload": ["doc_id"]}}\n'
        )

    def search(self) -> str:
        """Return how queries are sent."""
        batch = (
            "\nAll queries of `queries.json` at once:\n\n"
            "```sh\n"
            f"curl -X POST $QDRANT/collections/{self.facts.name}/points/query/batch -H 'Content-Type: "
            "application/json' --data-binary @queries.json\n"
            "```\n"
        )
        one = sending(f"http://localhost:6333/collections/{self.facts.name}/points/query")
        return one + (batch if self.facts.queries else "")


def _sparse(document: Document) -> str:
    values = ", ".join(shortest(document.weights))
    return f'{{"indices": {document.dimensions.tolist()}, "values": [{values}]}}'


def _pair(content: dict[str, Any]) -> Pair:
    return content["indices"], content["values"]


def _objects(lines: Iterable[str]) -> Iterator[dict[str, Any]]:
    """Yield the object of each line between the first and the last one."""
    for line in lines:
        if line.startswith('{"id"') or line.startswith('{"query"'):
            yield json.loads(line.rstrip().rstrip(","))
