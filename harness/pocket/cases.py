"""Cases: what a text is about, before it is put into words of any language.

Cases come in families of four: a case, and three that differ from it in one respect each. A retriever that gets the topic right and one word wrong
finds the wrong one.
"""

from __future__ import annotations

import dataclasses
import random
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from harness.pocket.phrasebook import Concept

FAMILY = 4
HELD_OUT = 0.25  # share of the concepts that no training pair speaks of: what was learned in training is not all there is to know
PERSONS, TOWNS = 220, 90  # invented names; few enough that they come back in other passages


@dataclass(frozen=True)
class Case:
    """thing, action: what a question is about; circumstance, extra (place, person or topic): the setting; template: which wording."""

    thing: Concept
    action: Concept
    circumstance: Concept
    extra: Concept
    template: int


@dataclass(frozen=True)
class Event:
    """One entry of the chronicle. name, town: numbers of invented names; `wording`: which synonym of thing and action the passage uses."""

    name: int
    town: int
    thing: Concept
    action: Concept
    place: Concept
    person: Concept
    wording: tuple[int, int]
    year: int
    number: int
    template: int


def known_concepts(concepts: Mapping[str, Sequence[Concept]], seed: int) -> dict[str, list[Concept]]:
    """The concepts training pairs may speak of, by category."""
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
    """`count` families: the case, and one with another thing, another action, another circumstance.

    taken  what families drawn before are about; no two cases ask for the same, or one question would have two right answers. Grows by these families
    """
    settings = [*concepts["place"], *concepts["person"], *concepts["topic"]]
    families: list[list[Case]] = []
    taken = set() if taken is None else taken
    while len(families) < count:
        circumstance, extra = choice.sample(settings, 2)
        case = Case(
            choice.choice(concepts["thing"]),
            choice.choice(concepts["action"]),
            circumstance,
            extra,
            choice.randrange(templates),
        )
        fresh = _fresh(choice, settings, case, templates)
        family = [
            case,
            dataclasses.replace(
                case, thing=_other(choice, concepts["thing"], case.thing), **_fresh(choice, settings, case, templates)
            ),
            dataclasses.replace(
                case,
                action=_other(choice, concepts["action"], case.action),
                **_fresh(choice, settings, case, templates),
            ),
            dataclasses.replace(
                case, circumstance=_other(choice, settings, case.circumstance, fresh["extra"]), **fresh
            ),
        ]
        asked = {(case.thing.name, case.action.name, case.circumstance.name) for case in family}
        if not asked & taken:
            taken |= asked
            families.append(family)
    return families


def event_families(
    concepts: Mapping[str, Sequence[Concept]], count: int, templates: int, choice: random.Random
) -> list[list[Event]]:
    """`count` families: the event, one of another person, one in another town, and one whose thing and action go by other synonyms."""
    families = []
    for _ in range(count):
        event = Event(
            choice.randrange(PERSONS), choice.randrange(TOWNS), choice.choice(concepts["thing"]), choice.choice(concepts["action"]),
            choice.choice(concepts["place"]), choice.choice(concepts["person"]), (0, 0), 0, 0, 0,
        )  # fmt: skip
        event = dataclasses.replace(event, wording=(choice.randrange(60), choice.randrange(60)))
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
        other_wording = (event.wording[0] + 1, event.wording[1] + 1)  # every concept has at least two forms
        families.append(
            [
                dataclasses.replace(event, **details[0]),
                dataclasses.replace(event, **details[1], name=(event.name + choice.randrange(1, PERSONS)) % PERSONS),
                dataclasses.replace(event, **details[2], town=(event.town + choice.randrange(1, TOWNS)) % TOWNS),
                dataclasses.replace(event, **details[3], wording=other_wording),
            ]
        )
    return families


def _other(choice: random.Random, pool: Sequence[Concept], *than: Concept) -> Concept:
    return choice.choice([concept for concept in pool if not any(concept is other for other in than)])


def _fresh(choice: random.Random, settings: Sequence[Concept], case: Case, templates: int) -> dict:
    """A sibling is worded on its own and has an extra of its own."""
    return {"extra": _other(choice, settings, case.circumstance), "template": choice.randrange(templates)}
