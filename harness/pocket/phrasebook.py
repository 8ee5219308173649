"""The phrasebook: concepts with synonyms in six languages, in one TSV file per category, written for this project."""

from __future__ import annotations

import csv
import random
from dataclasses import dataclass
from importlib.resources import files

CATEGORIES = ("thing", "action", "place", "person", "topic")
LANGUAGES = ("en", "ar", "zh", "hi", "ko", "ru")


@dataclass(frozen=True)
class Concept:
    """name, category, and forms: language -> at least two synonyms."""

    name: str
    category: str
    forms: dict[str, tuple[str, ...]]

    def form(self, language: str, choice: random.Random, other_than: str | None = None) -> str:
        """Draw one of the synonyms, never `other_than`."""
        return choice.choice([form for form in self.forms[language] if form != other_than])


def concepts() -> dict[str, tuple[Concept, ...]]:
    """Return category -> its concepts, in the order of the files."""
    return {category: tuple(_read(category)) for category in CATEGORIES}


def _read(category: str) -> list[Concept]:
    text = (files("harness.pocket") / "phrasebook" / f"{category}.tsv").read_text(encoding="utf-8")
    rows = csv.DictReader(text.splitlines(), delimiter="\t", quoting=csv.QUOTE_NONE)
    return [
        Concept(row["concept"], category, {language: tuple(row[language].split("|")) for language in LANGUAGES})
        for row in rows
    ]
