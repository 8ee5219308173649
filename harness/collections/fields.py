"""The rules for ids, texts and scores: one set for folders of the user and for downloads; only the advice differs."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Any, NamedTuple

from harness.collections.collection import CollectionError
from harness.files import json_data
from harness.files.shown import shown

ID = ("_id", "id", "docid", "doc_id")
HEADER = ("query-id", "corpus-id", "score")
LARGEST = 2**31 - 1
"""The largest score accepted: grades are small, so a larger number belongs to another column."""
_JSON = "write one JSON object per line"
_NEEDED = "a line needs _id and text (and a title, for a document that has one)"


class Where(NamedTuple):
    """The place of a record, as errors name it.

    own      the user can fix the file; else it is a download
    number   of the line in a text file, from 1
    columns  all names in the file, where a record holds only those that are read
    """

    place: str
    own: bool = True
    number: int = 0
    columns: tuple[str, ...] = ()

    def defect(self, problem: str, advice: str, download: str = "choose another revision") -> CollectionError:
        """Return the error for a record; `advice` is for the owner of the file, `download` for one who fetches it."""
        return CollectionError(f"{self.place}: {problem}: {advice if self.own else download}")


def record(line: str, where: Where) -> dict[str, Any]:
    """Return the JSON object in a line. Raises CollectionError."""
    try:
        row = json_data.load(line)
    except json_data.JsonError as error:
        raise where.defect(f"malformed JSON ({error.reason})", _JSON) from None
    if not isinstance(row, dict):
        raise where.defect(f"a JSON {type(row).__name__}, not an object", _JSON)
    return row


def with_text(rows: Iterable[tuple[Where, dict[str, Any]]]) -> Iterator[tuple[Where, dict[str, Any]]]:
    """Yield the rows of a file; raise CollectionError at its end if texts or titles are in fields of another name.

    A record may lack `text`, as some have only a title. But its text is elsewhere if no record has a `text`, or if it
    has a field that no record with a `text` has. Titles are elsewhere in a field that is called as `Title`.
    """
    without: dict[tuple[str, ...], Where] = {}
    beside, last = set[str](), None
    for where, row in rows:
        yield where, row
        last, names = where, where.columns or tuple(row)
        if "text" in row:
            beside.update(names)
        else:
            without.setdefault(names, where)
    if last is None:
        return
    for names, where in without.items():
        if not beside or set(names) - beside - {*ID, "title"}:
            raise where.defect(_lacking(names, "text"), _NEEDED)
    for name in beside - {"title"} if "title" not in beside else ():
        if name.strip().lower() == "title":
            problem = f"the titles are in the field {shown(name)}, which is not read"
            raise last.defect(problem, "call it title", "copy the files to a folder of yours, and call it title")


def identifier(row: Mapping[str, Any], where: Where) -> str:
    """Return the id of a document or query. Raises CollectionError."""
    return word(required(row, next((name for name in ID if name in row), ID[0]), where), where)


def required(row: Mapping[str, Any], field: str, where: Where) -> Any:
    """Return a field that must be there. Raises CollectionError, which names those that are."""
    if row.get(field) is None:
        raise where.defect(_lacking(where.columns or tuple(row), field), _NEEDED)
    return row[field]


def word(value: Any, where: Where) -> str:
    """Return an id: a string without white space, which separates the columns of run files, or a whole number."""
    if not (isinstance(value, str) and is_identifier(value)) and type(value) is not int:
        problem = f"the id {shown(value)} is empty, has white space or is not text"
        raise where.defect(problem, "give it an id without white space", "choose another dataset or revision")
    return _characters(value, "its id", where) if isinstance(value, str) else str(value)


def text(row: Mapping[str, Any], field: str, where: Where) -> str:
    """Return a text, empty if the field is missing or null; refuse other types, which would need guessing."""
    value = row.get(field)
    if value is not None and not isinstance(value, str):
        raise where.defect(f"{field!r} is not text but {shown(value)}", "put it in quotes")
    return _characters(value or "", repr(field), where)


def judgement(line: str, where: Where) -> tuple[str, str, int]:
    """Return (query id, document id, score) of a line: these three columns, or TREC's four, with one more after the
    query's id. Tabs separate the columns, or else white space. Raises CollectionError.
    """
    columns = split(line)
    if len(columns) not in (3, 4):
        problem = f"{len(columns)} columns instead of 3 (query, document, score) or 4 (TREC)"
        raise where.defect(problem, "separate query-id, corpus-id and score by single tabs")
    if len(columns) == 4:
        word(columns[1], where)  # an empty column is a tab too many, not an iteration
    return word(columns[0], where), word(columns[-2], where), score(columns[-1], where)


def split(line: str) -> list[str]:
    """Return the columns of a line of judgements."""
    return [column.strip(" ") for column in line.split("\t")] if "\t" in line else line.split()


def score(value: Any, where: Where) -> int:
    """Return a score that is a whole number, also written as 1.0. Raises CollectionError."""
    try:
        number = 0.5 if "_" in str(value) else float(value)  # Python reads 1_0 as 10
    except (TypeError, ValueError, OverflowError):
        number = 0.5
    if not number.is_integer() or abs(number) > LARGEST:
        advice = "write 1 for relevant, 0 for not relevant"
        raise where.defect(f"the score {shown(value)} is not a whole number", advice, "check config and split")
    return int(number)


def is_identifier(value: object) -> bool:
    """Return whether this is a string without white space, which separates the columns of qrels and run files."""
    return isinstance(value, str) and value.split() == [value]


def _lacking(columns: Iterable[str], field: str) -> str:
    names = ", ".join(map(str, columns))[:200] or "none"
    printable = "".join(c if c.isprintable() else c.encode("unicode_escape").decode() for c in names)
    return f"no {field!r}: its columns are {printable}"


def _characters(value: str, what: str, where: Where) -> str:
    """Refuse half a surrogate pair: JSON can spell it, but tokenizers and files cannot hold it."""
    if not value.isascii():
        try:
            value.encode("utf-8")
        except UnicodeEncodeError:
            raise where.defect(f"{what} has half a surrogate pair, which is not a character", "repair it") from None
    return value
