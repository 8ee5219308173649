"""A recipe survives being stored, in the spelling of old records too, and names no path."""

from __future__ import annotations

import dataclasses
import json
from importlib.metadata import version

import pytest

from sembridge.model_card.recipe import Ingredient, Recipe, library_versions
from tests.helpers.records_made import recipe


def test_a_recipe_survives_json():
    original = recipe()
    assert Recipe.from_dict(json.loads(json.dumps(dataclasses.asdict(original)))) == original
    assert list(original.ingredients) == ["source", "tokenizer", "bridge"]


def test_the_source_comes_first_whatever_the_inputs():
    described = recipe(inputs={"words": Ingredient("w"), "bridge": Ingredient("b")})
    assert [(role, item.name) for role, item in described.ingredients.items()] == [
        ("source", "naver/splade-v3"),
        ("tokenizer", "ko-tokenizer"),
        ("words", "w"),
        ("bridge", "b"),
    ]


def test_records_of_old_spell_the_license_the_british_way():
    content = dataclasses.asdict(recipe())
    for item in (content["source"], content["tokenizer"], *content["inputs"].values()):
        item["licence"] = item.pop("license")
    assert Recipe.from_dict(content) == recipe()


def test_a_license_that_no_card_states_stays_unknown():
    content = dataclasses.asdict(recipe())
    del content["source"]["license"]
    assert Recipe.from_dict(content).source == Ingredient("naver/splade-v3", "abc123", None)


def test_unknown_and_missing_fields_are_not_read_over():
    content = dataclasses.asdict(recipe())
    with pytest.raises(TypeError, match="colour"):
        Recipe.from_dict({**content, "colour": "red"})
    del content["tokenizer"]
    with pytest.raises(KeyError, match="tokenizer"):
        Recipe.from_dict(content)


def test_reading_does_not_change_the_content():
    content = dataclasses.asdict(recipe())
    before = json.dumps(content)
    Recipe.from_dict(content)
    assert json.dumps(content) == before


def test_versions_are_those_installed():
    names = ["sembridge-bench", "sentence-transformers", "transformers", "torch"]
    assert library_versions() == {name: version(name) for name in names}
