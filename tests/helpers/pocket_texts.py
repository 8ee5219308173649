"""Parses the pocket's texts: the template and what fills its slots. Independent of the code that writes them."""

from __future__ import annotations

import re
from functools import cache
from itertools import chain

from harness.pocket.phrasebook import concepts
from harness.pocket.writer import templates
from sembridge.words import words

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
    """Return the templates of a kind as patterns with a named group for every slot."""
    compiled = []
    for template in templates(language)[kind]:
        seen: set[str] = set()

        def group(slot: re.Match[str], seen: set[str] = seen) -> str:
            name = slot.group(1)
            again, _ = name in seen, seen.add(name)
            return f"(?P={name})" if again else f"(?P<{name}>.+?)"

        pieces = re.split(r"(\{\w+\})", template)
        expressions = (re.sub(r"\{(\w+)\}", group, p) if p.startswith("{") else re.escape(p) for p in pieces)
        compiled.append(re.compile("".join(expressions)))
    return compiled


@cache
def read(language: str, kind: str, text: str) -> dict[str, str] | None:
    """Return slot -> its text, or None if the text is of another kind. At most one template may fit."""
    fits = []
    for pattern in patterns(language, kind):
        slots = match.groupdict() if (match := pattern.fullmatch(text)) else None
        if slots is not None and all(_valid(language, slot, value) for slot, value in slots.items()):
            fits.append(slots)
    assert len(fits) <= 1, f"{text!r} fits {len(fits)} templates"
    return fits[0] if fits else None


def concepts_in(language: str, slots: dict[str, str]) -> dict[str, str]:
    """Return slot -> concept, for the slots that hold a concept."""
    return {slot: concept_of(language)[value][1] for slot, value in slots.items() if slot in CONCEPT_SLOTS}


def contains(language: str, text: str, form: str) -> bool:
    """Return whether the text contains the form word by word; in Chinese, which has no spaces, as characters."""
    if language == "zh":
        return form in text
    text_words, form_words = _words(text, language), _words(form, language)
    return any(text_words[i : i + len(form_words)] == form_words for i in range(len(text_words)))


def _valid(language: str, slot: str, value: str) -> bool:
    if slot in CONCEPT_SLOTS:
        return concept_of(language).get(value, ("", ""))[0] in CONCEPT_SLOTS[slot]
    return value.isdecimal() if slot in ("year", "number") else " " not in value
