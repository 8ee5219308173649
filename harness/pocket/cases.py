"""Cases: what a text is about, before a writer puts it into the words of a language.

Cases come in families of four: a case, and three that each differ from it in one respect. A retriever that gets the
topic right but one word wrong returns the wrong text.
"""

from __future__ import annotations

import dataclasses
import random
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from harness.pocket.phrasebook import Concept

FAMILY = 4
HELD_OUT = 0.25  # fraction of the concepts missing from all training pairs, so that tests also ask for unseen ones
PERSONS, TOWNS = 220, 90  # numbers of invented names; few enough that other passages repeat them


@dataclass(frozen=True)
class Case:
    """thing, action: what a question is about; circumstance, extra (place, person or topic): the setting; template: its
    number."""

    thing: Concept
    action: Concept
    circumstance: Concept
    extra: Concept
    template: int


@dataclass(frozen=True)
class Event:
    """An entry of the chronicle. name, town: numbers of invented names; synonyms: which forms of thing and action the
    passage uses."""

    name: int
    town: int
    thing: Concept
    action: Concept
    place: Concept
    person: Concept
    synonyms: tuple[int, int]
    year: int
    number: int
    template: int


def known_concepts(concepts: Mapping[str, Sequence[Concept]], seed: int) -> dict[str, list[Concept]]:
    """Return the concepts that training pairs may use, by category."""
    choice = random.Random(f"known {seed}")
    return {
        category: sorted(choice.sample(rows, round(len(rows) * (1 - HELD_OUT))), key=lambda c: c.name)
        for category, rows in concepts.items()
    }


def faq_families(
    concepts: Mapping[str, Sequence[Concept]],
    count: int,
    templates: int,
    choice: random.Random,
    taken: set[tuple[str, str, str]] | None = None,
) -> list[list[Case]]:
    """Return `count` families: a case, and cases with another thing, another action and another circumstance.

    taken  (thing, action, circumstance) of the families drawn before; this function adds its own. No two cases ask for
           the same, because such a question would have two right answers
    """
    settings = [*concepts["place"], *concepts["person"], *concepts["topic"]]
    families: list[list[Case]] = []
    taken = set() if taken is None else taken
    while len(families) < count:
        circumstance, extra = choice.sample(settings, 2)
        thing, action = choice.choice(concepts["thing"]), choice.choice(concepts["action"])
        case = Case(thing, action, circumstance, extra, choice.randrange(templates))
        fresh = _fresh(choice, settings, case, templates)
        other_thing = {"thing": _other(choice, concepts["thing"], thing), **_fresh(choice, settings, case, templates)}
        other_action = {
            "action": _other(choice, concepts["action"], action),
            **_fresh(choice, settings, case, templates),
        }
        other_circumstance = {"circumstance": _other(choice, settings, circumstance, fresh["extra"]), **fresh}
        changes: tuple[dict[str, Any], ...] = ({}, other_thing, other_action, other_circumstance)
        family = [dataclasses.replace(case, **change) for change in changes]
        questions = {(case.thing.name, case.action.name, case.circumstance.name) for case in family}
        if not questions & taken:
            taken |= questions
            families.append(family)
    return families


def event_families(
    concepts: Mapping[str, Sequence[Concept]], count: int, templates: int, choice: random.Random
) -> list[list[Event]]:
    """Return `count` families: an event, one of another person, one in another town, and one whose thing and action go
    by other synonyms."""
    families = []
    for _ in range(count):
        name, town = choice.randrange(PERSONS), choice.randrange(TOWNS)
        thing, action, place, person = (
            choice.choice(concepts[category]) for category in ("thing", "action", "place", "person")
        )
        synonyms = (choice.randrange(60), choice.randrange(60))
        event = Event(name, town, thing, action, place, person, synonyms, year=0, number=0, template=0)
        details: list[dict[str, Any]] = [
            {
                "year": choice.randrange(1700, 2000),
                "number": choice.randrange(12, 1000),
                "template": choice.randrange(templates),
                "place": choice.choice(concepts["place"]),
                "person": choice.choice(concepts["person"]),
            }
            for _ in range(FAMILY)
        ]
        other_synonyms = (synonyms[0] + 1, synonyms[1] + 1)  # every concept has at least two forms
        family = [
            dataclasses.replace(event, **details[0]),
            dataclasses.replace(event, **details[1], name=(name + choice.randrange(1, PERSONS)) % PERSONS),
            dataclasses.replace(event, **details[2], town=(town + choice.randrange(1, TOWNS)) % TOWNS),
            dataclasses.replace(event, **details[3], synonyms=other_synonyms),
        ]
        families.append(family)
    return families


def _other(choice: random.Random, pool: Sequence[Concept], *than: Concept) -> Concept:
    excluded = {id(concept) for concept in than}
    return choice.choice([concept for concept in pool if id(concept) not in excluded])


def _fresh(choice: random.Random, settings: Sequence[Concept], case: Case, templates: int) -> dict[str, Any]:
    """Draw what every member of a family has of its own: the extra and the template."""
    return {"extra": _other(choice, settings, case.circumstance), "template": choice.randrange(templates)}
