"""Show the queries on which the two best rows of a table differ most, with their texts where a store has them."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from typing import NamedTuple

from harness.collections.collection import CollectionError
from harness.files.redaction import without_folders
from harness.report_page.folder import Group, ResultsFolder
from harness.report_page.markup import Markup, element, joined
from harness.report_page.query_scores import OfQueries, QueryScores
from harness.report_page.query_terms import Weighed, WithoutError, heaviest
from harness.report_page.store_files import StoreFiles
from harness.report_page.texts import Shown, read

MOST = 10
_CHARACTERS = 200  # of a text
_LANGUAGE = re.compile(r"[a-z]{2,3}(-[A-Za-z0-9]+)*")

_Terms = dict[tuple[str, str, str], list[Weighed]]
"""By row, language and query."""
_BELOW = "Below the scores: the heaviest terms of the query in the encoder of that row, before pruning and weighing."
_HOW = (
    "The heaviest terms of these queries in both encoders are shown by `sembridge-bench report RESULTS --store STORE "
    "--terms`, which encodes them with the encoders that the store has."
)


class Difference(NamedTuple):
    """Hold a query on which the first of two rows is above the second by `size`, or below it.

    share   of the query's words that its relevant document has; None where unknown
    """

    language: str
    query: str
    size: float
    scores: tuple[float, float]
    ranks: tuple[str, str]
    share: float | None


def pieces(folder: ResultsFolder, scores: QueryScores, store: StoreFiles, terms: bool = False) -> Iterator[Markup]:
    """Yield the queries of each table with two competitors that have scores in every language.

    terms  encode the queries with both encoders, and show the heaviest terms
    """
    for group in folder.groups:
        rows = [label for label in group.best_first if label not in group.references][:2]
        if len(rows) == 2:
            first, second = rows
            differences, counts = compared(group, scores, first, second)
            if differences:
                yield _table(folder, group, store, (first, second), differences, counts, terms)


def compared(
    group: Group, scores: QueryScores, first: str, second: str
) -> tuple[list[Difference], tuple[int, int, int]]:
    """Return the largest differences, and on how many queries the first row is above, equal to and below the second.

    Of equal differences in both directions the two directions take turns.
    """
    ranked: list[tuple[tuple[float, int, bool], Difference]] = []
    above = equal = below = 0
    for language in group.languages:
        one, other = (scores.of(group.cells(label, language)) for label in (first, second))
        if one is None or other is None or one.ids != other.ids:
            continue
        seen: dict[float, int] = {}  # how many of the same difference came before
        for place, query in enumerate(one.ids):
            size = round(float(one.ndcg[place] - other.ndcg[place]), 9)
            above, equal, below = above + (size > 0), equal + (size == 0), below + (size < 0)
            if size:
                turn = seen[size] = seen.get(size, 0) + 1
                ranked.append(((-abs(size), turn, size < 0), _difference(language, query, place, size, one, other)))
    ranked.sort(key=lambda pair: pair[0])
    return [difference for _, difference in ranked[:MOST]], (above, equal, below)


def _difference(language: str, query: str, place: int, size: float, one: OfQueries, other: OfQueries) -> Difference:
    share = float(one.shares[place])
    ranks = (_rank(float(one.mrr[place])), _rank(float(other.mrr[place])))
    pair = (float(one.ndcg[place]), float(other.ndcg[place]))
    return Difference(language, query, size, pair, ranks, None if share != share else share)


def _rank(reciprocal: float) -> str:
    """Return at which rank the first relevant document stands; "" for a mean over seeds of several ranks."""
    if reciprocal == 0:
        return "not in the first 10"
    rank = round(1 / reciprocal)
    return f"rank {rank}" if abs(1 / rank - reciprocal) < 1e-9 else ""


def _table(
    folder: ResultsFolder, group: Group, store: StoreFiles, rows: tuple[str, str], differences: Sequence[Difference],
    counts: tuple[int, int, int], with_terms: bool,
) -> Markup:  # fmt: skip
    texts: dict[tuple[str, str], Shown] = {}
    problems = []
    for language in dict.fromkeys(each.language for each in differences):
        place = store.collection(folder, group.collection, language)
        wanted = {each.query for each in differences if each.language == language}
        try:
            own = read(place, wanted) if place is not None else {}
        except CollectionError as error:
            own = {}
            problems.append(f"Texts of {language} are missing: {without_folders(str(error))}")
        texts |= {(language, query): text for query, text in own.items()}
    terms: _Terms = {}
    if with_terms and texts:
        terms, lacking = _terms(group, store, rows, texts)
        problems += [*([_BELOW] if terms else []), *lacking]
    elif texts or with_terms:
        problems.append("Terms are missing: the store has no text of these queries." if with_terms else _HOW)
    head = joined(
        [
            element("th", "query", scope="col", class_="text"),
            element("th", "language", scope="col"),
            *([element("th", "its relevant document", scope="col", class_="text")] if texts else []),
            *(element("th", name, scope="col") for name in ("words shared", *rows)),
        ]
    )
    body = []
    for each in differences:
        became = [terms.get((row, each.language, each.query)) for row in rows]
        body.append(_row(each, texts.get((each.language, each.query)), became, bool(texts)))
    above, equal, below = counts
    sentence = (
        f"{rows[0]} is above {rows[1]} on {above:,} queries, equal on {equal:,}, below it on {below:,}. "
        f"The {len(differences)} largest differences:"
    )
    table = element("table", element("thead", element("tr", head)), element("tbody", *body), class_="long")
    notes = [element("p", problem, class_="note") for problem in problems]
    box = element("div", table, class_="scroll", tabindex="0")
    return joined([element("h3", group.title), element("p", sentence), box, *notes])


def _terms(
    group: Group, store: StoreFiles, rows: tuple[str, str], texts: Mapping[tuple[str, str], Shown]
) -> tuple[_Terms, list[str]]:
    """Return the terms of these queries, and a sentence for each encoder that cannot be loaded; of seeds, the first."""
    terms: _Terms = {}
    problems = []
    for row in rows:
        for language in dict.fromkeys(language for language, _ in texts):
            queries = [query for own, query in texts if own == language]
            try:
                found = heaviest(
                    store, group.cells(row, language)[0].key, [texts[language, query].query for query in queries]
                )
            except WithoutError as error:
                problems.append(f"Terms of {row} in {language} are missing: {error}.")
                continue
            terms |= {(row, language, query): own for query, own in zip(queries, found, strict=True)}
    return terms, problems


def _row(difference: Difference, text: Shown | None, terms: Sequence[list[Weighed] | None], has_texts: bool) -> Markup:
    language = difference.language if _LANGUAGE.fullmatch(difference.language) else None
    query = text.query if text else difference.query
    document = text.document if text else ""
    share = "" if difference.share is None else f"{difference.share:.0%}"
    scores = [
        joined([element("span", _score(score, rank)), *([] if own is None else [_shown(own, language)])])
        for score, rank, own in zip(difference.scores, difference.ranks, terms, strict=True)
    ]
    better = 0 if difference.size > 0 else 1
    return element(
        "tr",
        element("td", _cut(query), class_="text", lang=language if text else None, dir="auto"),
        element("td", difference.language),
        *([element("td", _cut(document), class_="text", lang=language, dir="auto")] if has_texts else []),
        element("td", share),
        *(element("td", score, class_="best" if place == better else None) for place, score in enumerate(scores)),
    )


def _score(score: float, rank: str) -> str:
    return f"{score:.3f} ({rank})" if rank else f"{score:.3f}"


def _shown(terms: Sequence[Weighed], language: str | None) -> Markup:
    """Return the terms with their weights; "no term" where the encoder knows nothing of a query."""
    if not terms:
        return element("div", "no term", class_="terms")
    parts = [joined([element("bdi", term.token), f" {term.weight:.2f}"]) for term in terms]
    return element("div", *(element("span", part) for part in parts), class_="terms", lang=language)


def _cut(text: str) -> str:
    """Return the first words of a text."""
    text = " ".join(text.split())
    if len(text) <= _CHARACTERS:
        return text
    head = text[:_CHARACTERS]
    return f"{head[: head.rfind(' ')] if ' ' in head[_CHARACTERS // 2 :] else head} …"
