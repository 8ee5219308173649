"""Vespa: a field with a mapped tensor, and a rank profile that multiplies it with the query's."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from pathlib import Path

from harness.export.documents import Document
from harness.export.engine import Engine, Pair
from harness.export.engines.json_text import ending_in, pair, vector
from harness.export.weights import shortest

_SERVICES = """<?xml version="1.0" encoding="utf-8" ?>
<services version="1.0">
  <container id="default" version="1.0">
    <search />
    <document-api />
  </container>
  <content id="content" version="1.0">
    <min-redundancy>1</min-redundancy>
    <documents>
      <document type="{name}" mode="index" />
    </documents>
    <nodes>
      <node distribution-key="0" hostalias="node1" />
    </nodes>
  </content>
</services>
"""
_SCHEMA = """schema {name} {{
    document {name} {{
        field doc_id type string {{
            indexing: summary | attribute
        }}
{text}        field splade type tensor<float>(t{{}}) {{
            indexing: attribute
        }}
    }}
    rank-profile splade {{
        inputs {{
            query(q) tensor<float>(t{{}})
        }}
        first-phase {{
            expression: sum(query(q) * attribute(splade))
        }}
    }}
}}
"""
_TEXT = """        field text type string {
            indexing: summary
        }
"""


class Vespa(Engine):
    """Lines {"put": "id:NAME:NAME::ID", "fields": {...}} for `vespa feed`, and an application package."""

    name = "vespa"
    title = "Vespa"
    version = "8"

    def document(self, document: Document) -> str:
        """Return the operation that puts a document."""
        kind = self.facts.name
        fields = ending_in(document.named("doc_id"), "splade", f'{{"cells": {vector(document)}}}')
        return ending_in({"put": f"id:{kind}:{kind}::{document.id}"}, "fields", fields) + "\n"

    def query(self, query: Document) -> str:
        """Return the body of a search."""
        pairs = zip(query.dimensions.tolist(), shortest(query.weights), strict=True)
        cells = ",".join(f"{dimension}:{weight}" for dimension, weight in pairs)
        return json.dumps(self._body(f"{{{cells}}}")) + "\n"

    def read_documents(self, lines: Iterable[str]) -> Iterator[tuple[str, Pair]]:
        """Yield (id, (dimensions, weights))."""
        for content in map(json.loads, lines):
            yield content["fields"]["doc_id"], pair(content["fields"]["splade"]["cells"])

    def read_queries(self, lines: Iterable[str]) -> Iterator[Pair]:
        """Yield (dimensions, weights)."""
        for line in lines:
            cells = json.loads(line)["input.query(q)"].strip("{}")
            entries = [cell.split(":") for cell in cells.split(",") if cell]
            yield [int(label) for label, _ in entries], [float(weight) for _, weight in entries]

    def finish(self, folder: Path) -> None:
        """Write the application package: services.xml, and the schema."""
        application = folder / "application"
        (application / "schemas").mkdir(parents=True)
        (application / "services.xml").write_text(_SERVICES.format(name=self.facts.name), encoding="utf-8")
        schema = _SCHEMA.format(name=self.facts.name, text=_TEXT if self.facts.texts else "")
        (application / "schemas" / f"{self.facts.name}.sd").write_text(schema, encoding="utf-8")

    def load(self) -> str:
        """Return how the application is deployed and fed."""
        return (
            "```sh\n"
            "docker run --detach --name vespa --hostname vespa --publish 8080:8080 --publish 19071:19071 "
            "vespaengine/vespa\n"
            "vespa deploy --wait 300 application\n"
            "vespa feed documents.jsonl\n"
            "```\n\n"
            "The labels of the tensor are numbers, so that none needs quotes. The rank profile multiplies the tensors "
            "of all documents: exact, and fast enough for some hundred thousand documents.\n"
        )

    def request(self) -> str:
        """Return Python that makes the body of a search."""
        body = json.dumps(self._body("CELLS"))
        shown = body.replace('"CELLS"', "cells")
        return (
            "def request(vector):\n"
            '    cells = "{" + ",".join(f"{dimension}:{weight}" for dimension, weight in vector.items()) + "}"\n'
            f"    return {shown}\n"
        )

    def search(self) -> str:
        """Return how queries are sent."""
        many = "\nEvery line of `queries.jsonl` is such a body.\n" if self.facts.queries else ""
        return (
            "```python\n"
            "import json, urllib.request\n\n"
            'body = json.dumps(request(vector("your question"))).encode()\n'
            'headers = {"Content-Type": "application/json"}\n'
            'call = urllib.request.Request("http://localhost:8080/search/", body, headers)\n'
            "print(json.load(urllib.request.urlopen(call)))\n"
            "```\n"
            f"{many}"
        )

    def _body(self, cells: str) -> dict[str, object]:
        yql = f"select doc_id from {self.facts.name} where true"
        return {"yql": yql, "ranking": "splade", "hits": 10, "input.query(q)": cells}
