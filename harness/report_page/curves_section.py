"""Plot scores against alpha, and against the steps of a training, where a grid has several of them."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from statistics import fmean

from harness.report_page.drawing import INK, MUTED, SERIES
from harness.report_page.folder import Group, ResultsFolder, as_written
from harness.report_page.interval_section import limits
from harness.report_page.labelled import Line, figure
from harness.report_page.markup import Markup
from harness.results.scored_cells import ScoredCell
from harness.results.tables.convergence import FILE as CONVERGENCE
from harness.results.tables.table import in_order
from sembridge.options import AUTO, AUTOMATIC

MOST_NAMED = 12
_MEASURE = "ndcg@10"
_Curves = dict[str, dict[float, float]]  # name -> x -> score


def alphas(folder: ResultsFolder) -> Iterator[Markup]:
    """Yield a plot per table, initializer, bridge and kind of vectors with two alphas or more: a line per language."""
    for number, group in enumerate(folder.groups):
        families: dict[tuple[str, str, str], list[ScoredCell]] = {}
        for row in group.rows.values():
            for cell in row:
                if cell.alpha is not None:
                    families.setdefault((cell.initializer, cell.bridge, cell.vectors), []).append(cell)
        for place, ((initializer, bridge, vectors), cells) in enumerate(families.items()):
            curves = _by_alpha(group, cells)
            numbers = sorted({alpha for curve in curves.values() for alpha in curve} - {AUTOMATIC})
            if len(numbers) > 1:
                caption = ", ".join(filter(None, [f"{group.title}: {initializer} with the bridge {bridge}", vectors]))
                yield _alphas(f"a{number}-{place}", caption, curves, numbers)


def _by_alpha(group: Group, cells: Sequence[ScoredCell]) -> _Curves:
    """Return by language and alpha the score, the mean over seeds; without incomplete ones."""
    curves: _Curves = {}
    for language in group.languages:
        by_alpha: dict[float, list[ScoredCell]] = {}
        for cell in cells:
            if cell.language == language and cell.alpha is not None:
                by_alpha.setdefault(cell.alpha, []).append(cell)
        complete = {alpha: own for alpha, own in by_alpha.items() if all(cell.scores for cell in own)}
        if complete:
            curves[language] = {alpha: _mean(own) for alpha, own in complete.items()}
    return curves


def _mean(cells: Sequence[ScoredCell]) -> float:
    """Return the mean over seeds; seeds that share an artifact count once."""
    return fmean({cell.key: cell.scores[_MEASURE] for cell in cells}.values())


def _alphas(name: str, caption: str, curves: _Curves, numbers: Sequence[float]) -> Markup:
    beyond = numbers[-1] * (numbers[-1] / numbers[0]) ** 0.2  # where the automatic alpha stands: apart from the line
    lines: dict[str, Line] = {}
    for place, (language, curve) in enumerate(curves.items()):
        color = SERIES[place % len(SERIES)]
        x, y = [alpha for alpha in numbers if alpha in curve], [curve[alpha] for alpha in numbers if alpha in curve]
        if AUTOMATIC in curve:
            x, y = [*x, float("nan"), beyond], [*y, float("nan"), curve[AUTOMATIC]]
        lines[language] = Line(x, y, color)
    ticks = {alpha: f"{alpha:g}" for alpha in numbers}
    if any(AUTOMATIC in curve for curve in curves.values()):
        ticks[beyond] = AUTO
    axis = limits([score for curve in curves.values() for score in curve.values()])
    return figure(name, caption, lines, "alpha", ticks, logarithmic=True, y_axis=axis)


def convergence(folder: ResultsFolder) -> Iterator[Markup]:
    """Yield a plot per table and language whose trainings were measured: a line per row, from step 0 to the last."""
    if not (folder.path / CONVERGENCE).is_file():
        return
    labels = {cell.key: label for group in folder.groups for label, cells in group.rows.items() for cell in cells}
    measured: dict[tuple[str, ...], dict[str, dict[float, list[float]]]] = {}
    texts = ("key", "collection", "regime", "architecture", "language")
    for row in folder.rows(CONVERGENCE, *texts, numbers=("step", _MEASURE)):
        if row["key"] in labels:
            table = tuple(as_written(row[name]) for name in texts[1:])
            curve = measured.setdefault(table, {}).setdefault(labels[row["key"]], {})
            curve.setdefault(float(row["step"]), []).append(float(row[_MEASURE]))
    for number, group in enumerate(folder.groups):
        for place, language in enumerate(group.languages):
            if curves := measured.get((group.collection, group.regime, group.architecture, language)):
                means = {label: {step: fmean(own) for step, own in curve.items()} for label, curve in curves.items()}
                yield _convergence(f"c{number}-{place}", f"{group.title}, {language}", means, group.references)


def _convergence(name: str, caption: str, curves: _Curves, references: frozenset[str]) -> Markup:
    order = sorted(curves, key=lambda label: -curves[label][max(curves[label])])
    named = order[:MOST_NAMED]
    lines = {}
    for label in order:
        steps = sorted(curves[label])
        color = (
            MUTED if label in references else SERIES[order.index(label)] if order.index(label) < len(SERIES) else INK
        )
        lines[label] = Line(steps, [curves[label][step] for step in steps], color, named=label in named)
    steps = in_order(step for label in order for step in sorted(curves[label]))
    axis = limits([score for curve in curves.values() for score in curve.values()])
    note = "" if len(named) == len(order) else f"The best {len(named)} of {len(order)} rows have their names."
    ticks = {step: f"{step:g}" for step in steps}
    return figure(name, caption, lines, "steps of training", ticks, logarithmic=False, y_axis=axis, note=note)
