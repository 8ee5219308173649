"""From cases to texts: templates in six languages, and invented names composed of syllables."""

from __future__ import annotations

import random
from functools import cache
from importlib.resources import files

import yaml

from harness.pocket.cases import PERSONS, TOWNS, Case, Event
from harness.pocket.phrasebook import Concept

LATIN_NAMES = 0.2  # fraction of the names in Latin script in every language, as foreign names are


@cache
def templates(language: str) -> dict[str, list[str]]:
    """Return kind (faq_question, faq_answer, passage, passage_question, syllables) -> texts; template i means the same
    in every language."""
    text = (files("harness.pocket") / "templates" / f"{language}.yaml").read_text(encoding="utf-8")
    return yaml.safe_load(text)


class Writer:
    """Write cases as texts of one language; `choice` draws the synonyms."""

    def __init__(self, language: str, seed: int) -> None:
        self.language = language
        self.choice = random.Random(f"wording {language} {seed}")
        longest = 2 if language in ("zh", "ko") else 3
        self.persons = _draw_names(language, PERSONS, longest, random.Random(f"persons {seed}"), seed)
        self.towns = _draw_names(language, TOWNS, 2, random.Random(f"towns {seed}"), seed)

    def faq(self, case: Case) -> tuple[str, str]:
        """Return (question, answer). The answer names every concept by another synonym than the question and contains
        no form that the question uses."""
        while True:
            words = {slot: self._form(getattr(case, slot)) for slot in ("thing", "action", "circumstance")}
            others = {
                slot: getattr(case, slot).form(self.language, self.choice, other_than=form)
                for slot, form in words.items()
            }
            question = self._pick("faq_question", case.template + self.choice.randrange(10))
            others["extra"] = self._form(case.extra)
            # A synonym may contain the word: "love of learning" contains "love".
            if not any(form in phrase.split() for form in words.values() for phrase in others.values()):
                return question.format(**words), self._pick("faq_answer", case.template).format(**others)

    def passage(self, event: Event) -> str:
        setting = {"place": self._form(event.place), "person": self._form(event.person)}
        numbers = {"year": event.year, "number": event.number}
        return self._pick("passage", event.template).format(**self._words(event), **setting, **numbers)

    def passage_question(self, event: Event) -> str:
        """Return a question whose every content word occurs in the passage in the same form."""
        return self._pick("passage_question", event.template + self.choice.randrange(10)).format(**self._words(event))

    def _words(self, event: Event) -> dict[str, str]:
        return {
            "name": self.persons[event.name],
            "town": self.towns[event.town],
            "thing": _synonym(event.thing, self.language, event.synonyms[0]),
            "action": _synonym(event.action, self.language, event.synonyms[1]),
        }

    def _pick(self, kind: str, number: int) -> str:
        texts = templates(self.language)[kind]
        return texts[number % len(texts)]

    def _form(self, concept: Concept) -> str:
        return concept.form(self.language, self.choice)


def _synonym(concept: Concept, language: str, number: int) -> str:
    forms = concept.forms[language]
    return forms[number % len(forms)]


def _draw_names(language: str, count: int, longest: int, choice: random.Random, seed: int) -> list[str]:
    """Draw `count` distinct invented names; which of them are in Latin script is the same in every language."""
    own, latin = templates(language)["syllables"], templates("en")["syllables"]
    foreign = random.Random(f"foreign {count} {seed}")
    names: list[str] = []
    while len(names) < count:
        is_latin = foreign.random() < LATIN_NAMES
        while True:
            syllables = choice.choices(latin if is_latin else own, k=choice.randint(2, 3 if is_latin else longest))
            name = "".join(syllables)
            if name not in names and name.capitalize() not in names:
                break
        names.append(name.capitalize())
    return names
