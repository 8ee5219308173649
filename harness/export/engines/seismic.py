"""Seismic: lines that it reads itself. Its index is approximate, and keeps weights in half precision."""

from __future__ import annotations

from pathlib import Path

from harness.export.documents import Document
from harness.export.engine import Holding
from harness.export.engines.json_text import ending_in, vector
from harness.export.engines.jsonl import Jsonl
from harness.export.weights import half

LARGE = 65_000
"""Tokens that the standard index numbers; more need the class for large vocabularies."""

_BUILD = '''"""Make an index of documents.jsonl: pip install pyseismic-lsr, then run this."""

import json

import numpy as np
import seismic

dataset = seismic.{dataset}()


def add(block):
    """Add documents by the numbers of their dimensions: no token is cut off, as a string of 30 characters would be."""
    vectors = [document["vector"] for document in block]
    components = np.array([int(key) for vector in vectors for key in vector], dtype=np.int64)
    values = np.array([weight for vector in vectors for weight in vector.values()], dtype=np.float32)
    offsets = np.cumsum([0, *map(len, vectors)]).astype(np.int64)
    dataset.add_documents_by_id([document["id"] for document in block], components, values, offsets)


block = []
with open("documents.jsonl", encoding="utf-8") as file:
    for line in file:
        block.append(json.loads(line))
        if len(block) == 1000:
            add(block)
            block = []
if block:
    add(block)
seismic.{index}.build_from_dataset(dataset).save("documents")
'''


class Seismic(Jsonl):
    """Lines {"id": ..., "content": ..., "vector": {"17": 0.4}}, and a program that makes an index of them."""

    name = "seismic"
    title = "Seismic"
    version = "pyseismic-lsr 0.5"

    def document(self, document: Document) -> str:
        """Return a line."""
        head = {"id": document.id, "content": document.text or ""}
        return ending_in(head, "vector", vector(document)) + "\n"

    def finish(self, folder: Path) -> None:
        """Write the program that makes the index."""
        (folder / "build.py").write_text(_BUILD.format(dataset=self._dataset, index=self._index), encoding="utf-8")

    def holdings(self) -> dict[str, Holding]:
        """Return half precision for documents."""
        return {"all tokens of a query": Holding(documents=half)}

    def warnings(self) -> list[str]:
        """Return that a large vocabulary needs another class."""
        if not self._large:
            return []
        problem = f"the vocabulary has {self.facts.dimensions:,} tokens, more than {LARGE:,}"
        return [f"{problem}: the page and build.py use {self._index}, the index for large vocabularies"]

    def load(self) -> str:
        """Return how the index is made."""
        return (
            "```sh\n"
            "pip install pyseismic-lsr\n"
            "python build.py\n"
            "```\n\n"
            f"`build.py` makes a `{self._index}` in `documents.index.seismic`. Dimensions are numbers there: the "
            "examples of Seismic name them by tokens cut at 30 characters.\n"
        )

    def request(self) -> str:
        """Return Python that makes the arrays of a query."""
        return (
            "import numpy as np\n"
            "import seismic\n\n"
            "def request(vector):\n"
            "    names = np.array([str(dimension) for dimension in vector], dtype=seismic.get_seismic_string())\n"
            "    return names, np.array(list(vector.values()), dtype=np.float32)\n"
        )

    def search(self) -> str:
        """Return how a query is searched."""
        return (
            "```python\n"
            f'index = seismic.{self._index}.load("documents.index.seismic")\n'
            'names, weights = request(vector("your question"))\n'
            'print(index.search("1", names, weights, k=10, query_cut=len(names), heap_factor=0.9))\n'
            "```\n\n"
            "`query_cut` is how many of a query's heaviest tokens are searched, and `heap_factor` how many blocks of "
            "documents are looked at. The usual 10 and 0.7 are made for queries of 20 to 50 tokens; measure before you "
            "lower them.\n"
        )

    @property
    def _large(self) -> bool:
        return self.facts.dimensions > LARGE

    @property
    def _index(self) -> str:
        return "SeismicIndexLV" if self._large else "SeismicIndex"

    @property
    def _dataset(self) -> str:
        return "SeismicDatasetLV" if self._large else "SeismicDataset"
