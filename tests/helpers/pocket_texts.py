"""Reads the pocket's texts back: which concepts, names and figures stand in the slots of which template. Independent of the code that fills them."""

from __future__ import annotations

import re
from functools import cache
from itertools import chain

from harness.collections.words import words
from harness.pocket.phrasebook import concepts
from harness.pocket.writer import templates

CONCEPT_SLOTS = {
    "thing": ("thing",),
    "action": ("action",),
    "place": ("place",),
    "person": ("person",),
    "circumstance": ("place", "person", "topic"),
    "extra": ("place", "person", "topic"),
}


_words = cache(words)


@cache
def concept_of(language: str) -> dict[str, tuple[str, str]]:
    """form -> (category, concept); forms are unique within a language."""
    return {
        form: (concept.category, concept.name)
        for concept in chain.from_iterable(concepts().values())
        for form in concept.forms[language]
    }


@cache
def patterns(language: str, kind: str) -> list[re.Pattern[str]]:
    """Each template of a kind with a named group for every slot."""
    found = []
    for template in templates(language)[kind]:
        seen: set[str] = set()

        def group(slot: re.Match[str], seen: set[str] = seen) -> str:
            name = slot.group(1)
            again, _ = name in seen, seen.add(name)
            return f"(?P={name})" if again else f"(?P<{name}>.+?)"

        pieces = re.split(r"(\{\w+\})", template)
        found.append(
            re.compile("".join(re.sub(r"\{(\w+)\}", group, p) if p.startswith("{") else re.escape(p) for p in pieces))
        )
    return found


def read(language: str, kind: str, text: str) -> dict[str, str] | None:
    """Slot -> what fills it, for a text of this kind; None if it is none. Exactly one template must fit."""
    fits = []
    for pattern in patterns(language, kind):
        if (match := pattern.fullmatch(text)) and all(
            _valid(language, slot, value) for slot, value in match.groupdict().items()
        ):
            fits.append(match.groupdict())
    assert len(fits) <= 1, f"{text!r} fits {len(fits)} templates"
    return fits[0] if fits else None


def concepts_in(language: str, slots: dict[str, str]) -> dict[str, str]:
    """Slot -> concept, for the slots that hold one."""
    return {slot: concept_of(language)[value][1] for slot, value in slots.items() if slot in CONCEPT_SLOTS}


def contains(language: str, text: str, form: str) -> bool:
    """The form stands in the text word by word; in Chinese, which has no spaces, character by character."""
    if language == "zh":
        return form in text
    inside, sought = _words(text, language), _words(form, language)
    return any(inside[start : start + len(sought)] == sought for start in range(len(inside)))


def _valid(language: str, slot: str, value: str) -> bool:
    if slot in CONCEPT_SLOTS:
        return concept_of(language).get(value, ("", ""))[0] in CONCEPT_SLOTS[slot]
    return value.isdecimal() if slot in ("year", "number") else " " not in value
