"""The table of engines, in Markdown."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from experiments.benchmarks.engines.measuring import Measured

_HEAD = (
    "| engine | version | overlap@10 | lists alike | nDCG@10 (exact) | index, MB | load, s | queries a second |",
    "| --- | --- | ---: | ---: | ---: | ---: | ---: | ---: |",
)


def table(measured: Sequence[Measured], about: str) -> str:
    """Return the table, under a line that says what was asked."""
    return "\n".join([f"{about}:", "", *_HEAD, *map(line, measured)])


def line(measured: Measured) -> str:
    """Return the line of an engine."""
    found = measured.agreement
    scores = "" if found.exact is None else f"{found.engine:.4f} ({found.exact:.4f})"
    cells = [
        measured.loader.name,
        measured.loader.version,
        f"{found.overlap:.4f}",
        f"{100 * found.alike:.0f}%",
        scores,
        f"{measured.size / 1e6:.1f}",
        f"{measured.load:.1f}",
        f"{measured.per_second:,.0f}",
    ]
    return f"| {' | '.join(cells)} |"
