"""Streams the JSON lines of a collection, corpus or queries, one checked record at a time; a corpus need not fit in memory."""

from __future__ import annotations

import json
import stat
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

from harness.collections.collection import CollectionError
from harness.files import json_data
from harness.files.bounded import OversizedError, lines

_BOM = b"\xef\xbb\xbf"


class Line(NamedTuple):
    """One record: its line number (from 1), its id, its text as encoders see it."""

    number: int
    id: str
    text: str


def documents(path: Path, unique: bool = True) -> Iterator[Line]:
    """The documents of a corpus file (_id, title, text; the title is optional), text = title + " " + text, stripped.

    unique  remember ids, to refuse one that came before; a file that was read so already needs it, and the memory for it, no second time

    CollectionError with file and line for anything malformed, an id that came before, or a document without text.
    """
    for number, record, identifier in _records(path, "document", unique):
        text = f"{_string(path, number, record, 'title', '')} {_string(path, number, record, 'text')}".strip()
        if not text:
            raise defect(
                path, number, f"document {identifier[:80]!r} is empty: give it a title or a text, or remove it"
            )
        yield Line(number, identifier, text)


def queries(path: Path) -> Iterator[Line]:
    """The queries of a query file (_id, text), stripped. CollectionError with file and line as for `documents`."""
    for number, record, identifier in _records(path, "query"):
        text = _string(path, number, record, "text").strip()
        if not text:
            raise defect(
                path, number, f"query {identifier[:80]!r} is empty: give it a text, or remove it and its judgements"
            )
        yield Line(number, identifier, text)


def numbered(path: Path) -> Iterator[tuple[int, str]]:
    """The lines of a UTF-8 file that are not blank, with their numbers, without line end. CollectionError if the file is missing."""
    try:
        if (
            path.exists() and not path.is_dir() and not stat.S_ISREG(path.stat().st_mode)
        ):  # a pipe nobody writes to would be waited for
            raise CollectionError(f"{path}: is a pipe or a device: expected a file of that name")
        # Bytes, so that a wrong encoding can be blamed on its line, and only \n ends a line, as the format demands.
        with path.open("rb") as file:
            for number, line in lines(file):
                try:
                    text = line.removeprefix(_BOM if number == 1 else b"").decode("utf-8").rstrip("\r\n")
                except UnicodeDecodeError as error:
                    raise defect(path, number, f"byte {error.start + 1} is not UTF-8: save the file as UTF-8") from None
                if text.strip():
                    yield number, text
    except FileNotFoundError:
        raise CollectionError(
            f"{path}: no such file: a collection needs corpus.jsonl, queries.jsonl and qrels/test.tsv"
        ) from None
    except IsADirectoryError:
        raise CollectionError(f"{path}: is a folder: expected a file of that name") from None
    except OversizedError as error:
        raise CollectionError(
            f"{path}:{error.number}: the line is {error}: check that records end with line ends, and cut long texts"
        ) from None
    except OSError as error:
        raise CollectionError(
            f"{path}: cannot be read ({error.strerror}): check the file and who may read it"
        ) from None


def defect(path: Path, number: int, what: str) -> CollectionError:
    """The error for a line of a file, as path:line: what."""
    return CollectionError(f"{path}:{number}: {what}")


def is_identifier(text: object) -> bool:
    """Ids are strings without white space: qrels and run files, which separate columns by it, could not hold others."""
    return isinstance(text, str) and text.split() == [text]


def _records(path: Path, kind: str, unique: bool = True) -> Iterator[tuple[int, dict[str, object], str]]:
    seen: set[str] = set()
    for number, line in numbered(path):
        try:
            record = json_data.load(line)
        except json_data.JsonError as error:
            raise defect(path, number, f"malformed JSON ({error.reason}): write one JSON object per line") from None
        if not isinstance(record, dict):
            raise defect(path, number, f"a JSON {type(record).__name__}, not an object: write one JSON object per line")
        identifier = _string(path, number, record, "_id")
        if not is_identifier(identifier):
            raise defect(
                path, number, f"_id {identifier[:80]!r} is empty or has white space: give the {kind} an id without"
            )
        if identifier in seen:
            raise defect(
                path, number, f"{kind} id {identifier[:80]!r} occurs a second time: remove or rename one of the two"
            )
        if unique:
            seen.add(identifier)
        yield number, record, identifier


def _string(path: Path, number: int, record: dict[str, object], field: str, default: str | None = None) -> str:
    value = record.get(field, default)
    if value is None and field not in record:
        raise defect(
            path,
            number,
            f"field {field!r} is missing: a line needs _id and text (and a title, for a document that has one)",
        )
    if not isinstance(value, str):
        raise defect(path, number, f"field {field!r} is not a string but {_shown(value)}: put it in quotes")
    try:
        value.encode("utf-8")
    except UnicodeEncodeError:  # JSON can spell half a surrogate pair, tokenizers and files cannot hold it
        raise defect(
            path, number, f"field {field!r} has half a surrogate pair, which is no character: repair the text"
        ) from None
    return value


def _shown(value: object) -> str:
    """The value as JSON, its beginning if it is long; of a list or an object within others only what it is."""
    flat = (
        value
        if not isinstance(value, (list, dict)) or not any(isinstance(part, (list, dict)) for part in value)
        else type(value).__name__
    )
    return json.dumps(flat)[:40]
