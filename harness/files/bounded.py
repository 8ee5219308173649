"""Lines and whole files up to a declared size. A file without line ends, or one that never ends, is named; it does not fill the memory."""

from __future__ import annotations

import os
import stat
from collections.abc import Iterator
from pathlib import Path
from typing import Protocol

LINE = 16 << 20
"""Bytes of a line, its end included. The longest document of the collections we know has less than one hundredth of it."""

FILE = 256 << 20
"""Bytes of a file that is read whole, such as a tokenizer.json: the largest published ones have about 40 MB."""


class _Readable(Protocol):
    def readline(self, size: int, /) -> bytes: ...


class OversizedError(ValueError):
    """number: the line that is too long; None where the whole file is."""

    def __init__(self, limit: int, number: int | None = None) -> None:
        super().__init__(f"longer than {limit >> 20} MiB" if limit >> 20 else f"longer than {limit:,} bytes")
        self.number = number


def lines(file: _Readable, limit: int | None = None) -> Iterator[tuple[int, bytes]]:
    r"""The lines of a file by number, from 1, each with its end. Only \n ends a line. OversizedError for one of more than `limit` (LINE) bytes."""
    limit = LINE if limit is None else limit
    number = 0
    while line := file.readline(limit + 1):
        number += 1
        if len(line) > limit:
            raise OversizedError(limit, number)
        yield number, line


def text(path: Path, limit: int | None = None) -> str:
    """A whole file in UTF-8, with or without byte order mark. OversizedError above `limit` (FILE) bytes; OSError, UnicodeDecodeError.

    A pipe or a device, which might never end, is an OSError.
    """
    limit = FILE if limit is None else limit
    with open(path, "rb", opener=_without_waiting) as file:
        about = os.fstat(file.fileno())
        if not stat.S_ISREG(about.st_mode):
            raise OSError(None, "no regular file", str(path))
        if about.st_size > limit:
            raise OversizedError(limit)
        content = file.read(limit if about.st_size == 0 else about.st_size)  # files of /proc say 0, whatever they hold
    return content.decode("utf-8-sig")


def _without_waiting(path: str, flags: int) -> int:
    """As open, but a named pipe without a writer does not hold the program up."""
    return os.open(path, flags | os.O_NONBLOCK)
