"""Lines of a text are divided so that none is read and measured."""

from __future__ import annotations

from harness.advice.held_out import CALIBRATING, LEAST, LINES, divided


def test_no_line_is_in_both_parts():
    """Lines that a text repeats count once, or the same one would be calibrated on and measured."""
    lines = [f"line {i % 500}" for i in range(1000)]
    parts = divided(lines)
    assert len(parts.measured) == LINES and len(parts.read) == 400
    assert sorted([*parts.measured, *parts.read]) == sorted(set(lines))
    assert len(parts.calibrating) == CALIBRATING and set(parts.calibrating) <= set(parts.read)
    assert sorted(parts.encoded) == sorted([*parts.measured, *parts.calibrating])
    assert parts.measured[:2] == ["line 0", "line 5"], "evenly spaced"


def test_a_short_text_gives_a_quarter():
    parts = divided([str(i) for i in range(LEAST)])
    assert (len(parts.measured), len(parts.read)) == (LEAST // 4, 3 * LEAST // 4)
    assert parts.is_short
    assert not divided([str(i) for i in range(LINES + CALIBRATING)]).is_short


def test_a_text_that_is_too_short_is_not_divided():
    assert divided(["one"] * 1000) is None
    assert divided([str(i) for i in range(LEAST - 1)]) is None
