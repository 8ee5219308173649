"""Counts of what engines limit, by hand."""

from __future__ import annotations

from harness.export.tally import Tally
from harness.export.weights import csr


def test_counts_over_blocks():
    tally = Tally(special=(0, 1), limits=(1, 2))
    tally.add(csr([([0, 3, 4], [0.5, 1.0, 2.5]), ([0], [1.0])], 6))
    tally.add(csr([([], []), ([1, 5], [0.25, 0.5])], 6))
    assert (tally.number, tally.empty, tally.active, tally.most_active, tally.largest) == (4, 1, 6, 3, 2.5)
    assert tally.beyond == {1: 2, 2: 1} and tally.special == {0: 2, 1: 1} and tally.mean_active == 1.5


def test_nothing_counted():
    assert Tally().mean_active == 0 and Tally().largest == 0
