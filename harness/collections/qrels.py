"""Read relevance judgements: query id, document id and score, as in BEIR or as in TREC."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import NamedTuple

from harness.collections import fields
from harness.collections.fields import HEADER, Where
from harness.collections.jsonl import numbered


class Judgement(NamedTuple):
    """One judgement and its line number (from 1). A score of 0 or less means not relevant."""

    number: int
    query: str
    document: str
    score: int


def judgements(path: Path) -> Iterator[Judgement]:
    """Yield the judgements of a file, in its order; a pair repeated with the same score is yielded once.

    Raises CollectionError with file and line for a wrong number of columns, a score that is not a whole number or too
    large, or a pair judged twice with different scores.
    """
    seen: dict[tuple[str, str], int] = {}
    for number, query, document, score in parsed(numbered(path), str(path)):
        before = seen.get((query, document))
        if before is None:
            seen[query, document] = score
            yield Judgement(number, query, document, score)
        elif before != score:
            problem = f"query {query[:80]!r} and document {document[:80]!r} were judged {before} before"
            raise Where(f"{path}:{number}").defect(problem, "keep one judgement")


def parsed(lines: Iterable[tuple[int, str]], name: str, own: bool = True) -> Iterator[Judgement]:
    """Yield the judgement in each numbered line; the first may be BEIR's header. Errors call the file `name`."""
    for count, (number, line) in enumerate(lines):
        where = Where(f"{name}:{number}", own)
        if count == 0:
            columns = fields.split(line)
            if tuple(columns) == HEADER:
                continue
            if len(columns) in (3, 4) and not _is_number(columns[-1]):
                problem = f"the header is neither {', '.join(HEADER)} nor left out"
                raise where.defect(problem, "write these three names, separated by tabs, or no header")
        yield Judgement(number, *fields.judgement(line, where))


def _is_number(text: str) -> bool:
    try:
        float(text)
    except ValueError:
        return False
    return True
