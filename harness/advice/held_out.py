"""Divide lines of a text: those that a method may read, and others on which it is measured."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from harness.advice.sample import evenly

LINES = 100
"""Lines that are measured, at most."""
CALIBRATING = 333
"""Lines that the bias is calibrated on, at most, with one that may activate a token beside those that it stands in.

Of lines to come, (1 + 1) / 334 are then expected above the threshold: as many as (5 + 1) / 1001 with the 1,000 texts
that a transfer reads, in a third of the time.
"""
_MEASURED = 4  # of so many different lines one is measured, where the text is short
LEAST = 40
"""Different lines of a text without which it is not divided: fewer to calibrate on say nothing about rare tokens."""


@dataclass(frozen=True)
class HeldOut:
    """Lines of a text, all different.

    measured  evenly spaced ones that stand for documents to come
    read      the others: a method takes from them what it takes from a text
    """

    measured: Sequence[str]
    read: Sequence[str]

    @property
    def calibrating(self) -> list[str]:
        """Return the lines that the bias is calibrated on, chosen among those that may be read as a transfer does."""
        from sembridge.encoder.calibration import sample

        return sample(self.read, CALIBRATING)

    @property
    def encoded(self) -> list[str]:
        """Return all lines that an encoder reads: those that are measured, and those to calibrate on."""
        return [*self.measured, *self.calibrating]

    @property
    def is_short(self) -> bool:
        """Return whether there are fewer lines to calibrate on than it takes for rare tokens."""
        return len(self.read) < CALIBRATING


def divided(lines: Sequence[str]) -> HeldOut | None:
    """Return lines divided, so that none is in both parts; None for fewer than LEAST different ones.

    A bias calibrated on a line was fitted to it: fewer dimensions are active there than on a line to come.
    """
    different = np.array(list(dict.fromkeys(lines)), dtype=object)
    if len(different) < LEAST:
        return None
    places = evenly(np.arange(len(different)), min(LINES, len(different) // _MEASURED))
    return HeldOut(different[places].tolist(), np.delete(different, places).tolist())
