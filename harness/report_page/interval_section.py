"""Plot the rows of each language and collection with the interval of their score: best on top."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from harness.report_page.drawing import BEST, INK, LINE, MUTED, Drawing, shortened, width_of
from harness.report_page.folder import Group, ResultsFolder
from harness.report_page.markup import Markup, element
from harness.report_page.query_scores import Interval, QueryScores

MOST = 40
"""Rows of a plot; of more the best are shown, and the references."""
_LABELS, _PLOT, _NUMBERS = 290, 225, 155  # pixels: labels at most


def pieces(folder: ResultsFolder, scores: QueryScores) -> Iterator[Markup]:
    """Yield a plot per table and language; those of a table have the same axis."""
    for number, group in enumerate(folder.groups):
        by_language = {language: scores.intervals(group, language) for language in group.languages}
        values = [end for own in by_language.values() for label in shown(own, group.references) for end in own[label]]
        for place, (language, intervals) in enumerate(by_language.items()):
            if intervals:
                yield _plot(f"i{number}-{place}", group, language, intervals, limits(values))


def shown(intervals: Mapping[str, Interval], references: frozenset[str]) -> list[str]:
    """Return the rows that are plotted, the highest score first."""
    order = sorted(intervals, key=lambda label: -intervals[label].score)
    room = MOST - sum(label in references for label in order)
    kept = [label for label in order if label not in references][: max(0, room)]
    return [label for label in order if label in references or label in kept]


def _plot(
    name: str, group: Group, language: str, intervals: Mapping[str, Interval], axis: tuple[float, float]
) -> Markup:
    labels = shown(intervals, group.references)
    best = next((label for label in labels if label not in group.references), "")
    left = min(_LABELS, max(map(width_of, labels))) + 12
    height = LINE * len(labels)
    drawing = Drawing(name, left + _PLOT + _NUMBERS, height + 44)
    axes = drawing.axes(left, 4, _PLOT, height)
    axes.set_ylim(len(labels) - 0.5, -0.5)
    axes.set_yticks([])
    axes.set_xlim(*axis)
    axes.locator_params(axis="x", nbins=5)
    for color, chosen in _by_color(labels, best, group.references).items():
        places = [labels.index(label) for label in chosen]
        values = [intervals[label] for label in chosen]
        ends = [end for value in values for end in (value.low, value.high, float("nan"))]  # one path, not one per row
        axes.plot(ends, [at for place in places for at in (place, place, place)], color=color, linewidth=1.6)
        face = "none" if color == MUTED else color
        axes.plot([value.score for value in values], places, "o", markersize=5.5, color=color, markerfacecolor=face)
    for place, label in enumerate(labels):
        top, color = 4 + LINE * (place + 0.5), MUTED if label in group.references else INK
        drawing.text(left - 8, top, shortened(label, _LABELS), "right", color=color)
        score, low, high = intervals[label]
        drawing.text(left + _PLOT + 10, top, f"{score:.3f} [{low:.3f}, {high:.3f}]", color=color)
    drawing.text(left + _PLOT / 2, height + 34, "nDCG@10", "center", color=MUTED)
    caption = f"{group.title}, {language}"
    left_out = len(intervals) - len(labels)
    note = f"The best {len(labels)} of {len(intervals)} rows; the table has all." if left_out else ""
    svg = drawing.svg(f"{caption}: nDCG@10 of {len(labels)} rows with 95% intervals; the numbers stand beside the rows")
    parts = [element("figcaption", caption), svg, *([element("p", note, class_="note")] if note else [])]
    return element("figure", *parts)


def _by_color(labels: list[str], best: str, references: frozenset[str]) -> dict[str, list[str]]:
    colors: dict[str, list[str]] = {}
    for label in labels:
        colors.setdefault(MUTED if label in references else BEST if label == best else INK, []).append(label)
    return colors


def limits(values: list[float]) -> tuple[float, float]:
    """Return the ends of an axis for these scores, within 0 and 1 but for a margin."""
    low, high = min(values), max(values)
    margin = max(0.05 * (high - low), 0.01)
    return max(low - margin, -0.015), min(high + margin, 1.015)
