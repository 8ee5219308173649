"""Draw points and lines of which each has its name beside it: a reader need not look colors up in a legend."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from harness.report_page.drawing import INK, LINE, MUTED, RULE, Drawing, shortened, width_of
from harness.report_page.label_places import spread
from harness.report_page.markup import Markup, element

_LEFT, _PLOT, _TOP, _BELOW, _LEAD = 40, 250, 8, 44, 26
_LABELS = 175  # pixels at most
_SMALLEST = 190


@dataclass(frozen=True)
class Line:
    """Hold the points of a line, in order, or a single point; NaN in y ends a part of it.

    named   has its name at its last point; a line without one is drawn faintly
    number  that stands behind the name
    """

    x: Sequence[float]
    y: Sequence[float]
    color: str = INK
    named: bool = True
    marker: str = "o"
    dashed: bool = False
    number: str = ""


def height_for(names: int) -> float:
    """Return a height of the plot that so many names fit beside."""
    return max(_SMALLEST, LINE * names)


def figure(
    name: str, caption: str, lines: Mapping[str, Line], x_title: str, x_ticks: Mapping[float, str], *,
    logarithmic: bool, y_axis: tuple[float, float], y_title: str = "nDCG@10", note: str = "",
) -> Markup:  # fmt: skip
    """Return a figure of lines by name.

    x_ticks  texts by place of the x axis; those that would touch an earlier one are left out
    """
    named = [label for label, line in lines.items() if line.named]
    height = height_for(len(named))
    right = min(_LABELS, max(map(width_of, named), default=0))
    numbers = max((width_of(f" {line.number}") for line in lines.values() if line.number), default=0)
    drawing = Drawing(name, _LEFT + _PLOT + _LEAD + right + numbers + 4, _TOP + height + _BELOW)
    axes = drawing.axes(_LEFT, _TOP, _PLOT, height)
    if logarithmic:
        axes.set_xscale("log")
    axes.set_xlim(*_ends(list(x_ticks), lines, logarithmic))
    axes.set_ylim(*y_axis)
    _mark(drawing, axes, x_ticks, height)
    axes.locator_params(axis="y", nbins=6)
    _draw_points(axes, [line for line in lines.values() if not line.named and len(line.x) == 1])
    for line in lines.values():
        if line.named or len(line.x) > 1:
            _draw(axes, line)
    _name(drawing, axes, {label: lines[label] for label in named}, height)
    drawing.text(_LEFT + _PLOT / 2, _TOP + height + 34, x_title, "center", color=MUTED)
    svg = drawing.svg(f"{caption}: {y_title} by {x_title}; {', '.join(named)}")
    notes = [element("p", note, class_="note")] if note else []
    return element("figure", element("figcaption", caption), svg, *notes)


def _draw(axes: Any, line: Line) -> None:
    color = line.color if line.named else MUTED
    alpha = 1.0 if line.named else 0.45
    style = "--" if line.dashed else "-"
    marker = None if line.dashed else line.marker
    axes.plot(line.x, line.y, style, marker=marker, markersize=5, color=color, linewidth=1.6, alpha=alpha)


def _draw_points(axes: Any, points: Sequence[Line]) -> None:
    """Draw the points without a name as one path with round ends: hundreds take a tenth of the bytes of markers."""
    if points:
        x = [at for point in points for at in (point.x[0], point.x[0], float("nan"))]
        y = [at for point in points for at in (point.y[0], point.y[0], float("nan"))]
        axes.plot(x, y, color=MUTED, linewidth=5, alpha=0.45, solid_capstyle="round")


def _ends(ticks: Sequence[float], lines: Mapping[str, Line], logarithmic: bool) -> tuple[float, float]:
    """Return the ends of the x axis, a little outside of everything on it."""
    places = [*ticks, *(x for line in lines.values() if not line.dashed for x in line.x)]
    low, high = min(places), max(places)
    if logarithmic:
        margin = (high / low) ** 0.06 if high > low else 1.5
        return low / margin, high * margin
    margin = 0.05 * (high - low) or 1.0
    return low - margin, high + margin


def _mark(drawing: Drawing, axes: Any, ticks: Mapping[float, str], height: float) -> None:
    """Draw the ticks of the x axis whose texts do not touch the one before."""
    from matplotlib.ticker import FixedLocator, NullFormatter, NullLocator

    kept, free = [], -1e9
    for at, text in sorted(ticks.items()):
        place = _place(axes, at, drawing)
        if place - width_of(text) / 2 < free:
            continue
        kept.append(at)
        free = place + width_of(text) / 2 + 6
        drawing.text(place, _TOP + height + 14, text, "center", color=MUTED)
    axes.xaxis.set_major_locator(FixedLocator(kept))
    axes.xaxis.set_minor_locator(NullLocator())
    axes.xaxis.set_major_formatter(NullFormatter())


def _place(axes: Any, x: float, drawing: Drawing) -> float:
    """Return how far from the left of the drawing a value of the x axis is."""
    return float(axes.transData.transform((x, 0))[0])


def _name(drawing: Drawing, axes: Any, lines: Mapping[str, Line], height: float) -> None:
    """Write the names to the right of the plot, each with a thin line to the last point of what it names."""
    from matplotlib.lines import Line2D

    ends = [axes.transData.transform((line.x[-1], line.y[-1])) for line in lines.values()]
    wanted = [drawing.height - float(end[1]) for end in ends]
    tops = spread(wanted, LINE, _TOP + LINE / 2, _TOP + height - LINE / 2)
    left = _LEFT + _PLOT + _LEAD
    for (label, line), (x, y), top in zip(lines.items(), ends, tops, strict=True):
        path = [x + 4, left - 16, left - 4], [y, y, drawing.height - top]
        if path[0][0] < path[0][1]:
            lead = Line2D(
                [at / drawing.width for at in path[0]], [at / drawing.height for at in path[1]],
                transform=drawing.figure.transFigure, color=RULE, linewidth=0.8, zorder=0,
            )  # fmt: skip
            drawing.figure.add_artist(lead)
        drawing.text(left, top, shortened(label, _LABELS), color=line.color)
        if line.number:
            drawing.text(drawing.width - 2, top, line.number, "right", color=MUTED)
