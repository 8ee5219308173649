"""Stream rows of Parquet, JSON lines (also gzipped) and tab-separated files of any size, one at a time."""

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
from harness.files.shown import shown
from sembridge.extras import require

_ID = ("_id", "id", "docid", "doc_id")
_COLUMNS = {*_ID, "title", "text", *HEADER}
_BATCH = 1000
EXPANSION = 200
"""Largest accepted ratio of unpacked to packed size: text reaches ten, a decompression bomb a thousand."""
_FREE = 64 << 20  # unpacked bytes below which the ratio is not checked
_GROUP = 4 << 30  # largest unpacked row group of a Parquet file, bytes; a batch of it is in memory at once


def documents(path: Path, name: str) -> Iterator[tuple[str, str, str]]:
    """Yield (id, title, text) of a corpus; a missing title is ''. Here and below, errors call the file `name`."""
    for where, row in _rows(path, name):
        yield _id(row, where), _text(row, "title", where), _text(row, "text", where)


def queries(path: Path, name: str) -> Iterator[tuple[str, str]]:
    """Yield (id, text). A tab-separated file has two columns and no header."""
    if name.endswith(".tsv"):
        for number, columns in _columns(path, name):
            if len(columns) != 2:
                raise CollectionError(f"{name}:{number}: {len(columns)} columns instead of 2, query id and text")
            yield _word(columns[0], f"{name}:{number}"), columns[1]
        return
    for where, row in _rows(path, name):
        yield _id(row, where), _text(row, "text", where)


def judgements(path: Path, name: str) -> Iterator[tuple[str, str, int]]:
    """Yield (query id, document id, score). A tab-separated file has 3 columns (BEIR, header optional) or 4 (TREC)."""
    if not name.endswith(".tsv"):
        for where, row in _rows(path, name):
            query, document = (_word(_required(row, column, where), where) for column in HEADER[:2])
            yield query, document, _whole(_required(row, HEADER[2], where), where)
        return
    for number, columns in _columns(path, name):
        if number == 1 and tuple(columns) == HEADER:
            continue
        if len(columns) not in (3, 4):
            expected = "3 (query, document, score) or 4 (TREC)"
            raise CollectionError(f"{name}:{number}: {len(columns)} columns instead of {expected}")
        where = f"{name}:{number}"
        yield _word(columns[0], where), _word(columns[-2], where), _whole(columns[-1], where)


def _rows(path: Path, name: str) -> Iterator[tuple[str, dict[str, Any]]]:
    """Yield each row after the place that errors name."""
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
            raise CollectionError(f"{name}:{number}: not a JSON object: choose another revision")
        yield f"{name}:{number}", row


def _columns(path: Path, name: str) -> Iterator[tuple[int, list[str]]]:
    for number, line in _lines(path, name):
        yield number, line.split("\t")


def _lines(path: Path, name: str) -> Iterator[tuple[int, str]]:
    """Yield number and content of the lines that are not blank. Only \\n ends a line: texts hold other separators."""
    try:
        with gzip.open(path) if name.endswith(".gz") else path.open("rb") as file:
            most, unpacked = max(_FREE, EXPANSION * os.path.getsize(path)), 0
            for number, line in lines(file):
                unpacked += len(line)
                if unpacked > most:
                    problem = f"more than {EXPANSION} times as large unpacked as packed"
                    raise CollectionError(f"{name}:{number}: {problem}: choose another revision")
                text = line.decode("utf-8-sig" if number == 1 else "utf-8").rstrip("\r\n")
                if text.strip():
                    yield number, text
    except OversizedError as error:
        raise CollectionError(f"{name}:{error.number}: the line is {error}: choose another revision") from None
    except (EOFError, zlib.error, gzip.BadGzipFile, UnicodeDecodeError):
        raise CollectionError(f"{name} is damaged: remove {path} and run the same command again") from None


def _check_sizes(metadata: Any, name: str, path: Path) -> None:
    """Refuse declared sizes of row groups that no published file has; pyarrow would allocate them."""
    for index in range(metadata.num_row_groups):
        unpacked = metadata.row_group(index).total_byte_size
        if unpacked > _GROUP or unpacked > max(_FREE, EXPANSION * path.stat().st_size):
            problem = f"row group {index} has {unpacked >> 20:,} MiB unpacked"
            raise CollectionError(f"{name}: {problem}: choose another revision")


def _required(row: dict[str, Any], column: str, where: str) -> Any:
    if row.get(column) is None:
        raise CollectionError(f"{where}: no {column!r}: its columns are {_printable(', '.join(map(str, row)))}")
    return row[column]


def _id(row: dict[str, Any], where: str) -> str:
    return _word(_required(row, next((name for name in _ID if name in row), _ID[0]), where), where)


def _word(value: Any, where: str) -> str:
    """Return an id, which is a string without white space, or in some datasets a whole number."""
    if not (isinstance(value, str) and is_identifier(value)) and type(value) is not int:
        problem = f"the id {shown(value)} is empty, has white space or is not text"
        raise CollectionError(f"{where}: {problem}: choose another dataset or revision")
    return str(value)


def _text(row: dict[str, Any], column: str, where: str) -> str:
    """Return a text, empty if the column is missing or null; refuse other types, which would need guessing."""
    value = row.get(column)
    if value is not None and not isinstance(value, str):
        raise CollectionError(f"{where}: {column!r} is not text: choose another revision")
    return value or ""


def _whole(value: Any, where: str) -> int:
    try:
        number = float(value)
    except (TypeError, ValueError, OverflowError):
        number = 0.5
    if not number.is_integer() or abs(number) > LARGEST:
        raise CollectionError(f"{where}: the score {shown(value)} is not a whole number: check config and split")
    return int(number)


def _printable(text: str) -> str:
    """Return untrusted names on one line, in characters that every terminal and log accepts."""
    return "".join(c if c.isprintable() else c.encode("unicode_escape").decode() for c in text[:200])
