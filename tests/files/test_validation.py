"""A pydantic error becomes one sentence about the defect that explains the others."""

from __future__ import annotations

from typing import Literal

import pytest
from pydantic import BaseModel, ConfigDict, Field, ValidationError, field_validator

from harness.files.validation import LONGEST_PLACE, Complaint, complaint


class Strict(BaseModel):
    model_config = ConfigDict(extra="forbid")


class Part(Strict):
    size: int = Field(1, ge=1)
    kind: Literal["small", "large", "huge"] = "small"
    name: str = "a"

    @field_validator("name")
    @classmethod
    def _check_name(cls, value: str) -> str:
        if value == "bad":
            raise ValueError("bad is not a good name; choose another")
        return value


class Whole(Strict):
    title: str
    part: Part = Part()
    parts: dict[str, Part] = {}
    perhaps: Part | None = None


def complain(content: object, **options) -> Complaint:
    with pytest.raises(ValidationError) as error:
        Whole.model_validate(content)
    return complaint(error.value, Whole, **options)


def test_a_missing_field():
    assert complain({}) == Complaint("title", "missing", "is missing; add it")


def test_a_misspelled_field_comes_before_the_one_it_leaves_missing():
    text = "is unknown; did you mean 'title'? known: part, parts, perhaps, title"
    assert complain({"titel": "x"}) == Complaint("titel", "unknown", text)


@pytest.mark.parametrize(
    ("content", "place"),
    [
        ({"part": {"sise": 3}}, "part.sise"),
        ({"parts": {"mine": {"sise": 3}}}, "parts.mine.sise"),
        ({"perhaps": {"sise": 3}}, "perhaps.sise"),
    ],
)
def test_the_known_fields_are_those_of_the_part(content, place):
    text = "is unknown; did you mean 'size'? known: kind, name, size"
    assert complain({"title": "x"} | content) == Complaint(place, "unknown", text)


def test_further_names_are_known_at_the_top_only():
    top = complain({"title": "x", "txet": "y"}, further=["text"])
    assert top.text == "is unknown; did you mean 'text'? known: part, parts, perhaps, text, title"
    below = complain({"title": "x", "part": {"txet": "y"}}, further=["text"])
    assert below.text == "is unknown; known: kind, name, size"


def test_a_validator_of_ours_speaks_for_itself():
    expected = Complaint("part.name", "refused", "bad is not a good name; choose another")
    assert complain({"title": "x", "part": {"name": "bad"}}) == expected


def test_a_choice_gets_the_nearest():
    text = "'larg' is not valid; did you mean 'large'? known: huge, large, small"
    assert complain({"title": "x", "part": {"kind": "larg"}}) == Complaint("part.kind", "value", text)


def test_another_type_or_range_is_shown_with_the_reason():
    text = "0 is not valid (input should be greater than or equal to 1)"
    assert complain({"title": "x", "part": {"size": 0}}) == Complaint("part.size", "value", text)
    assert complain({"title": 7}) == Complaint(
        "title", "value", "7 is not valid (input should be a valid string; put text in quotes)"
    )
    assert complain([]).place == ""


def test_a_long_place_is_cut():
    place = complain({"title": "x", "parts": {"n" * 1000: {"sise": 1}}}).place
    assert place == "parts." + "n" * (LONGEST_PLACE - len("parts."))
