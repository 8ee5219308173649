"""Lines and files are read up to a limit; whatever might never end is refused."""

from __future__ import annotations

import io
import os
from pathlib import Path

import pytest

from harness.files import bounded
from harness.files.bounded import OversizedError, lines, text


def test_lines_are_numbered_from_1_and_end_in_a_newline_only():
    content = "a\r\nb\x0bc\rd\n\ne\u2028f".encode()
    assert list(lines(io.BytesIO(content))) == [
        (1, b"a\r\n"),
        (2, b"b\x0bc\rd\n"),
        (3, b"\n"),
        (4, "e\u2028f".encode()),
    ]
    assert list(lines(io.BytesIO(b""))) == []


def test_the_limit_of_a_line_includes_its_end():
    assert list(lines(io.BytesIO(b"abc\nabcd"), 4)) == [(1, b"abc\n"), (2, b"abcd")]
    reader = lines(io.BytesIO(b"abc\nabcd\n"), 4)
    assert next(reader) == (1, b"abc\n")
    with pytest.raises(OversizedError, match="longer than 4 bytes") as error:
        next(reader)
    assert error.value.number == 2


class Endless:
    """A line without end that counts the bytes read of it."""

    count = 0

    def readline(self, size: int, /) -> bytes:
        self.count += size
        return b"x" * size


def test_a_line_without_end_is_read_to_just_above_the_limit():
    file = Endless()
    with pytest.raises(OversizedError, match="longer than 1 MiB"):
        next(lines(file, 1 << 20))
    assert file.count == (1 << 20) + 1


def test_the_default_limits_may_be_changed_after_import(tmp_path, monkeypatch):
    monkeypatch.setattr(bounded, "LINE", 2)
    monkeypatch.setattr(bounded, "FILE", 3)
    with pytest.raises(OversizedError, match="longer than 2 bytes"):
        next(lines(io.BytesIO(b"abc")))
    (tmp_path / "f").write_text("abcd")
    with pytest.raises(OversizedError, match="longer than 3 bytes") as error:
        text(tmp_path / "f")
    assert error.value.number is None


def test_a_file_is_utf_8_with_or_without_byte_order_mark(tmp_path):
    for content in (b"\xef\xbb\xbf\xd0\xb6\r\n", b"\xd0\xb6\r\n"):
        (tmp_path / "f").write_bytes(content)
        assert text(tmp_path / "f", limit=len(content)) == "ж\r\n"
    (tmp_path / "f").write_bytes(b"ab\xff")
    with pytest.raises(UnicodeDecodeError):
        text(tmp_path / "f")


def test_pipes_devices_and_folders_are_refused_at_once(tmp_path):
    os.mkfifo(tmp_path / "pipe")
    for path in (tmp_path / "pipe", Path("/dev/zero")):
        with pytest.raises(OSError, match="not a regular file"):
            text(path)
    with pytest.raises(IsADirectoryError):
        text(tmp_path)
    with pytest.raises(FileNotFoundError):
        text(tmp_path / "nowhere")


@pytest.mark.skipif(not Path("/proc/self/status").is_file(), reason="the system has no /proc")
def test_files_that_report_no_size_are_read_and_not_cut_off():
    path = Path("/proc/self/status")
    assert path.stat().st_size == 0 and f"Pid:\t{os.getpid()}\n" in text(path, 1 << 20)
    with pytest.raises(OversizedError, match="longer than 10 bytes"):
        text(path, 10)
