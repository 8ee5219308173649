"""A preset is a file, then what --set and choices make of it."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from harness.plan.load_preset import load_preset, preset_names
from harness.plan.preset import ModelSource, Preset, PresetError

SMALL = """
title: small
languages: [ru, ko]
architectures: {one: "{data}/one", two: {model: two, prompt: "x "}}
tokenizers: "{data}/tokenizers/{language}"
bridges: {near: near}
collections: {first: "{data}/first/{language}", second: second}
initializers: [mean, sembridge]
"""


@pytest.fixture
def load(tmp_path: Path):
    def load(*overrides: str, content: str = SMALL, **choices) -> Preset:
        (tmp_path / "small.yaml").write_text(content, encoding="utf-8")
        return load_preset("small", tmp_path, overrides, choices)

    return load


@pytest.fixture
def refusal(load):
    def refusal(*overrides: str, **options) -> str:
        with pytest.raises(PresetError, match=r"\S") as error:
            load("data=d", *overrides, **options)
        assert "\n" not in str(error.value)
        return str(error.value)

    return refusal


def test_a_name_is_one_of_the_folder_and_a_path_any_file(tmp_path):
    for name in ("zeta", "alpha"):
        (tmp_path / f"{name}.yaml").write_text(SMALL.replace("{data}", "d"))
    (tmp_path / "notes.txt").touch()
    assert preset_names(tmp_path) == ["alpha", "zeta"]
    assert load_preset("zeta", tmp_path) == load_preset(str(tmp_path / "alpha.yaml"), tmp_path / "elsewhere")
    problem = "--preset 'alfa' is unknown; did you mean 'alpha'? known: alpha, zeta, or the path of a .yaml file"
    with pytest.raises(PresetError, match=re.escape(problem)):
        load_preset("alfa", tmp_path)


def test_data_stands_for_a_folder_everywhere_and_must_be_given(load):
    preset = load("data=my/data/")
    assert preset.architectures["one"].model == "my/data/one"
    assert preset.tokenizers == "my/data/tokenizers/{language}"
    assert preset.collections["first"].folder == "my/data/first/{language}"
    with pytest.raises(PresetError, match="this preset needs a folder: add --set data=FOLDER"):
        load()


def test_set_reads_yaml_reaches_below_short_forms_and_makes_what_is_not_there(load):
    preset = load(
        "data=d",
        "architectures.one.revision=abc",
        "alphas=[2, 8]",
        "evaluation.k=200",
        "settings.sembridge.top_k=3",
        "bias=null",
        "text=a=b",  # the first = ends the path
        "collections.first.folder=other",
    )
    assert preset.architectures["one"] == ModelSource(model="d/one", revision="abc")
    assert preset.alphas == [2.0, 8.0] and preset.evaluation.k == 200
    assert preset.settings == {"sembridge": {"top_k": 3}} and preset.bias is None
    assert preset.inputs == {"text": "a=b"} and preset.collections["first"].folder == "other"


def test_a_value_that_is_not_yaml_is_text(load):
    assert load("data=d", "title=[half").title == "[half"


@pytest.mark.parametrize(
    ("text", "prompt"),
    [
        ("query: ", "query: "), ('"query: "', "query: "), ("'query: '", "query: "), (" a ", " a "),
        ("12", "12"), ("[a]", "[a]"), ("no", "no"), ("", ""), ('""', ""), ("null", None),
        ("#1 ", "#1 "), ("&a", "&a"), ('"a" # b', '"a" # b'), ("~", None), ("it's", "it's"),
    ],
)  # fmt: skip
def test_the_value_of_a_text_option_is_that_text_however_it_is_quoted(load, text, prompt):
    assert load("data=d", f"bridges.near.prompt={text}").bridges["near"].prompt == prompt


def test_an_optional_text_and_text_in_a_list_of_entries_are_text_too(load):
    preset = load("data=1", "title=2026", "training.collection=1e3", "text=7", "seeds=[1, 2]")
    assert (preset.data, preset.title, preset.training.collection) == ("1", "2026", "1e3")
    assert preset.inputs == {"text": "7"} and preset.seeds == [1, 2]


def test_a_prompt_that_yaml_reads_as_a_mapping_in_a_file_is_refused_with_the_remedy(refusal):
    problem = refusal(content=SMALL.replace("{near: near}", "{near: {model: near, prompt: {query: }}}"))
    assert problem.startswith("option 'bridges.near.prompt': ") and problem.endswith("put text in quotes)")


def test_set_reaches_the_tokenizer_of_one_language_of_a_pattern(load):
    preset = load("data=d", "tokenizers.ko.model=special", languages=["ko", "ru"])
    assert preset.tokenizers == {"ko": ModelSource(model="special"), "ru": ModelSource(model="d/tokenizers/{language}")}


def test_choices_narrow_mappings_replace_lists_and_keep_collections(load):
    preset = load("data=d", architectures=["two"], languages=["en"], collections=["second"])
    assert list(preset.architectures) == ["two"] and preset.architectures["two"].prompt == "x "
    assert preset.languages == ["en"]
    assert list(preset.collections) == ["first", "second"] and preset.evaluated == ["second"]


@pytest.mark.parametrize(
    ("override", "message"),
    [
        ("alphas", "--set 'alphas' is not of the form key.path=value"),
        ("=3", "--set '=3' is not of the form key.path=value"),
        ("title.sub=3", "--set 'title.sub=3': 'title' is a single value, with nothing below it"),
        ("a." * 21 + "b=1", "reaches 21 levels down, further than any option; see the page 'presets'"),
        ("initialisers=[mean]", "option 'initialisers' is unknown; did you mean 'initializers'? known: "),
        ("txet=x", "option 'txet' is unknown; did you mean 'text'? known: "),
        ("settings={7: 1}", "option 'settings.7': the name 7 is not text; put it in quotes"),
        ("architectures.one.model=null", "option 'architectures.one.model': None is not valid (input should be"),
        ("training={batch_size: 5, workers: 2}", "training.batch_size 5 cannot be shared evenly by 2 workers"),
        ("catalog=7", "option 'catalog': 7 is not valid; give the path of a file, or a list of them"),
    ],
)
def test_what_set_cannot_do_is_one_line(refusal, override, message):
    extra = [] if override != "catalog=7" else ["bridges.near=catalog:x"]
    assert message in refusal(override, *extra)


def test_unknown_choices_and_missing_options_are_named(refusal):
    message = refusal(architectures=["tow"])
    assert message == "--architectures 'tow' is not in this preset; did you mean 'two'? known: one, two"
    missing = refusal(content=SMALL.replace("title: small", ""))
    assert missing == "option 'title' is missing; add it with --set title=..."
