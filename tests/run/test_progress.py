"""How much of a run nothing was being computed, as its last lines tell it."""

from __future__ import annotations

from unittest import mock

import pytest

from harness.run.progress import Progress


def test_idle_is_what_no_piece_covers():
    with mock.patch("time.perf_counter") as clock:
        clock.return_value = 100.0
        progress = Progress(0, 2, show=lambda text: None)
        for now, seconds in ((108, 3), (110, 6), (111, 0.5), (120, 5)):  # 105-108, 104-110, 110.5-111, 115-120
            clock.return_value = now
            progress.add_span(seconds)
        clock.return_value = 122.0
        assert progress.idle(100.0) == pytest.approx(4 + 0.5 + 4 + 2)


def test_without_pieces_all_is_idle():
    with mock.patch("time.perf_counter", return_value=7.0):
        assert Progress(0, 2, show=lambda text: None).idle(4.0) == 3
