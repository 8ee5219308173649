"""Rows of tables in Parquet, JSON lines (also gzipped) and tab-separated files, one at a time, whatever the size of the file."""

from __future__ import annotations

import gzip
import os
import zlib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from harness.collections.collection import CollectionError
from harness.collections.jsonl import is_identifier
from harness.collections.qrels import HEADER, LARGEST
from harness.files import json_data
from harness.files.bounded import OversizedError, lines
from sembridge.extras import require

_ID = ("_id", "id", "docid", "doc_id")
_COLUMNS = {*_ID, "title", "text", *HEADER}
_BATCH = 1000
EXPANSION = 200
"""How many times its packed size a file may have unpacked: text has up to ten times, a file made to fill disks a thousand times."""
_FREE = 64 << 20  # bytes unpacked before the ratio is looked at
_GROUP = 4 << 30  # bytes of a row group of a Parquet file, unpacked; a batch of it is in memory at once


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
            yield _word(columns[0], f"{name}:{number}"), columns[1]
        return
    for where, row in _rows(path, name):
        yield _id(row, where), _text(row, "text", where)


def judgements(path: Path, name: str) -> Iterator[tuple[str, str, int]]:
    """(query id, document id, score). A tab-separated file has three columns, and BEIR's header or none, or the four of TREC."""
    if not name.endswith(".tsv"):
        for where, row in _rows(path, name):
            query, document = (_word(_given(row, column, where), where) for column in HEADER[:2])
            yield query, document, _whole(_given(row, HEADER[2], where), where)
        return
    for number, columns in _columns(path, name):
        if number == 1 and tuple(columns) == HEADER:
            continue
        if len(columns) not in (3, 4):
            raise CollectionError(
                f"{name}:{number}: {len(columns)} columns instead of 3 (query, document, score) or 4 (TREC)"
            )
        yield (
            _word(columns[0], f"{name}:{number}"),
            _word(columns[-2], f"{name}:{number}"),
            _whole(columns[-1], f"{name}:{number}"),
        )


def _rows(path: Path, name: str) -> Iterator[tuple[str, dict[str, Any]]]:
    """Rows, and how an error calls them."""
    if name.endswith(".parquet"):
        require("grid", "reading Parquet")
        import pyarrow
        import pyarrow.parquet as parquet

        number = 0
        try:
            with parquet.ParquetFile(path) as file:
                _check_sizes(file.metadata, name, path)
                columns = [column for column in file.schema_arrow.names if column in _COLUMNS]
                for batch in file.iter_batches(batch_size=_BATCH, columns=columns):
                    for row in batch.to_pylist():
                        number += 1
                        yield f"{name}: row {number}", row
        except UnicodeDecodeError:
            raise CollectionError(f"{name}: a text after row {number} is not UTF-8: choose another revision") from None
        except (pyarrow.ArrowException, OSError):
            raise CollectionError(f"{name} is damaged: remove {path} and run the same command again") from None
        return
    for number, line in _lines(path, name):
        try:
            row = json_data.load(line)
        except json_data.JsonError:
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
            most, unpacked = max(_FREE, EXPANSION * os.path.getsize(path)), 0
            for number, line in lines(file):
                unpacked += len(line)
                if unpacked > most:
                    raise CollectionError(
                        f"{name}:{number}: more than {EXPANSION} times as large unpacked as packed: choose another revision"
                    )
                text = line.decode("utf-8-sig" if number == 1 else "utf-8").rstrip("\r\n")
                if text.strip():
                    yield number, text
    except OversizedError as error:
        raise CollectionError(f"{name}:{error.number}: the line is {error}: choose another revision") from None
    except (EOFError, zlib.error, gzip.BadGzipFile, UnicodeDecodeError):
        raise CollectionError(f"{name} is damaged: remove {path} and run the same command again") from None


def _check_sizes(metadata: Any, name: str, path: Path) -> None:
    """A row group is unpacked as it says: sizes no published file has are refused."""
    for index in range(metadata.num_row_groups):
        unpacked = metadata.row_group(index).total_byte_size
        if unpacked > _GROUP or unpacked > max(_FREE, EXPANSION * path.stat().st_size):
            raise CollectionError(
                f"{name}: row group {index} has {unpacked >> 20:,} MiB unpacked: choose another revision"
            )


def _given(row: dict[str, Any], column: str, where: str) -> Any:
    if row.get(column) is None:
        raise CollectionError(f"{where}: no {column!r}: its columns are {_printable(', '.join(map(str, row)))}")
    return row[column]


def _id(row: dict[str, Any], where: str) -> str:
    return _word(_given(row, next((name for name in _ID if name in row), _ID[0]), where), where)


def _word(value: Any, where: str) -> str:
    """An id: a word, or a number, which some datasets have for ids."""
    if not (isinstance(value, str) and is_identifier(value)) and type(value) is not int:
        raise CollectionError(
            f"{where}: the id {_shown(value)} is empty, has white space or is no text: choose another dataset or revision"
        )
    return str(value)


def _text(row: dict[str, Any], column: str, where: str) -> str:
    """Empty if the column is missing or null; numbers, which some datasets have for texts, are not guessed at."""
    value = row.get(column)
    if value is not None and not isinstance(value, str):
        raise CollectionError(f"{where}: {column!r} is no text: choose another revision")
    return value or ""


def _whole(value: Any, where: str) -> int:
    try:
        number = float(value)
    except (TypeError, ValueError, OverflowError):
        number = 0.5
    if not number.is_integer() or abs(number) > LARGEST:
        raise CollectionError(f"{where}: the score {_shown(value)} is not a whole number: check config and split")
    return int(number)


def _shown(value: Any) -> str:
    """A value in a message: numbers of thousands of digits have no repr, and texts may be long."""
    return (
        repr(value[:80])
        if isinstance(value, str)
        else repr(value)[:80]
        if type(value) in (int, float, bool)
        else type(value).__name__
    )


def _printable(text: str) -> str:
    """Names that a file made up: on one line, in characters that every terminal and log takes."""
    return "".join(c if c.isprintable() else c.encode("unicode_escape").decode() for c in text[:200])
