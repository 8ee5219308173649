"""What counts as a notice of a spot machine, and how long its node has left, without a Ray node."""

from __future__ import annotations

import sys
from datetime import UTC, datetime, timedelta

import pytest

from harness.cluster import spot_notice
from harness.cluster.spot_notice import read_notice
from tests.helpers.metadata_double import serve_metadata

END = datetime(2026, 3, 1, 8, 22, tzinfo=UTC)


@pytest.fixture
def metadata():
    with serve_metadata() as server:
        yield server


@pytest.mark.parametrize(
    ("notice", "end"),
    [
        ('{"action": "terminate", "time": "2026-03-01T08:22:00Z"}', END),
        ('{"action": "stop", "time": "2026-03-01T08:22:00Z"}', END),
        (None, None),
        ("<html>", None),
        ("[]", None),
        ('{"action": "terminate"}', None),
        ('{"time": "soon"}', None),
    ],
)
def test_notices_are_read(notice, end, metadata):
    metadata.notice = notice
    assert read_notice(metadata.url) == end
    assert metadata.looks == 1


def test_a_service_that_does_not_answer_is_not_a_notice(metadata):
    assert read_notice("http://127.0.0.1:9") is None


@pytest.mark.parametrize(("ahead", "left"), [(120.4, 120), (-30, 1)])  # Ray takes no deadline in the past
def test_the_command_waits_for_the_notice_and_hands_on_the_seconds_left(ahead, left, monkeypatch, capsys):
    class Clock(datetime):
        @classmethod
        def now(cls, tz=None):
            return END - timedelta(seconds=ahead)

    notices, drained = [None, None, END], []
    pauses: list[float] = []
    monkeypatch.setattr(spot_notice, "datetime", Clock)
    monkeypatch.setattr(spot_notice, "read_notice", lambda url: notices.pop(0))
    monkeypatch.setattr(spot_notice.time, "sleep", pauses.append)
    monkeypatch.setattr(spot_notice, "drain", lambda *arguments: drained.append(arguments) or 7)
    monkeypatch.setattr(sys, "argv", ["spot_notice", "--address", "head:6379", "--every", "3"])
    assert spot_notice.main() == 7, "the exit code of Ray's command"
    assert drained == [("head:6379", left)] and pauses == [3.0, 3.0]
    assert capsys.readouterr().out == f"this machine will be taken away at 08:22:00 UTC, in {left} s\n"
