"""A question and its answer share no form, even where a form of one concept is a word of another's."""

from __future__ import annotations

from itertools import chain

import pytest

from harness.pocket.cases import Case
from harness.pocket.phrasebook import LANGUAGES, concepts
from harness.pocket.writer import Writer
from tests.helpers.pocket_texts import concepts_in, contains, read


@pytest.fixture(scope="module")
def by_name():
    return {concept.name: concept for concept in chain.from_iterable(concepts().values())}


# In Arabic a form of "drunkard" contains a form of "alcohol", and one of "curiosity" contains forms of "love" and
# "reconnaissance".
@pytest.mark.parametrize(
    ("thing", "action", "circumstance", "extra"),
    [
        ("alcohol", "reconnaissance", "love", "drunkard"),
        ("alcohol", "search", "drunkard", "love"),
        ("alcohol", "reconnaissance", "love", "curiosity"),
    ],
)
def test_an_answer_has_no_form_of_its_question(by_name, thing, action, circumstance, extra):
    case = Case(by_name[thing], by_name[action], by_name[circumstance], by_name[extra], 0)
    writer, seen = Writer("ar", 1), set()
    for _ in range(300):
        question, answer = writer.faq(case)
        forms = read("ar", "faq_question", question).values()
        seen |= set(forms)
        assert not any(contains("ar", answer, form) for form in forms), (question, answer)
    assert seen == {*case.thing.forms["ar"], *case.action.forms["ar"], *case.circumstance.forms["ar"]}


@pytest.mark.parametrize("language", LANGUAGES)
def test_every_template_is_used_and_the_texts_are_about_the_case(by_name, language):
    writer = Writer(language, 1)
    questions, answers = set(), set()
    for template in range(20):
        case = Case(by_name["car"], by_name["repair"], by_name["hospital"], by_name["doctor"], template % 10)
        about = {"thing": "car", "action": "repair", "circumstance": "hospital"}
        for _ in range(8):
            question, answer = writer.faq(case)
            assert concepts_in(language, read(language, "faq_question", question)) == about
            assert concepts_in(language, read(language, "faq_answer", answer)) == about | {"extra": "doctor"}
            questions.add(question), answers.add(answer)
    assert len(questions) > 30 and len(answers) > 30


def test_the_seed_decides_the_texts(by_name):
    case = Case(by_name["car"], by_name["repair"], by_name["hospital"], by_name["doctor"], 3)
    first, again, other = ([Writer("ko", seed).faq(case) for _ in range(3)] for seed in (1, 1, 2))
    assert first == again != other
    assert Writer("ko", 1).persons == Writer("ko", 1).persons != Writer("ko", 2).persons
