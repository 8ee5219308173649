"""Read lines and whole files up to a declared size, so that a file without line ends does not fill the memory."""

from __future__ import annotations

import codecs
import os
import stat
from collections.abc import Iterator
from pathlib import Path
from typing import Protocol

LINE = 16 << 20
"""Bytes of a line with its end. The longest document of the catalog's collections has less than a hundredth of it."""

FILE = 256 << 20
"""Bytes of a file that is read whole, such as a tokenizer.json: the largest published ones have about 40 MB."""


class _Readable(Protocol):
    def readline(self, size: int, /) -> bytes: ...


class OversizedError(ValueError):
    """A line or a file is too long. number: that of the line; None for a file."""

    def __init__(self, limit: int, number: int | None = None) -> None:
        super().__init__(f"longer than {limit >> 20} MiB" if limit >> 20 else f"longer than {limit:,} bytes")
        self.number = number


def lines(file: _Readable, limit: int | None = None) -> Iterator[tuple[int, bytes]]:
    r"""Yield (number, line) from 1, each line with its end, which is \n only; the first without a byte order mark.

    OversizedError for a line of more than `limit` (LINE) bytes.
    """
    limit = LINE if limit is None else limit
    number = 0
    while line := file.readline(limit + 1):
        number += 1
        if len(line) > limit:
            raise OversizedError(limit, number)
        yield number, line.removeprefix(codecs.BOM_UTF8) if number == 1 else line


def text(path: Path, limit: int | None = None) -> str:
    """Return the text of a UTF-8 file, with or without byte order mark.

    Raises OversizedError above `limit` (FILE) bytes, UnicodeDecodeError, and OSError, also for pipes and devices, which
    might never end.
    """
    limit = FILE if limit is None else limit
    with open(path, "rb", opener=_open_without_blocking) as file:
        status = os.fstat(file.fileno())
        if not stat.S_ISREG(status.st_mode):
            raise OSError(None, "not a regular file", str(path))
        if status.st_size > limit:
            raise OversizedError(limit)
        content = file.read(status.st_size or limit + 1)  # files in /proc report the size 0
    if len(content) > limit:
        raise OversizedError(limit)
    return content.decode("utf-8-sig")


def _open_without_blocking(path: str, flags: int) -> int:
    """Open a file; a named pipe without a writer does not block."""
    return os.open(path, flags | os.O_NONBLOCK)
