"""The rules of the phrasebook's files, checked on every cell."""

from __future__ import annotations

import random
import re
import unicodedata
from collections import Counter
from itertools import chain, combinations

import pytest

from harness.pocket.phrasebook import CATEGORIES, LANGUAGES, concepts

SCRIPTS = {"en": "LATIN", "ar": "ARABIC", "zh": "CJK", "hi": "DEVANAGARI", "ko": "HANGUL", "ru": "CYRILLIC"}


@pytest.fixture(scope="module")
def everything():
    return list(chain.from_iterable(concepts().values()))


def test_sizes(everything):
    assert len(everything) >= 400
    by_category = concepts()
    assert tuple(by_category) == CATEGORIES and all(len(rows) >= 50 for rows in by_category.values())
    assert all(concept.category == category for category, rows in by_category.items() for concept in rows)


def test_concepts_are_unique_keys(everything):
    names = [concept.name for concept in everything]
    assert len(set(names)) == len(names)
    assert all(re.fullmatch(r"[a-z0-9]+(-[a-z0-9]+)*", name) for name in names)


@pytest.mark.parametrize("language", LANGUAGES)
def test_every_cell_has_at_least_two_forms(everything, language):
    assert [concept.name for concept in everything if len(concept.forms[language]) < 2] == []


@pytest.mark.parametrize("language", LANGUAGES)
def test_a_form_belongs_to_one_concept_over_all_files(everything, language):
    counts = Counter(form.lower() for concept in everything for form in concept.forms[language])
    assert [form for form, count in counts.items() if count > 1] == []


@pytest.mark.parametrize("language", LANGUAGES)
def test_forms_are_letters_of_the_languages_own_script(everything, language):
    for form in chain.from_iterable(concept.forms[language] for concept in everything):
        assert unicodedata.normalize("NFC", form) == form and form == " ".join(form.split()) and form
        assert len(form.split()) <= 2
        for character in form.replace(" ", ""):
            assert unicodedata.name(character).startswith(SCRIPTS[language]), (form, unicodedata.name(character))
            assert unicodedata.category(character)[0] in "LM", form


@pytest.mark.parametrize("language", ["en", "ru"])
def test_forms_are_lower_case(everything, language):
    assert [form for concept in everything for form in concept.forms[language] if form != form.lower()] == []


@pytest.mark.parametrize("language", LANGUAGES)
def test_synonyms_share_no_word_and_none_contains_another(everything, language):
    """Otherwise a shared word of a question would give its answer away."""
    for concept in everything:
        for left, right in combinations(concept.forms[language], 2):
            assert not set(left.split()) & set(right.split()), (concept.name, left, right)
            assert left not in right and right not in left, (concept.name, left, right)


def test_form_draws_every_form_but_the_excluded_one(everything):
    choice = random.Random(0)
    concept = everything[0]
    forms = set(concept.forms["en"])
    assert {concept.form("en", choice) for _ in range(100)} == forms
    for form in forms:
        assert {concept.form("en", choice, other_than=form) for _ in range(100)} == forms - {form}
