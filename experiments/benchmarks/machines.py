"""Tell kinds of machines apart, and find ratios that have fallen since the committed ones were measured."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

FALL = 0.3
"""Share of a committed ratio by which a measured one may be lower; two runs on one machine differ by up to a tenth."""


class Fallen(NamedTuple):
    """A row whose ratio has fallen: what is measured, against what, the committed ratio, and the one of now."""

    job: str
    against: str
    committed: float
    measured: float


def kind(hardware: str) -> str:
    """Return the part of a machine's line that ratios depend on: processor, instructions and cores."""
    match = re.match(r".*?\), \d+ cores", hardware)
    return match[0] if match else hardware


def fallen(committed: Sequence[Mapping[str, Any]], measured: Sequence[Mapping[str, Any]]) -> list[Fallen]:
    """Return the rows whose ratio is more than `FALL` below that of the same row in the committed figures."""
    before = {(row["job"], row["against"]): row["ratio"] for row in committed}
    rows = [(row["job"], row["against"], row["ratio"]) for row in measured]
    known = [(job, against, before[job, against], now) for job, against, now in rows if (job, against) in before]
    return [Fallen(*row) for row in known if row[3] < (1 - FALL) * row[2]]


def unmatched(committed: Sequence[Mapping[str, Any]], measured: Sequence[Mapping[str, Any]]) -> list[tuple[str, str]]:
    """Return the job and the other side of measured rows that the committed figures do not have."""
    before = {(row["job"], row["against"]) for row in committed}
    return [row for row in ((row["job"], row["against"]) for row in measured) if row not in before]
