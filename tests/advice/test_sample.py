"""Samples are even, bounded, and the same each time."""

from __future__ import annotations

from itertools import count

import numpy as np

from harness.advice.sample import LONGEST, evenly, sampled_lines


def test_ids_are_evenly_spaced():
    assert evenly(np.arange(10), 3).tolist() == [0, 3, 6]
    assert evenly(np.array([5, 7, 9]), 3).tolist() == [5, 7, 9]
    assert evenly(np.arange(0), 3).tolist() == []


def test_lines_are_evenly_spaced_whatever_their_number():
    """Of 10 lines, at most 2: after 4, 8 lines every other one goes, twice, so 0, 4 and 8 are held, of which 2."""
    assert sampled_lines((str(i) for i in range(10)), 2) == ["0", "4"]
    assert sampled_lines((str(i) for i in range(3)), 2) == ["0", "1"]
    assert sampled_lines(["a" * 3000], 2) == ["a" * LONGEST]


def test_an_endless_text_ends(monkeypatch):
    monkeypatch.setattr("harness.advice.sample._LOOKED_AT", 100)
    lines = map(str, count())
    assert len(sampled_lines(lines, 8)) == 8
    assert next(lines) == "101"
