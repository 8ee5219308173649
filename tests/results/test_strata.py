"""Thirds, and the means of strata by hand."""

from __future__ import annotations

import math
from fractions import Fraction

import pytest

from harness.results.strata import members, split, stratum_of


def test_a_share_of_exactly_a_third_is_not_low_and_of_two_thirds_is_high():
    """Against exact fractions, for every share of up to 60 words."""
    for words in range(1, 61):
        for shared in range(words + 1):
            share = Fraction(shared, words)
            third = "low" if share < Fraction(1, 3) else "high" if share >= Fraction(2, 3) else "middle"
            assert stratum_of(shared / words) == third
    assert stratum_of(None) is None


def test_means_and_numbers_by_hand():
    shares = {"a": 0.0, "b": 0.2, "c": 0.5, "d": 1.0, "e": None}
    strata = split(["d", "e", "b", "a", "unknown", "c"], [1.0, 0.9, 0.3, 0.2, 0.7, 0.6], shares)
    assert strata == {"low": (2, pytest.approx(0.25)), "middle": (1, 0.6), "high": (1, 1.0)}
    empty = split(["e"], [0.5], shares)
    assert [part.queries for part in empty.values()] == [0, 0, 0] and all(math.isnan(s) for _, s in empty.values())
    assert members(["d", "b", "e", "a"], shares, "low") == [1, 3]
