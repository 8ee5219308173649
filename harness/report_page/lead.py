"""Say in sentences which row of a table is best, how far it is ahead of the other rows, and whether that is shown.

How it compares with bm25 and base is said by `harness.results.tables.verdict`.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from harness.report_page.folder import Compared, Group, ResultsFolder
from harness.results.tables.significance import LEVEL
from harness.results.tables.table import MEAN, MISSING

_NAMED = 4  # rows that a sentence names; of more it says how many they are


def sentences(folder: ResultsFolder, group: Group) -> list[str]:
    """Return the lead of the best row: in the mean over languages, and where the languages differ from it."""
    competitors = [label for label in group.best_first if label not in group.references]
    if not competitors:
        return ["No row has scores in every language, so none is best."]
    compared = folder.compared(group, MEAN)
    where = f" in {group.languages[0]}" if len(group.languages) == 1 else f" over {len(group.languages)} languages"
    best = compared[0].best if compared else competitors[0]
    score = f"{best} has nDCG@10 {_short(group.mean(best))}{where}"
    if not compared:
        others = "the only row that competes" if len(competitors) == 1 else "nothing was tested"
        return [f"{score}: {others}.", *_incomplete(group)]
    told = [f"{score}, the best: {_lead(compared, competitors)}."]
    if len(group.languages) > 1:
        told += _by_language(folder, group, best)
    return [*told, *_incomplete(group)]


def _lead(compared: Sequence[Compared], order: Sequence[str]) -> str:
    """Return by how much the best is above the next row, and above which rows that is not shown."""
    following = min(compared, key=lambda line: order.index(line.method) if line.method in order else len(order))
    lead = (
        f"{_short(following.difference)} [{_short(following.low)}, {_short(following.high)}] above {following.method}"
    )
    open_rows = [line.method for line in compared if line.p_holm >= LEVEL]
    if not open_rows:
        others = len(compared) - 1
        more = "" if not others else " and above the other row" if others == 1 else f" and above all {others} others"
        return f"{lead}{more}, shown (p < {LEVEL:g})"
    if following.method not in open_rows:
        return f"{lead}, shown (p < {LEVEL:g}); no difference shown to {_listed(open_rows)}"
    open_others = [label for label in open_rows if label != following.method]
    further = f", nor to {_listed(open_others)}" if open_others else ""
    shown = len(compared) - len(open_rows)
    below = f"; the other {shown} {'row is' if shown == 1 else 'rows are'} shown to be below" if shown else ""
    return f"{lead}, a difference that is not shown{further}{below}"


def _by_language(folder: ResultsFolder, group: Group, best: str) -> Iterable[str]:
    """Yield a sentence on the languages whose best row is another one."""
    others: dict[str, list[str]] = {}
    for language in group.languages:
        scores = {label: group.score(label, language) for label in group.rows if label not in group.references}
        numbers = {label: score for label, score in scores.items() if score is not None}
        if numbers and max(numbers.values()) > numbers.get(best, -1.0):
            others.setdefault(max(numbers, key=lambda label: numbers[label]), []).append(language)
    if others:
        listed = "; ".join(f"{label} in {', '.join(languages)}" for label, languages in others.items())
        yield f"Another row has the highest score in some languages: {listed}."
    else:
        yield "It has the highest score in each of them."


def _incomplete(group: Group) -> Iterable[str]:
    """Yield a sentence on the rows that take no part in the comparison, for they are not complete."""
    missing = [label for label in group.rows if label not in group.references and group.mean(label) is None]
    if missing:
        yield f"Not compared, for lack of scores{' in a language' * (len(group.languages) > 1)}: {_listed(missing)}."


def _listed(labels: Sequence[str]) -> str:
    if len(labels) > _NAMED:
        return f"{len(labels)} rows"
    return " and ".join(filter(None, [", ".join(labels[:-1]), labels[-1]]))


def _short(number: float | None) -> str:
    """Return a number of three decimals; – for none."""
    return MISSING if number is None else f"{number:.3f}"
