"""Repeat the warnings of measurements, one line for the cells of one collection and language that say the same."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence

from harness.results.record import Identity, Record

_NUMBER = re.compile(r"\d[\d,.]*%?")
_Key = tuple[str, str, str]


def lines(records: Iterable[Record]) -> list[str]:
    """Return a line for each group of equal warnings, in order of appearance: its cells, and the first one's sentence.

    Warnings are equal if they differ in numbers alone.
    """
    groups: dict[_Key, tuple[str, list[str]]] = {}
    for record in records:
        for sentence in record.warnings:
            groups.setdefault(_key(record.identity, sentence), (sentence, []))[1].append(record.identity.name)
    return [_line(names, sentence) for sentence, names in groups.values()]


class NewWarnings:
    """Tell, cell by cell, which warnings no earlier cell of its collection and language has had."""

    def __init__(self) -> None:
        self._known: set[_Key] = set()

    def of(self, identity: Identity, sentences: Sequence[str]) -> list[str]:
        """Return the lines of a cell's new warnings."""
        new = {_key(identity, sentence): sentence for sentence in sentences}
        fresh = [_line([identity.name], sentence) for key, sentence in new.items() if key not in self._known]
        self._known |= new.keys()
        return fresh


def _key(identity: Identity, sentence: str) -> _Key:
    return identity.collection, identity.language, _NUMBER.sub("#", sentence)


def _line(names: Sequence[str], sentence: str) -> str:
    others = f" and {len(names) - 1} more cells" if len(names) > 2 else " and 1 more cell" if len(names) == 2 else ""
    return f"warning: {names[0]}{others}: {sentence}"
