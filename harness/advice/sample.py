"""Sample texts and tokens evenly, so that the same inputs always give the same sample."""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np

LINES = 2_000
"""Lines of a text that are read, at most."""
LONGEST = 2_000
"""Characters that are read of a line."""
_LOOKED_AT = 500_000  # lines of a text among which the sample lies: a text of gigabytes costs no minutes


def evenly(ids: np.ndarray, most: int) -> np.ndarray:
    """Return `most` of the ids [n], evenly spaced and beginning with the first; all of them if there are no more."""
    if len(ids) <= most:
        return ids
    return ids[np.arange(most) * len(ids) // most]


def sampled_lines(lines: Iterable[str], most: int = LINES) -> list[str]:
    """Return at most `most` lines, evenly spaced among the first half million, each cut at LONGEST characters.

    The lines are read once, and at most twice as many as the sample are held: whenever there are too many, every other
    one goes, and from there on only every second, fourth, ... is taken.
    """
    held: list[str] = []
    step = 1
    for number, line in enumerate(lines):
        if number == _LOOKED_AT:
            break
        if number % step:
            continue
        held.append(line[:LONGEST])
        if len(held) == 2 * most:
            held, step = held[::2], 2 * step
    return [held[i] for i in evenly(np.arange(len(held)), most)]
