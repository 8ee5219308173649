"""Running text of a language, for methods that learn from text alone."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from harness.collections.jsonl import documents


def lines(path: Path) -> Iterator[str]:
    """The texts of a plain file (one a line, empty lines left out) or of a corpus.jsonl (title and text of each document)."""
    if path.suffix == ".jsonl":
        yield from (document.text for document in documents(path))
        return
    with path.open(encoding="utf-8") as file:
        yield from (line.strip() for line in file if line.strip())
