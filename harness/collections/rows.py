"""Rows of tables in Parquet, JSON lines (also gzipped) and tab-separated files, one at a time, whatever the size of the file."""

from __future__ import annotations

import gzip
import json
import zlib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from harness.collections.collection import CollectionError
from harness.collections.qrels import HEADER

_ID = ("_id", "id", "docid", "doc_id")
_COLUMNS = {*_ID, "title", "text", *HEADER}
_BATCH = 1000


def documents(path: Path, name: str) -> Iterator[tuple[str, str, str]]:
    """(id, title, text) of a corpus; a missing title is ''. `name` is what errors call the file, as for all functions here."""
    for where, row in _rows(path, name):
        yield _id(row, where), _text(row, "title", where), _text(row, "text", where)


def queries(path: Path, name: str) -> Iterator[tuple[str, str]]:
    """(id, text). A tab-separated file of two columns has no header."""
    if name.endswith(".tsv"):
        for number, columns in _columns(path, name):
            if len(columns) != 2:
                raise CollectionError(f"{name}:{number}: {len(columns)} columns instead of 2, query id and text")
            yield columns[0], columns[1]
        return
    for where, row in _rows(path, name):
        yield _id(row, where), _text(row, "text", where)


def judgements(path: Path, name: str) -> Iterator[tuple[str, str, int]]:
    """(query id, document id, score). A tab-separated file has three columns, and BEIR's header or none, or the four of TREC."""
    if not name.endswith(".tsv"):
        for where, row in _rows(path, name):
            query, document = (str(_given(row, column, where)) for column in HEADER[:2])
            yield query, document, _whole(_given(row, HEADER[2], where), where)
        return
    for number, columns in _columns(path, name):
        if number == 1 and tuple(columns) == HEADER:
            continue
        if len(columns) not in (3, 4):
            raise CollectionError(f"{name}:{number}: {len(columns)} columns instead of 3 (query, document, score) or 4 (TREC)")
        yield columns[0], columns[-2], _whole(columns[-1], f"{name}:{number}")


def _rows(path: Path, name: str) -> Iterator[tuple[str, dict[str, Any]]]:
    """Rows, and how an error calls them."""
    if name.endswith(".parquet"):
        import pyarrow
        import pyarrow.parquet as parquet

        try:
            with parquet.ParquetFile(path) as file:
                number = 0
                columns = [column for column in file.schema_arrow.names if column in _COLUMNS]
                for batch in file.iter_batches(batch_size=_BATCH, columns=columns):
                    for row in batch.to_pylist():
                        number += 1
                        yield f"{name}: row {number}", row
        except (pyarrow.ArrowInvalid, OSError):
            raise CollectionError(f"{name} is damaged: remove {path} and run the same command again") from None
        return
    for number, line in _lines(path, name):
        try:
            row = json.loads(line)
        except ValueError:
            row = None
        if not isinstance(row, dict):
            raise CollectionError(f"{name}:{number}: no JSON object: choose another revision")
        yield f"{name}:{number}", row


def _columns(path: Path, name: str) -> Iterator[tuple[int, list[str]]]:
    for number, line in _lines(path, name):
        yield number, line.split("\t")


def _lines(path: Path, name: str) -> Iterator[tuple[int, str]]:
    """The lines that are not blank, by number. Only \\n ends a line: texts hold other separators."""
    try:
        with gzip.open(path) if name.endswith(".gz") else path.open("rb") as file:
            for number, line in enumerate(file, start=1):
                text = line.decode("utf-8-sig" if number == 1 else "utf-8").rstrip("\r\n")
                if text.strip():
                    yield number, text
    except (EOFError, zlib.error, gzip.BadGzipFile, UnicodeDecodeError):
        raise CollectionError(f"{name} is damaged: remove {path} and run the same command again") from None


def _given(row: dict[str, Any], column: str, where: str) -> Any:
    if row.get(column) is None:
        raise CollectionError(f"{where}: no {column!r}: its columns are {', '.join(row)}")
    return row[column]


def _id(row: dict[str, Any], where: str) -> str:
    return str(_given(row, next((name for name in _ID if name in row), _ID[0]), where))


def _text(row: dict[str, Any], column: str, where: str) -> str:
    """Empty if the column is missing or null; numbers, which some datasets have for texts, are not guessed at."""
    value = row.get(column)
    if value is not None and not isinstance(value, str):
        raise CollectionError(f"{where}: {column!r} is no text: choose another revision")
    return value or ""


def _whole(value: Any, where: str) -> int:
    try:
        number = float(value)
    except (TypeError, ValueError):
        number = 0.5
    if not number.is_integer():
        raise CollectionError(f"{where}: the score {value!r} is not a whole number")
    return int(number)
