"""What a download must hold: counts, and fingerprints of three of its records. A dataset that is not the expected one is refused."""

from __future__ import annotations

import hashlib
from array import array
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from harness.collections.beir import document_line
from harness.collections.collection import CollectionError
from harness.collections.jsonl import is_identifier

_TENTH = 10


class Audit:
    """Watches the documents of a corpus stream by, and keeps eight bytes of each.

    name     for messages
    read     documents so far
    empty    of them, those without title and text; they are not passed on
    """

    def __init__(self, name: str) -> None:
        self.name, self.read, self.empty = name, 0, 0
        self.current = ""
        self._lines: dict[str, str] = {}
        self._hashes = array("Q")

    def watch(self, documents: Iterable[tuple[str, str, str]]) -> Iterator[tuple[str, str, str]]:
        """The documents that have a text. CollectionError for an id with white space, and at the end for one that came twice."""
        document = None
        for document in documents:
            self.read += 1
            self.current = identifier = document[0]
            if self.read == 1:
                self._lines["first"] = document_line(*document)
            if self.read == _TENTH:
                self._lines["tenth"] = document_line(*document)
            if not is_identifier(identifier):
                raise CollectionError(
                    f"{self.name}: the document id {identifier!r} is empty or has white space: choose another dataset or revision"
                )
            self._hashes.append(
                int.from_bytes(hashlib.blake2b(identifier.encode("utf-8", "replace"), digest_size=8).digest(), "little")
            )
            if f"{document[1]} {document[2]}".strip():
                yield document
            else:
                self.empty += 1
        if document is None:
            raise CollectionError(f"{self.name}: the corpus is empty: choose another dataset or revision")
        self._lines["last"] = document_line(*document)
        self._check_distinct()

    def fingerprints(self) -> dict[str, str]:
        """sha256 of the lines that the first, tenth and last document make in corpus.jsonl, without line end."""
        return {place: hashlib.sha256(line.encode("utf-8")).hexdigest() for place, line in self._lines.items()}

    def _check_distinct(self) -> None:
        import numpy as np

        ordered = np.sort(np.frombuffer(self._hashes, dtype=np.uint64))  # np.unique would take ten times the memory
        twice = int((ordered[1:] == ordered[:-1]).sum())
        if twice:
            raise CollectionError(
                f"{self.name}: {twice} document ids occur a second time: choose another dataset or revision"
            )


def check_expected(name: str, found: Mapping[str, Any], expected: Mapping[str, Any]) -> None:
    """CollectionError that names every expected count or fingerprint that was not found."""
    wrong = [
        f"{what} expected {value}, found {found.get(what, 'none')}"
        for what, value in expected.items()
        if found.get(what) != value
    ]
    if wrong:
        raise CollectionError(
            f"{name} is not what was expected: {'; '.join(wrong)}: check revision and config, or correct what is expected"
        )
