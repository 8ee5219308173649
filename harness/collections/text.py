"""Read running text of a language, for methods that learn from text alone."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from harness.collections.jsonl import defect, documents
from harness.files import bounded
from sembridge.normalization import normalize


def lines(path: Path) -> Iterator[str]:
    """Yield the texts of a plain file (one per line, without empty lines) or a corpus.jsonl (title and text), in NFC.

    Raises CollectionError, a ValueError, with file and line, for a line that is not UTF-8 or too long.
    """
    if path.suffix == ".jsonl":
        yield from (document.text for document in documents(path))
        return
    number = 0
    with path.open("rb") as file:
        try:
            for number, line in bounded.lines(file):
                yield from _texts(path, number, line)
        except bounded.OversizedError as error:
            raise defect(path, number + 1, f"the line is {error}: write one text a line") from None


def _texts(path: Path, number: int, line: bytes) -> list[str]:
    """Return the texts in a line; a lone carriage return ends a text as well."""
    if (place := line.find(b"\0")) >= 0:  # UTF-16 without a byte order mark is valid UTF-8, and means something else
        raise defect(path, number, f"byte {place + 1} is NUL, as in UTF-16: save the file as UTF-8 without NULs")
    try:
        return [text.strip() for text in normalize(line.decode("utf-8")).split("\r") if text.strip()]
    except UnicodeDecodeError as error:
        raise defect(path, number, f"byte {error.start + 1} is not UTF-8: save the file as UTF-8") from None
