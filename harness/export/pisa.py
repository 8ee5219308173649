"""PISA through pyterrier-pisa: documents and queries as integers, an index of impacts, exact search with them."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import ClassVar

from harness.export.documents import Document
from harness.export.engine import Pair
from harness.export.integers import Integers
from harness.export.jsonl import pair

_BUILD = '''"""Make the folder `index` of the lines in documents.jsonl: pip install pyterrier-pisa, then run this."""

import json

from pyterrier_pisa import PisaIndex


def documents():
    with open("documents.jsonl", encoding="utf-8") as file:
        for line in file:
            document = json.loads(line)
            yield {"docno": document["docno"], "toks": document["toks"]}


# The weights are integers already: scale=1.0. The stemmer would change the numbers that name the dimensions.
PisaIndex("index", stemmer="none").toks_indexer("toks", scale=1.0).index(documents())
'''


class Pisa(Integers):
    """Lines {"docno": ..., "toks": {"17": 400}}, and a program that makes an index of them."""

    name: ClassVar = "pisa"
    title: ClassVar = "PISA (pyterrier-pisa)"
    version: ClassVar = "0.4"
    exact: ClassVar = False

    def document(self, document: Document) -> str:
        """Return a line."""
        text = {} if document.text is None else {"text": document.text}
        head = json.dumps({"docno": document.id, **text}, ensure_ascii=False)
        return f'{head[:-1]}, "toks": {self.vector(document)}}}\n'

    def query(self, query: Document) -> str:
        """Return a line."""
        return f'{{"qid": {json.dumps(query.id, ensure_ascii=False)}, "query_toks": {self.vector(query)}}}\n'

    def read_documents(self, lines: Iterable[str]) -> Iterator[tuple[str, Pair]]:
        """Yield (id, (dimensions, weights))."""
        for content in map(json.loads, lines):
            yield content["docno"], pair(content["toks"])

    def read_queries(self, lines: Iterable[str]) -> Iterator[Pair]:
        """Yield (dimensions, weights)."""
        return (pair(json.loads(line)["query_toks"]) for line in lines)

    def finish(self, folder: Path) -> None:
        """Write the program that makes the index."""
        (folder / "build.py").write_text(_BUILD, encoding="utf-8")

    def load(self) -> str:
        """Return how the index is made."""
        return (
            "```sh\n"
            "pip install pyterrier-pisa\n"
            "python build.py\n"
            "```\n\n"
            f"Weights are integers, {self.facts.scale:,} times those of the encoder (`scale` in `export.json`). The "
            "default of pyterrier-pisa, 100, changed a third of the lists of ten for a Korean encoder of ours.\n"
        )

    def request(self) -> str:
        """Return Python that makes the tokens of a query."""
        return (
            f"SCALE = {self.facts.scale}\n\n"
            "def request(vector):\n"
            "    weights = {str(token): round(weight * SCALE) for token, weight in vector.items()}\n"
            "    return {token: weight for token, weight in weights.items() if weight}\n"
        )

    def search(self) -> str:
        """Return how queries are searched."""
        many = "\nThe lines of `queries.jsonl` are rows of such a frame.\n" if self.facts.queries else ""
        return (
            "```python\n"
            "import pandas\n"
            "from pyterrier_pisa import PisaIndex\n\n"
            'retriever = PisaIndex("index", stemmer="none").quantized(num_results=10, toks_scale=1.0)\n'
            'queries = pandas.DataFrame([{"qid": "1", "query_toks": request(vector("your question"))}])\n'
            "print(retriever(queries))\n"
            "```\n\n"
            "`toks_scale=1.0`, as the weights are scaled already; the default would scale them a second time.\n"
            f"{many}"
        )
