"""BM25 over the documents of an index, in memory: what matching words alone finds, beside what the encoder finds."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING

import numpy as np

from harness.references.bm25 import WordIndex
from sembridge.search.ranking import id_order

if TYPE_CHECKING:
    from sembridge.search.index import Index

MOST_TEXT = 50_000_000  # bytes of documents that are read into memory; six times as much is needed, and a minute
_ANY = "zh"  # splits scripts without spaces, and Hangul, into characters and pairs, and all others into words


def too_large(index: Index) -> bool:
    """Return whether the documents of an index are more than `MOST_TEXT`."""
    return sum(size for name, size in index.manifest["files"].items() if name.startswith("documents/")) > MOST_TEXT


class WordSearch:
    """The documents of an index by their words, with the ids that break ties."""

    def __init__(self, index: Index, advance: Callable[[], object]) -> None:
        """Read all documents; `advance` is called after each. Raises MissingExtraError without bm25s."""
        ids: list[str] = []

        def texts() -> Iterator[str]:
            for block in index.blocks():
                ids.extend(block.ids)
                yield from block.texts

        self._words = WordIndex(texts(), _ANY, advance)
        self._order: np.ndarray = id_order(ids)

    def best(self, query: str, k: int) -> list[tuple[int, float]]:
        """Return (position, score) of the k best documents of a query."""
        return self._words.best(query, k, self._order)
