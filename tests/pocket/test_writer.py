"""Wording: a question and its answer share no form, also where a form of one concept is a word of another's."""

from __future__ import annotations

from itertools import chain

import pytest

from harness.pocket.cases import Case
from harness.pocket.phrasebook import LANGUAGES, concepts
from harness.pocket.writer import Writer
from tests.helpers.pocket_texts import concepts_in, contains, read


@pytest.fixture(scope="module")
def named():
    return {concept.name: concept for concept in chain.from_iterable(concepts().values())}


# In Arabic a form of "drunkard" has a form of "alcohol" as its second word, and one of "curiosity" both of "love" and "reconnaissance".
@pytest.mark.parametrize(
    ("thing", "action", "circumstance", "extra"),
    [
        ("alcohol", "reconnaissance", "love", "drunkard"),
        ("alcohol", "search", "drunkard", "love"),
        ("alcohol", "reconnaissance", "love", "curiosity"),
    ],
)
def test_an_answer_has_no_form_of_its_question(named, thing, action, circumstance, extra):
    writer, case = Writer("ar", 1), Case(named[thing], named[action], named[circumstance], named[extra], 0)
    seen = set()
    for _ in range(300):
        question, answer = writer.faq(case)
        asked = read("ar", "faq_question", question)
        seen |= set(asked.values())
        assert not any(contains("ar", answer, form) for form in asked.values()), (question, answer)
    assert seen == {*case.thing.forms["ar"], *case.action.forms["ar"], *case.circumstance.forms["ar"]}


@pytest.mark.parametrize("language", LANGUAGES)
def test_every_template_is_used_and_the_texts_are_about_the_case(named, language):
    writer = Writer(language, 1)
    questions, answers = set(), set()
    for template in range(20):
        case = Case(named["car"], named["repair"], named["hospital"], named["doctor"], template % 10)
        about = {"thing": "car", "action": "repair", "circumstance": "hospital"}
        for _ in range(8):
            question, answer = writer.faq(case)
            assert concepts_in(language, read(language, "faq_question", question)) == about
            assert concepts_in(language, read(language, "faq_answer", answer)) == about | {"extra": "doctor"}
            questions.add(question), answers.add(answer)
    assert len(questions) > 30 and len(answers) > 30


def test_the_seed_decides_the_wording(named):
    case = Case(named["car"], named["repair"], named["hospital"], named["doctor"], 3)
    first, again, other = ([Writer("ko", seed).faq(case) for _ in range(3)] for seed in (1, 1, 2))
    assert first == again != other
    assert Writer("ko", 1).persons == Writer("ko", 1).persons != Writer("ko", 2).persons
