"""Stream rows of Parquet, JSON lines (also gzipped) and tab-separated files of any size, one at a time."""

from __future__ import annotations

import gzip
import os
import zlib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from harness.collections.collection import CollectionError
from harness.collections.fields import HEADER, ID, Where, identifier, record, required, score, text, with_text, word
from harness.collections.qrels import parsed
from harness.files.bounded import OversizedError, lines
from sembridge.extras import require

_COLUMNS = {*ID, "title", "text", *HEADER}
_BATCH = 1000
EXPANSION = 200
"""Largest accepted ratio of unpacked to packed size: text reaches ten, a decompression bomb a thousand."""
_FREE = 64 << 20  # unpacked bytes below which the ratio is not checked
_GROUP = 4 << 30  # largest unpacked row group of a Parquet file, bytes; a batch of it is in memory at once


def documents(path: Path, name: str) -> Iterator[tuple[str, str, str]]:
    """Yield (id, title, text) of a corpus; a missing title is ''. Here and below, errors call the file `name`."""
    for where, row in with_text(_rows(path, name)):
        yield identifier(row, where), text(row, "title", where), text(row, "text", where)


def queries(path: Path, name: str) -> Iterator[tuple[str, str]]:
    """Yield (id, text), also where the text is empty. A tab-separated file has two columns and no header."""
    if name.endswith(".tsv"):
        for number, line in _lines(path, name):
            columns, where = line.split("\t"), Where(f"{name}:{number}", own=False)
            if len(columns) != 2:
                raise where.defect(f"{len(columns)} columns instead of 2, query id and text", "")
            yield word(columns[0], where), columns[1]
        return
    for where, row in with_text(_rows(path, name)):
        yield identifier(row, where), text(row, "text", where)


def judgements(path: Path, name: str) -> Iterator[tuple[str, str, int]]:
    """Yield (query id, document id, score). A text has 3 columns (BEIR, header optional) or 4 (TREC)."""
    if not name.endswith(".tsv"):
        for where, row in _rows(path, name):
            query, document = (word(required(row, column, where), where) for column in HEADER[:2])
            yield query, document, score(required(row, HEADER[2], where), where)
        return
    for _, query, document, grade in parsed(_lines(path, name), name, own=False):
        yield query, document, grade


def _rows(path: Path, name: str) -> Iterator[tuple[Where, dict[str, Any]]]:
    """Yield each row after its place."""
    if name.endswith(".parquet"):
        require("grid", "reading Parquet")
        import pyarrow
        import pyarrow.parquet as parquet

        number = 0
        try:
            with parquet.ParquetFile(path) as file:
                _check_sizes(file.metadata, name, path)
                names = tuple(file.schema_arrow.names)
                columns = [name for name in names if name in _COLUMNS]
                for batch in file.iter_batches(batch_size=_BATCH, columns=columns):
                    for row in batch.to_pylist():
                        number += 1
                        yield Where(f"{name}: row {number}", own=False, columns=names), row
        except UnicodeDecodeError:
            raise CollectionError(f"{name}: a text after row {number} is not UTF-8: choose another revision") from None
        except (pyarrow.ArrowException, OSError):
            raise CollectionError(f"{name} is damaged: remove {path} and run the same command again") from None
        return
    for number, line in _lines(path, name):
        where = Where(f"{name}:{number}", own=False)
        yield where, record(line, where)


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
                content = line.decode("utf-8").rstrip("\r\n")
                if content.strip():
                    yield number, content
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
