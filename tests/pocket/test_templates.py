"""The templates say the same in all six languages: same kinds, same number, same slots."""

from __future__ import annotations

import re
import unicodedata
from itertools import chain

import pytest

from harness.pocket.cases import PERSONS, TOWNS
from harness.pocket.phrasebook import LANGUAGES, concepts
from harness.pocket.writer import Writer, templates
from tests.helpers.pocket_texts import contains

SLOTS = {
    "faq_question": {"thing", "action", "circumstance"},
    "faq_answer": {"thing", "action", "circumstance", "extra"},
    "passage": {"name", "town", "thing", "action", "place", "person", "year", "number"},
}
KINDS = (*SLOTS, "passage_question")
SYLLABLES = {"en": "LATIN", "ar": "ARABIC", "zh": "CJK", "hi": "DEVANAGARI", "ko": "HANGUL", "ru": "CYRILLIC"}


def slots(template):
    return sorted(re.findall(r"\{(\w+)\}", template))


@pytest.mark.parametrize("language", LANGUAGES)
def test_same_kinds_same_counts(language):
    assert templates(language).keys() == {*KINDS, "syllables"}
    assert {kind: len(templates(language)[kind]) for kind in KINDS} == dict.fromkeys(KINDS, 10)  # cases draw from ten


@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize("kind", KINDS)
def test_template_i_has_the_same_slots_in_every_language(language, kind):
    english = [slots(template) for template in templates("en")[kind]]
    assert [slots(template) for template in templates(language)[kind]] == english


@pytest.mark.parametrize("language", LANGUAGES)
def test_every_kind_has_the_slots_it_is_filled_with(language):
    for kind, expected in SLOTS.items():
        assert all(slots(template) == sorted(expected) for template in templates(language)[kind]), kind
    for template in templates(language)["passage_question"]:
        assert slots(template) in (["name", "thing", "town"], ["action", "name", "town"])


@pytest.mark.parametrize("language", LANGUAGES)
def test_templates_are_distinct_and_no_braces_are_left(language):
    for kind in KINDS:
        assert len(set(templates(language)[kind])) == 10
        assert not any(re.search(r"[{}]", re.sub(r"\{\w+\}", "", template)) for template in templates(language)[kind])


@pytest.mark.parametrize("language", LANGUAGES)
def test_no_word_of_a_template_is_a_form_of_a_concept(language):
    """A text contains a concept only because it is about it."""
    forms = [form for concept in chain.from_iterable(concepts().values()) for form in concept.forms[language]]
    for kind in KINDS:
        for template in templates(language)[kind]:
            fixed = re.sub(r"\{\w+\}", " | ", template)
            assert [form for form in forms if contains(language, fixed, form)] == [], template


@pytest.mark.parametrize("language", LANGUAGES)
def test_names_are_distinct_and_in_the_languages_script_or_latin(language):
    syllables = templates(language)["syllables"]
    assert len(set(syllables)) == len(syllables) >= 40
    assert all(unicodedata.name(character).startswith(SYLLABLES[language]) for character in "".join(syllables))
    writer = Writer(language, 7)
    assert len(set(writer.persons)) == PERSONS and len(set(writer.towns)) == TOWNS
    latin = {name for name in writer.persons if name.isascii()}
    assert latin == set(writer.persons) if language == "en" else 0.1 * PERSONS < len(latin) < 0.3 * PERSONS


def test_the_same_persons_keep_their_latin_names_in_every_language():
    latin = [[name.isascii() for name in Writer(language, 7).persons] for language in LANGUAGES if language != "en"]
    assert all(names == latin[0] for names in latin)
