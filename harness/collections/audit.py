"""Check that a download is the expected dataset: by counts, and by fingerprints of three of its documents."""

from __future__ import annotations

import hashlib
from array import array
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from harness.collections.beir import document_line
from harness.collections.collection import CollectionError
from harness.collections.fields import is_identifier

_ADVICE = "choose another dataset or revision"


class Audit:
    """Watch the documents of a corpus stream by; remember eight bytes of each.

    name     for messages
    read     documents so far
    empty    how many of them have neither title nor text; they are not passed on
    current  id of the latest document
    """

    def __init__(self, name: str) -> None:
        self.name, self.read, self.empty = name, 0, 0
        self.current = ""
        self._lines: dict[str, str] = {}
        self._hashes = array("Q")

    def watch(self, documents: Iterable[tuple[str, str, str]]) -> Iterator[tuple[str, str, str]]:
        """Yield the documents that have a text.

        Raises CollectionError for an id with white space, and at the end for an empty corpus or a repeated id.
        """
        document = None
        for document in documents:
            self.read += 1
            self.current = identifier = document[0]
            if self.read in (1, 10):
                self._lines["first" if self.read == 1 else "tenth"] = document_line(*document)
            if not is_identifier(identifier):
                problem = f"the document id {identifier!r} is empty or has white space"
                raise CollectionError(f"{self.name}: {problem}: {_ADVICE}")
            digest = hashlib.blake2b(identifier.encode("utf-8", "replace"), digest_size=8).digest()
            self._hashes.append(int.from_bytes(digest, "little"))
            if f"{document[1]} {document[2]}".strip():
                yield document
            else:
                self.empty += 1
        if document is None:
            raise CollectionError(f"{self.name}: the corpus is empty: {_ADVICE}")
        self._lines["last"] = document_line(*document)
        self._check_distinct()

    def fingerprints(self) -> dict[str, str]:
        """Return sha256 of the lines (without line end) of the first, tenth and last document in corpus.jsonl."""
        return {place: hashlib.sha256(line.encode("utf-8")).hexdigest() for place, line in self._lines.items()}

    def _check_distinct(self) -> None:
        import numpy as np

        ordered = np.sort(np.frombuffer(self._hashes, dtype=np.uint64))  # np.unique would take ten times the memory
        repeated = int((ordered[1:] == ordered[:-1]).sum())
        if repeated:
            raise CollectionError(f"{self.name}: {repeated} document ids occur a second time: {_ADVICE}")


def check_expected(name: str, counts: Mapping[str, Any], expected: Mapping[str, Any]) -> None:
    """Raise CollectionError, which names every expected count or fingerprint that differs from the actual one."""
    wrong = [
        f"{field} expected {value}, found {counts.get(field, 'none')}"
        for field, value in expected.items()
        if counts.get(field) != value
    ]
    if wrong:
        advice = "check revision and config, or correct what is expected"
        raise CollectionError(f"{name} is not what was expected: {'; '.join(wrong)}: {advice}")
