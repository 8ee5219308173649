"""Families of cases and events: one respect in which each member differs; no two cases that ask for the same."""

from __future__ import annotations

import dataclasses
import random
from collections import Counter
from collections.abc import Sequence

import pytest

from harness.pocket.cases import FAMILY, PERSONS, TOWNS, Case, Event, event_families, faq_families, known_concepts
from harness.pocket.phrasebook import Concept

CATEGORIES = ("thing", "action", "place", "person", "topic")
CONCEPTS = {category: [Concept(f"{category}{n}", category, {}) for n in range(8)] for category in CATEGORIES}
TEMPLATES = 5


def asked(case: Case) -> tuple[str, str, str]:
    return case.thing.name, case.action.name, case.circumstance.name


def differing(one: Case | Event, other: Case | Event, names: Sequence[str]) -> list[str]:
    return [name for name in names if getattr(one, name) != getattr(other, name)]


def test_three_quarters_of_every_category_are_known():
    known = known_concepts(CONCEPTS, 1)
    assert known.keys() == CONCEPTS.keys()
    for category, rows in known.items():
        assert len(rows) == len({concept.name for concept in rows}) == 6  # of 8
        assert all(concept in CONCEPTS[category] for concept in rows)
        assert [concept.name for concept in rows] == sorted(concept.name for concept in rows)
    assert known == known_concepts(CONCEPTS, 1) != known_concepts(CONCEPTS, 2)


@pytest.mark.parametrize("seed", range(20))
def test_each_case_of_a_family_differs_in_one_respect(seed):
    families = faq_families(CONCEPTS, 10, TEMPLATES, random.Random(seed))
    assert len(families) == 10
    settings = {concept.name for category in CATEGORIES[2:] for concept in CONCEPTS[category]}
    for family in families:
        assert len(family) == FAMILY
        respects = [differing(family[0], case, ("thing", "action", "circumstance")) for case in family]
        assert respects == [[], ["thing"], ["action"], ["circumstance"]]
        for case in family:
            assert case.thing.category == "thing" and case.action.category == "action"
            assert {case.circumstance.name, case.extra.name} <= settings and case.circumstance != case.extra
            assert 0 <= case.template < TEMPLATES


def test_no_two_cases_ask_for_the_same_also_over_several_draws():
    taken: set[tuple[str, str, str]] = set()
    choice = random.Random(3)
    families = faq_families(CONCEPTS, 30, TEMPLATES, choice, taken) + faq_families(
        CONCEPTS, 30, TEMPLATES, choice, taken
    )
    counts = Counter(asked(case) for family in families for case in family)
    assert len(counts) == 60 * FAMILY and set(counts.values()) == {1} and taken == set(counts)
    forbidden = set(counts)
    further = faq_families(CONCEPTS, 5, TEMPLATES, random.Random(3), taken)  # the same draws as the first ones
    assert not {asked(case) for family in further for case in family} & forbidden


@pytest.mark.parametrize("seed", range(20))
def test_each_event_of_a_family_differs_in_one_respect(seed):
    families = event_families(CONCEPTS, 10, TEMPLATES, random.Random(seed))
    names = ("name", "town", "thing", "action", "synonyms")
    for first, *others in families:
        assert [differing(first, event, names) for event in others] == [["name"], ["town"], ["synonyms"]]
        (thing, action), other_synonyms = first.synonyms, others[2].synonyms
        assert other_synonyms == (thing + 1, action + 1)
        for event in (first, *others):
            assert 0 <= event.name < PERSONS and 0 <= event.town < TOWNS and 0 <= event.template < TEMPLATES
            assert 1700 <= event.year < 2000 and 12 <= event.number < 1000
            assert (event.place.category, event.person.category) == ("place", "person")


def test_the_generator_alone_decides():
    for draw in (faq_families, event_families):
        one, same, other = (draw(CONCEPTS, 4, TEMPLATES, random.Random(seed)) for seed in (1, 1, 2))
        assert list(map(as_data, one)) == list(map(as_data, same)) != list(map(as_data, other))
        assert draw(CONCEPTS, 0, TEMPLATES, random.Random(1)) == []


def as_data(family: Sequence[Case | Event]) -> list[dict[str, object]]:
    return [dataclasses.asdict(case) for case in family]
