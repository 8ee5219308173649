"""Stream the JSON lines of a corpus or query file, one checked record at a time; a corpus need not fit in memory."""

from __future__ import annotations

import json
import stat
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

from harness.collections.collection import CollectionError
from harness.files import json_data
from harness.files.bounded import OversizedError, lines
from sembridge.normalization import normalize

_BOM = b"\xef\xbb\xbf"


class Line(NamedTuple):
    """One record: its line number (from 1), its id, and its text as encoders get it."""

    number: int
    id: str
    text: str


def documents(path: Path, unique: bool = True) -> Iterator[Line]:
    """Yield the documents of a corpus file (_id, text, optionally title); text = title + " " + text, stripped, NFC.

    unique  refuse a repeated id, which takes memory for all ids; not needed for a file that was checked before

    Raises CollectionError with file and line for a malformed line, a repeated id, or a document without text.
    """
    for number, record, identifier in _records(path, "document", unique):
        title, text = _string(path, number, record, "title", ""), _string(path, number, record, "text")
        text = normalize(f"{title} {text}").strip()
        if not text:
            problem = f"document {identifier[:80]!r} is empty"
            raise defect(path, number, f"{problem}: give it a title or a text, or remove it")
        yield Line(number, identifier, text)


def queries(path: Path) -> Iterator[Line]:
    """Yield the queries of a query file (_id, text), stripped, NFC. Raises CollectionError like `documents`."""
    for number, record, identifier in _records(path, "query"):
        text = normalize(_string(path, number, record, "text")).strip()
        if not text:
            problem = f"query {identifier[:80]!r} is empty"
            raise defect(path, number, f"{problem}: give it a text, or remove it and its judgements")
        yield Line(number, identifier, text)


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
                try:
                    text = line.removeprefix(_BOM if number == 1 else b"").decode("utf-8").rstrip("\r\n")
                except UnicodeDecodeError as error:
                    raise defect(path, number, f"byte {error.start + 1} is not UTF-8: save the file as UTF-8") from None
                if text.strip():
                    yield number, text
    except FileNotFoundError:
        needed = "a collection needs corpus.jsonl, queries.jsonl and qrels/test.tsv"
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


def is_identifier(text: object) -> bool:
    """Return whether this is a string without white space, which separates the columns of qrels and run files."""
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
            problem = f"_id {identifier[:80]!r} is empty or has white space"
            raise defect(path, number, f"{problem}: give the {kind} an id without")
        if identifier in seen:
            problem = f"{kind} id {identifier[:80]!r} occurs a second time"
            raise defect(path, number, f"{problem}: remove or rename one of the two")
        if unique:
            seen.add(identifier)
        yield number, record, identifier


def _string(path: Path, number: int, record: dict[str, object], field: str, default: str | None = None) -> str:
    value = record.get(field, default)
    if value is None and field not in record:
        fields = "_id and text (and a title, for a document that has one)"
        raise defect(path, number, f"field {field!r} is missing: a line needs {fields}")
    if not isinstance(value, str):
        raise defect(path, number, f"field {field!r} is not a string but {_brief(value)}: put it in quotes")
    try:
        value.encode("utf-8")
    except UnicodeEncodeError:  # JSON can spell half a surrogate pair, but tokenizers and files cannot hold it
        problem = f"field {field!r} has half a surrogate pair, which is not a character"
        raise defect(path, number, f"{problem}: repair the text") from None
    return value


def _brief(value: object) -> str:
    """Return the beginning of the value as JSON; of nested lists and objects only the type."""
    nested = isinstance(value, (list, dict)) and any(isinstance(part, (list, dict)) for part in value)
    return json.dumps(type(value).__name__ if nested else value)[:40]
