"""PISA through pyterrier-pisa: documents and queries as integers, an index of impacts, exact search with them."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from pathlib import Path

from harness.export.documents import Document
from harness.export.engine import Pair
from harness.export.engines.integers import Integers
from harness.export.engines.json_text import ending_in, records

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

    name = "pisa"
    title = "PISA (pyterrier-pisa)"
    version = "0.4"

    def document(self, document: Document) -> str:
        """Return a line."""
        return ending_in(document.named("docno"), "toks", self.vector(document)) + "\n"

    def query(self, query: Document) -> str:
        """Return a line."""
        return ending_in({"qid": query.id}, "query_toks", self.vector(query)) + "\n"

    def read_documents(self, lines: Iterable[str]) -> Iterator[tuple[str, Pair]]:
        """Yield (id, (dimensions, weights))."""
        return records(lines, "docno", "toks")

    def read_queries(self, lines: Iterable[str]) -> Iterator[Pair]:
        """Yield (dimensions, weights)."""
        return (vector for _, vector in records(lines, "qid", "query_toks"))

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
