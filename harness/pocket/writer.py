"""From cases to texts: templates in six languages, and invented names from syllables."""

from __future__ import annotations

import random
from functools import cache
from importlib.resources import files

import yaml

from harness.pocket.cases import PERSONS, TOWNS, Case, Event
from harness.pocket.phrasebook import Concept

LATIN_NAMES = 0.2  # share of the names that stay in Latin script in every language, as foreign names do


@cache
def templates(language: str) -> dict[str, list[str]]:
    """Kind (faq_question, faq_answer, passage, passage_question, syllables) -> wordings; template i means the same in every language."""
    text = (files("harness.pocket") / "templates" / f"{language}.yaml").read_text(encoding="utf-8")
    return yaml.safe_load(text)


class Writer:
    """Words cases in one language. Which synonym a text uses is drawn from `choice`."""

    def __init__(self, language: str, seed: int) -> None:
        self.language = language
        self.choice = random.Random(f"wording {language} {seed}")
        self.persons = _names(
            language, PERSONS, 3 if language not in ("zh", "ko") else 2, random.Random(f"persons {seed}"), seed
        )
        self.towns = _names(language, TOWNS, 2, random.Random(f"towns {seed}"), seed)

    def faq(self, case: Case) -> tuple[str, str]:
        """(question, answer): every concept by one synonym in the question and by another in the answer, which has no form of the question's."""
        while True:
            asked = {slot: self._form(getattr(case, slot)) for slot in ("thing", "action", "circumstance")}
            told = {
                slot: getattr(case, slot).form(self.language, self.choice, other_than=form)
                for slot, form in asked.items()
            }
            question = self._pick("faq_question", case.template + self.choice.randrange(10))
            told["extra"] = self._form(case.extra)
            if not any(
                form in phrase.split() for form in asked.values() for phrase in told.values()
            ):  # "love" is a word of "love of learning"
                return question.format(**asked), self._pick("faq_answer", case.template).format(**told)

    def passage(self, event: Event) -> str:
        return self._pick("passage", event.template).format(
            **self._named(event),
            place=self._form(event.place),
            person=self._form(event.person),
            year=event.year,
            number=event.number,
        )

    def passage_question(self, event: Event) -> str:
        """Every word it asks for stands in the passage as it is."""
        return self._pick("passage_question", event.template + self.choice.randrange(10)).format(**self._named(event))

    def _named(self, event: Event) -> dict[str, str]:
        return {
            "name": self.persons[event.name],
            "town": self.towns[event.town],
            "thing": _worded(event.thing, self.language, event.wording[0]),
            "action": _worded(event.action, self.language, event.wording[1]),
        }

    def _pick(self, kind: str, number: int) -> str:
        known = templates(self.language)[kind]
        return known[number % len(known)]

    def _form(self, concept: Concept) -> str:
        return concept.form(self.language, self.choice)


def _worded(concept: Concept, language: str, number: int) -> str:
    forms = concept.forms[language]
    return forms[number % len(forms)]


def _names(language: str, count: int, longest: int, choice: random.Random, seed: int) -> list[str]:
    """`count` distinct invented names; which of them stay in Latin script is the same in every language."""
    own, latin = templates(language)["syllables"], templates("en")["syllables"]
    foreign = random.Random(f"foreign {count} {seed}")
    names: list[str] = []
    while len(names) < count:
        stays = foreign.random() < LATIN_NAMES
        while True:
            parts = choice.choices(latin if stays else own, k=choice.randint(2, 3 if stays else longest))
            name = "".join(parts)
            if name not in names and name.capitalize() not in names:
                break
        names.append(name.capitalize())
    return names
