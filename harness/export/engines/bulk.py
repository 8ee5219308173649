"""Bulk requests of Elasticsearch and OpenSearch: a line that says what to do, then a line with the document."""

from __future__ import annotations

import json
from abc import abstractmethod
from collections.abc import Iterable, Iterator
from typing import Any

from harness.export.documents import Document
from harness.export.engine import CLAUSES, Engine, Pair, clause_warning
from harness.export.engines.json_text import pair, vector
from harness.export.page import sending
from harness.export.weights import shortest

FIELD = "splade"
_ID_BYTES = 512
_HEAVIEST = 64.0  # Lucene's FeatureField takes no larger weight of a query


class Bulk(Engine):
    """Bodies of _bulk and _msearch. The names of features are numbers: a token may have a dot, which both refuse."""

    files = "documents-{part}.ndjson"
    requests = "queries.ndjson"
    limits = (CLAUSES,)

    def document(self, document: Document) -> str:
        """Return the two lines of a document. Raises ValueError for an id that is too long."""
        if len(document.id.encode()) > _ID_BYTES:
            problem = f"document id {document.id[:40]!r}... has {len(document.id.encode()):,} bytes"
            raise ValueError(f"{problem}; {self.title} takes at most {_ID_BYTES}: shorten it")
        action = json.dumps({"index": {"_id": document.id}}, ensure_ascii=False)
        fields = [] if document.text is None else [f'"text": {json.dumps(document.text, ensure_ascii=False)}']
        if len(document.dimensions):  # a field without features is refused
            fields.append(f'"{FIELD}": {vector(document)}')
        return f"{action}\n{{{', '.join(fields)}}}\n"

    def query(self, query: Document) -> str:
        """Return the two lines of a search."""
        weights = map(float, shortest(query.weights))
        features = dict(zip(map(str, query.dimensions.tolist()), weights, strict=True))
        return f"{{}}\n{json.dumps(self.body(features))}\n"

    @abstractmethod
    def body(self, features: dict[str, float]) -> dict[str, Any]:
        """Return the body of a search."""

    @abstractmethod
    def features(self, body: dict[str, Any]) -> dict[str, float]:
        """Return the features that `body` has put into a search."""

    def read_documents(self, lines: Iterable[str]) -> Iterator[tuple[str, Pair]]:
        """Yield (id, (dimensions, weights))."""
        for action, content in pairs(lines):
            yield json.loads(action)["index"]["_id"], pair(json.loads(content).get(FIELD, {}))

    def read_queries(self, lines: Iterable[str]) -> Iterator[Pair]:
        """Yield (dimensions, weights)."""
        return (pair(self.features(json.loads(content))) for _, content in pairs(lines))

    def warnings(self) -> list[str]:
        """Return the limits of Lucene's queries that are passed."""
        queries = self.facts.queries
        heavy = []
        if queries is not None and queries.largest > _HEAVIEST:
            problem = f"the heaviest weight of a query is {queries.largest:.1f}"
            heavy = [f"{problem}: Lucene takes at most {_HEAVIEST:.0f}; divide all weights of a query by one number"]
        return clause_warning(queries) + heavy

    def load(self) -> str:
        """Return how the index is made and filled."""
        name = self.facts.name
        return (
            "An engine that asks for a password takes `-u USER:PASSWORD` and https.\n\n"
            "```sh\n"
            "ENGINE=http://localhost:9200\n"
            f"curl -X PUT $ENGINE/{name} -H 'Content-Type: application/json' --data-binary @index.json\n"
            "for part in documents-*.ndjson; do\n"
            f'  curl -X POST "$ENGINE/{name}/_bulk?filter_path=errors,items.*.error" -H \'Content-Type: '
            'application/x-ndjson\' --data-binary "@$part"\n'
            "done\n"
            f"curl -X POST $ENGINE/{name}/_refresh\n"
            "```\n\n"
            'Every request has to answer `{"errors":false}`. The features are named by number ("17"): a dot in a name '
            'is refused, and "." is a token of every tokenizer; writing "_" for it would make one of two tokens.\n'
        )

    def search(self) -> str:
        """Return how queries are sent."""
        name = self.facts.name
        one = sending(f"http://localhost:9200/{name}/_search")
        all_queries = (
            "\nAll queries of `queries.ndjson` at once:\n\n"
            "```sh\n"
            f"curl -X POST $ENGINE/{name}/_msearch -H 'Content-Type: application/x-ndjson' --data-binary "
            "@queries.ndjson\n"
            "```\n"
        )
        return one + (all_queries if self.facts.queries else "")


def pairs(lines: Iterable[str]) -> Iterator[tuple[str, str]]:
    """Yield the lines two by two: what to do, and with what."""
    stream = iter(lines)
    return zip(stream, stream, strict=True)


def mapping(texts: bool, field: dict[str, Any]) -> dict[str, Any]:
    """Return the mappings of an index; a field that is not in it is refused."""
    text = {"text": {"type": "text"}} if texts else {}
    return {"dynamic": "strict", "properties": text | {FIELD: field}}
