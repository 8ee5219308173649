"""Say in sentences whether the best row of each table is better than bm25 and base."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import groupby

from harness.results.tables.baselines_compared import BM25, FILE, Against
from harness.results.tables.significance import LEVEL
from harness.results.tables.table import MEAN, in_order

LISTED = 3  # languages that a sentence gives a number for; more of them are given as their mean and its exceptions
EXPLAINED = (
    f"Above and below: shown at p < {LEVEL:g} by a paired randomization test over queries, after Holm's correction "
    f"over all comparisons with bm25 and base in a table; in brackets the 95% interval. {FILE} has every row."
)


def sentences(comparisons: Sequence[Against]) -> list[str]:
    """Return a text for each table, in order: how its best competitor compares with bm25 and with base.

    The best is that of the mean over languages, or of the languages where the table has no mean. Reference rows that
    are above bm25 in the mean, or in the only language, follow. Without comparisons of a competitor there is no text.
    """
    texts = []
    for _, own in groupby(comparisons, key=lambda each: each.place):
        of_table = list(own)
        if competitors := [each for each in of_table if not each.reference]:
            texts.append(f"{_sentence(competitors)}{_references(of_table)}")
    return texts


def _sentence(comparisons: Sequence[Against]) -> str:
    """Return the sentence of one table, of which these are all comparisons of competitors."""
    best = _best(comparisons)
    own = [each for each in comparisons if each.method == best]
    several = len({each.method for each in comparisons}) > 1
    phrases = [
        _phrase(baseline, [each for each in own if each.baseline == baseline])
        for baseline in in_order(each.baseline for each in own)
    ]
    row = f"the best row, {best}," if several else best
    return f"{', '.join(comparisons[0].place)}: {row} is {'. It is '.join(phrases)}."


def _references(comparisons: Sequence[Against]) -> str:
    """Return " Of the reference rows, rrf(bm25, signet) is above bm25 by ...", "" if none is."""
    column = MEAN if any(each.column == MEAN for each in comparisons) else comparisons[0].column
    above = [
        f"{each.method} by {_size(each)}"
        for each in comparisons
        if each.reference and each.baseline == BM25 and each.column == column and each.above
    ]
    if not above:
        return ""
    verb = "is" if len(above) == 1 else "are"
    return f" Of the reference rows, above bm25 {_where(column)} {verb} {', '.join(above)}."


def _best(comparisons: Sequence[Against]) -> str:
    """Return the method with the largest difference from the first baseline in the mean, else in the sum of columns."""
    first = [each for each in comparisons if each.baseline == comparisons[0].baseline]
    column = MEAN if any(each.column == MEAN for each in first) else None  # an unfinished one may lack it
    leads: dict[str, list[float]] = {}
    for each in first:
        if column in (None, each.column):
            leads.setdefault(each.method, []).append(each.difference)
    most = max(map(len, leads.values()))  # a method that lacks languages is not the best of them
    return max((method for method, own in leads.items() if len(own) == most), key=lambda method: sum(leads[method]))


def _phrase(baseline: str, comparisons: Sequence[Against]) -> str:
    """Return "above bm25 by 0.031 [0.012, 0.050] in ko; no difference shown in ru"."""
    of_mean = [each for each in comparisons if each.column == MEAN]
    languages = [each for each in comparisons if each.column != MEAN]
    if not of_mean or len(languages) <= LISTED:
        return _by_outcome(languages, f" {baseline}")
    return f"{_by_outcome(of_mean, f' {baseline}')}{_exceptions(of_mean[0], languages)}"


def _by_outcome(comparisons: Sequence[Against], baseline: str) -> str:
    """Return above, below and undecided columns, each with its numbers."""
    parts: list[str] = []
    for word, own in (
        ("above", [each for each in comparisons if each.above]),
        ("below", [each for each in comparisons if each.below]),
    ):
        if own:
            numbers = ", ".join(f"{_size(each)} {_where(each.column)}" for each in own)
            parts.append(f"{word}{baseline if not parts else ''} by {numbers}")
    undecided = [each for each in comparisons if not each.above and not each.below]
    if undecided:
        where = _where(", ".join(each.column for each in undecided))
        parts.append(f"not shown to differ from{baseline} {where}" if not parts else f"no difference shown {where}")
    return "; ".join(parts)


def _exceptions(mean: Against, languages: Sequence[Against]) -> str:
    """Return the languages whose outcome is not that of the mean, in parentheses."""
    groups = (
        ("above it", [each.column for each in languages if each.above and not mean.above]),
        ("below it", [each.column for each in languages if each.below and not mean.below]),
        (
            "no difference shown",
            [each.column for each in languages if not each.above and not each.below and (mean.above or mean.below)],
        ),
    )
    parts = [f"{words} in {', '.join(columns)}" for words, columns in groups if columns]
    return f" ({'; '.join(parts)})" if parts else " and in each of them"


def _size(comparison: Against) -> str:
    """Return the size of a difference, and its interval in the same direction: above and below are said in words."""
    ends = (comparison.low, comparison.high)
    low, high = ends if comparison.above else (-ends[1], -ends[0])
    return f"{abs(comparison.difference):.3f} [{low:.3f}, {high:.3f}]"


def _where(column: str) -> str:
    return "in the mean over languages" if column == MEAN else f"in {column}"
