"""Read relevance judgements in BEIR's layout: a header, then query id, document id and score, separated by tabs."""

from __future__ import annotations

from collections.abc import Container, Iterator
from pathlib import Path
from typing import NamedTuple

from harness.collections.jsonl import defect, numbered

HEADER = ("query-id", "corpus-id", "score")
LARGEST = 2**31 - 1
"""The largest score accepted: grades are small, so a larger number belongs to another column."""


class Judgement(NamedTuple):
    """One judgement and its line number (from 1). A score of 0 or less means not relevant."""

    number: int
    query: str
    document: str
    score: int


def judgements(path: Path, queries: Container[str]) -> Iterator[Judgement]:
    """Yield the judgements of a file, in its order; a pair repeated with the same score is yielded once.

    Raises CollectionError with file and line for a missing header, a wrong number of columns, a score that is not a
    whole number or too large, a query that is not among `queries`, or a pair judged twice with different scores.
    """
    seen: dict[tuple[str, str], int] = {}
    lines = numbered(path)
    for number, line in lines:
        if tuple(line.split("\t")) != HEADER:
            advice = "make the first line 'query-id', 'corpus-id', 'score', separated by tabs"
            raise defect(path, number, f"the header is missing: {advice}")
        break
    for number, line in lines:
        columns = line.split("\t")
        if len(columns) != len(HEADER):
            advice = "separate query-id, corpus-id and score by single tabs"
            raise defect(path, number, f"{len(columns)} columns instead of 3: {advice}")
        query, document, score = columns[0], columns[1], _whole(columns[2])
        if score is None:
            advice = "write 1 for relevant, 0 for not relevant"
            raise defect(path, number, f"score {columns[2][:40]!r} is not a whole number: {advice}")
        if query not in queries:
            raise defect(path, number, f"unknown query id {query[:80]!r}: add it to queries.jsonl or remove the line")
        before = seen.get((query, document))
        if before is None:
            seen[query, document] = score
            yield Judgement(number, query, document, score)
        elif before != score:
            problem = f"query {query!r} and document {document!r} were judged {before} before"
            raise defect(path, number, f"{problem}: keep one judgement")


def _whole(text: str) -> int | None:
    """Return a column's number if it is whole and at most `LARGEST`, else None; some collections write 1.0."""
    try:
        value = float(text)
    except ValueError:
        return None
    return int(value) if value.is_integer() and abs(value) <= LARGEST else None
