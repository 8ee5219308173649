"""Plot scores against active dimensions: what a row costs an index, and what it brings."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from statistics import fmean

from harness.report_page.drawing import BEST, INK, MUTED
from harness.report_page.folder import Group, ResultsFolder
from harness.report_page.interval_section import limits
from harness.report_page.labelled import Line, figure
from harness.report_page.markup import Markup

MOST_NAMED = 14
"""Rows of a plot with a name; of more, those that no other row beats in both."""
_STEPS = (1, 2, 5)


def pieces(folder: ResultsFolder) -> Iterator[Markup]:
    """Yield a plot per table and language."""
    for number, group in enumerate(folder.groups):
        by_language = {language: points(group, language) for language in group.languages}
        values = [score for own in by_language.values() for _, score in own.values()]
        for place, (language, own) in enumerate(by_language.items()):
            if len(own) > 1:
                flat = _without_dimensions(group, language)
                axis = limits([*values, *flat.values()])
                yield _plot(f"t{number}-{place}", f"{group.title}, {language}", group, own, flat, axis)


def points(group: Group, language: str) -> dict[str, tuple[float, float]]:
    """Return by row its mean number of active dimensions of a document and its nDCG@10."""
    found: dict[str, tuple[float, float]] = {}
    for label in group.rows:
        cells = group.cells(label, language)
        active = [cell.doc_active for cell in cells if cell.doc_active]
        if cells and len(active) == len(cells):
            found[label] = fmean(active), fmean(cell.scores["ndcg@10"] for cell in cells)
    return found


def unbeaten(points: Mapping[str, tuple[float, float]]) -> list[str]:
    """Return the rows than which no other has a higher score with as few dimensions, fewest dimensions first."""
    best, kept = -1.0, []
    for label, (_, score) in sorted(points.items(), key=lambda item: (item[1][0], -item[1][1])):
        if score > best:
            best = score
            kept.append(label)
    return kept


def _without_dimensions(group: Group, language: str) -> dict[str, float]:
    """Return the scores of the rows that have no active dimensions: bm25 and dense."""
    flat = {}
    for label in group.rows:
        cells = group.cells(label, language)
        if cells and not any(cell.doc_active for cell in cells):
            flat[label] = fmean(cell.scores["ndcg@10"] for cell in cells)
    return flat


def _plot(
    name: str, caption: str, group: Group, own: Mapping[str, tuple[float, float]], flat: Mapping[str, float],
    axis: tuple[float, float],
) -> Markup:  # fmt: skip
    front = unbeaten(own)
    named = list(own) if len(own) <= MOST_NAMED else sorted(front, key=lambda label: -own[label][1])[:MOST_NAMED]
    ticks = _ticks(min(active for active, _ in own.values()), max(active for active, _ in own.values()))
    lines = {
        label: Line([active], [score], BEST if label in front else MUTED if label in group.references else INK,
                    named=label in named, number=_count(active))
        for label, (active, score) in own.items()
    }  # fmt: skip
    ends = [min(ticks), max(ticks)]
    lines |= {label: Line(ends, [score, score], MUTED, dashed=True) for label, score in flat.items()}
    note = (
        ""
        if len(named) == len(own)
        else f"{len(named)} of {len(own)} rows have names and color: the best that no other beats."
    )
    title = "active dimensions of a document (mean)"
    return figure(name, caption, lines, title, ticks, logarithmic=True, y_axis=axis, note=note)


def _count(active: float) -> str:
    return f"{active:,.0f}" if active >= 100 else f"{active:.3g}"


def _ticks(low: float, high: float) -> dict[float, str]:
    """Return round numbers from the last one below `low` to the first one above `high`."""
    numbers = [step * 10.0**power for power in range(-3, 8) for step in _STEPS]
    first = max((number for number in numbers if number <= low), default=numbers[0])
    last = min((number for number in numbers if number >= high), default=numbers[-1])
    return {number: f"{number:,g}" for number in numbers if first <= number <= last}
