"""Stream the JSON lines of a corpus or query file, one checked record at a time; a corpus need not fit in memory."""

from __future__ import annotations

import stat
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

from harness.collections.collection import CollectionError
from harness.collections.fields import Where, identifier, record, text, with_text
from harness.files.bounded import OversizedError, lines
from sembridge.normalization import normalize

GZIP = b"\x1f\x8b"
"""The first bytes of a file that gzip packed."""


class Line(NamedTuple):
    """One record: its line number (from 1), its id, and its text as encoders get it."""

    number: int
    id: str
    text: str


def documents(path: Path, unique: bool = True, empty: list[str] | None = None) -> Iterator[Line]:
    """Yield the documents of a corpus file (_id, text, optionally title); text = title + " " + text, stripped, NFC.

    unique  refuse a repeated id, which takes memory for all ids; not needed for a file that was checked before
    empty   takes the ids of the documents without title and text, which are left out

    Raises CollectionError with file and line for a malformed line or a repeated id.
    """
    seen: set[str] = set()
    for where, row in with_text(_records(path)):
        name = identifier(row, where)
        if name in seen:
            problem = f"document id {name[:80]!r} occurs a second time"
            raise where.defect(problem, "remove or rename one of the two")
        if unique:
            seen.add(name)
        joined = normalize(f"{text(row, 'title', where)} {text(row, 'text', where)}").strip()
        if joined:
            yield Line(where.number, name, joined)
        elif empty is not None:
            empty.append(name)


def queries(path: Path) -> Iterator[Line]:
    """Yield the queries of a query file (_id, text), stripped, NFC, each once, without those that have no text.

    Raises CollectionError like `documents`, for a repeated id only if the texts differ.
    """
    seen: dict[str, str] = {}
    for where, row in with_text(_records(path)):
        name = identifier(row, where)
        stripped = normalize(text(row, "text", where)).strip()
        if seen.setdefault(name, stripped) != stripped:
            problem = f"query id {name[:80]!r} occurs a second time, with another text"
            raise where.defect(problem, "remove or rename one of the two")
        if stripped:
            yield Line(where.number, name, stripped)


def numbered(path: Path) -> Iterator[tuple[int, str]]:
    """Yield number and content (without line end) of the lines of a UTF-8 file that are not blank.

    Raises CollectionError if the file is missing or cannot be read.
    """
    try:
        # Opening a pipe without a writer would wait forever.
        if path.exists() and not path.is_dir() and not stat.S_ISREG(path.stat().st_mode):
            raise CollectionError(f"{path}: is a pipe or a device: expected a file of that name")
        # Bytes, so that a message can name the line with a wrong encoding; only \n ends a line, as the format demands.
        with path.open("rb") as file:
            for number, line in lines(file):
                if number == 1 and line.startswith(GZIP):
                    raise CollectionError(f"{path}: is packed with gzip: unpack it")
                try:
                    content = line.decode("utf-8").rstrip("\r\n")
                except UnicodeDecodeError as error:
                    raise defect(path, number, f"byte {error.start + 1} is not UTF-8: save the file as UTF-8") from None
                if content.strip():
                    yield number, content
    except FileNotFoundError:
        needed = "a collection needs corpus.jsonl, queries.jsonl and qrels/test.tsv"
        if path.with_name(f"{path.name}.gz").exists():
            needed = f"unpack {path.name}.gz beside it"
        raise CollectionError(f"{path}: no such file: {needed}") from None
    except IsADirectoryError:
        raise CollectionError(f"{path}: is a folder: expected a file of that name") from None
    except OversizedError as error:
        advice = "check that records end with line ends, and cut long texts"
        raise CollectionError(f"{path}:{error.number}: the line is {error}: {advice}") from None
    except OSError as error:
        advice = "check the file and who may read it"
        raise CollectionError(f"{path}: cannot be read ({error.strerror}): {advice}") from None


def defect(path: Path, number: int, problem: str) -> CollectionError:
    """Return the error for a line of a file."""
    return CollectionError(f"{path}:{number}: {problem}")


def _records(path: Path) -> Iterator[tuple[Where, dict[str, Any]]]:
    for number, line in numbered(path):
        where = Where(f"{path}:{number}", number=number)
        yield where, record(line, where)
