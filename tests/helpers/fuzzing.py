"""Damaged files for the readers of outside files, and the promise that the readers keep.

Inputs are arbitrary bytes, and valid files with pieces cut out, doubled, moved or replaced. The suite takes a few
hundred of them, always the same; `make fuzz` takes new ones each time, for SEMBRIDGE_FUZZ_SECONDS in all, and
SEMBRIDGE_FUZZ_SEED repeats them.
"""

from __future__ import annotations

import contextlib
import os
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import HealthCheck, given, seed, settings
from hypothesis import strategies as st

SECONDS = float(os.environ.get("SEMBRIDGE_FUZZ_SECONDS", "0"))
FIRST_SEED = int(os.environ.get("SEMBRIDGE_FUZZ_SEED", time.time_ns() // 1000)) if SECONDS else 0
EXAMPLES = 40
SLOWEST = 20.0
"""Seconds one input may take on a busy machine; the readers' limits keep it to far less."""

INTERESTING = [
    *(
        b"",
        b"\0",
        b"\xff",
        b"\xed\xa0\x80",
        b"\xef\xbb\xbf",
        b"\n",
        b"\r",
        b"\t",
        b" ",
        b"{",
        b"}",
        b"[",
        b"]",
        b'"',
        b"\\",
        b":",
        b",",
        b"-",
        b"&a ",
        b"*a",
    ),
    *(
        b"null",
        b"true",
        b"NaN",
        b"1e999",
        b"9" * 400,
        b"-1",
        b"0.5",
        b"!!",
        b"<<: *a",
        b"? ",
        b"|\n",
        b"'",
        b"#",
        b"%YAML 9.9",
        b"\\ud800",
        b"\\u0000",
    ),
    *(
        b"../../",
        b"{language}",
        b"catalog:",
        b"\xe2\x80\xa8",
        b"\x1f\x8b",
        b"[" * 300,
        b'{"a":' * 300,
        b"- &a [*a]",
        b"\x1b[2J",
    ),
]


@st.composite
def mutations(draw: st.DrawFn, valid: bytes) -> bytes:
    """A valid file after one to four cuts, copies and insertions; sometimes no file of any kind."""
    if draw(st.integers(0, 9)) == 0:
        return draw(st.binary(max_size=300))
    content = valid
    for _ in range(draw(st.integers(1, 4))):
        start = draw(st.integers(0, len(content)))
        end = draw(st.integers(start, min(len(content), start + 60)))
        piece = draw(st.one_of(st.sampled_from(INTERESTING), st.binary(max_size=8), st.just(content[start:end] * 2)))
        content = content[:start] + piece + content[end:]
    return (
        content[: draw(st.one_of(st.just(len(content)), st.integers(0, len(content))))]
        if draw(st.booleans())
        else content
    )


def answers(read: Callable[[], object], refusal: type[ValueError], exactly: bool = True) -> None:
    """A value, or the reader's own error on one line of bearable length, soon."""
    start = time.perf_counter()
    try:
        read()
    except refusal as error:
        assert type(error) is refusal or not exactly, f"{type(error).__name__}: {error}"
        assert str(error) and "\n" not in str(error) and len(str(error)) < 2000, str(error)
        str(error).encode("utf-8", "strict")
    assert time.perf_counter() - start < SLOWEST


def folder_of(make: Callable[[Path], None]) -> dict[str, bytes]:
    """Return the files that `make` writes into a folder, by their paths in it."""
    with tempfile.TemporaryDirectory() as name:
        make(Path(name))
        return {
            path.relative_to(name).as_posix(): path.read_bytes()
            for path in sorted(Path(name).rglob("*"))
            if path.is_file()
        }


class Place:
    """A folder that each input is written into anew."""

    def __init__(self, valid: dict[str, bytes]) -> None:
        self.valid = valid

    @contextlib.contextmanager
    def with_file(self, name: str, content: bytes) -> Iterator[Path]:
        """Yield a folder with the valid files, but this content in one of them."""
        with tempfile.TemporaryDirectory() as folder:
            for other, bytes_ in {**self.valid, name: content}.items():
                (Path(folder) / other).parent.mkdir(parents=True, exist_ok=True)
                (Path(folder) / other).write_bytes(bytes_)
            yield Path(folder)


NUMBERS = [
    *(
        np.array(value, dtype).tobytes()
        for dtype in (np.int32, np.int64)
        for value in (-1, 0, 1, 7, np.iinfo(dtype).max)
    ),
    *(np.array(value, np.float32).tobytes() for value in (np.nan, np.inf, -1.0, 0.0, 1e30)),
]


@st.composite
def overwritten(draw: st.DrawFn, valid: bytes) -> bytes:
    """A valid file of the same size, with one to three numbers of binary files written over its bytes."""
    content = bytearray(valid)
    for _ in range(draw(st.integers(1, 3))):
        piece = draw(st.one_of(st.sampled_from(NUMBERS), st.binary(min_size=1, max_size=4)))
        piece = piece[: len(content)]
        place = draw(st.integers(0, len(content) - len(piece)))
        content[place : place + len(piece)] = piece
    return bytes(content)


def fuzz(
    request: pytest.FixtureRequest, name: str, inputs: st.SearchStrategy, check: Callable[[Any], None],
    examples: int = EXAMPLES,
) -> None:  # fmt: skip
    """Check examples that are always the same, or with SEMBRIDGE_FUZZ_SECONDS new ones, for this test's share of it."""
    end = time.monotonic() + SECONDS / request.session.testscollected
    taken = rounds = 0
    while rounds == 0 or time.monotonic() < end:

        @seed(FIRST_SEED + rounds)
        @settings(
            max_examples=examples,
            derandomize=not SECONDS,
            database=None,
            deadline=None,
            suppress_health_check=list(HealthCheck),
        )
        @given(inputs)
        def run(content: Any) -> None:
            nonlocal taken
            taken += 1
            check(content)

        run()
        rounds += 1
    if SECONDS:
        with request.config.pluginmanager.getplugin("capturemanager").global_and_fixture_disabled():
            print(f" {taken:7,} inputs from seed {FIRST_SEED}: {name}")
