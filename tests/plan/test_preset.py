"""A preset is data: short forms are written out, and values that conflict are refused by the preset alone."""

from __future__ import annotations

import re

import pytest
from pydantic import ValidationError

from harness.plan.preset import LONGEST_NAME, ModelSource, Preset, ReferenceSource, input_options

PLAIN = {
    "title": "t",
    "languages": ["ru"],
    "architectures": {"a": "org/a"},
    "tokenizers": "t/{language}",
    "collections": {"c": "c"},
    "initializers": ["mean"],
}


def preset(**options) -> Preset:
    return Preset.model_validate(PLAIN | options)


def test_a_name_alone_is_a_model():
    made = preset(bridges={"b": {"model": "b", "prompt": "query: "}}, references={"r": "org/r"})
    assert made.architectures == {"a": ModelSource(model="org/a")}
    assert made.bridges["b"].prompt == "query: " and made.bridges["b"].query_prompt is None
    assert made.references["r"] == ReferenceSource(model="org/r", kind="sparse-encoder", remote_code=False)


def test_options_of_needs_stand_at_the_top_or_below_inputs():
    made = preset(text="t", dictionary=None, inputs={"words": "w"})
    assert made.inputs == {"text": "t", "words": "w"}
    assert made == preset(inputs={"text": "t", "words": "w", "dictionary": None})
    assert {"text", "words", "dictionary"} <= set(input_options()) and "bridge" not in input_options()


def test_a_transplant_follows_the_profile_and_a_bias_overrules_it():
    assert preset().transplant(None) == {"bias": "transfer", "special_ids": "target"}
    assert preset(profile="compat").transplant("calibrated") == {"bias": "keep", "special_ids": "keep"}
    assert preset(profile="compat", bias="zero").transplant(None) == {"bias": "zero", "special_ids": "keep"}


@pytest.mark.parametrize(
    ("option", "value"),
    [
        ("title", {"title": "{}"}),
        ("languages", {"languages": ["ru", "{}"]}),
        ("architectures", {"architectures": {"{}": "x"}}),
        ("tokenizers", {"tokenizers": {"{}": "x"}}),
        ("collections", {"collections": {"{}": "x"}}),
    ],
)
def test_names_can_head_tables(option, value):
    def named(name: str) -> Preset:
        def put(part):
            if isinstance(part, dict):
                return {put(key): put(item) for key, item in part.items()}
            return [put(item) for item in part] if isinstance(part, list) else part.replace("{}", name)

        return preset(**put(value))

    assert named("ж" * LONGEST_NAME) and named("two words") and named("a=b")
    for name in ("", " a", "a ", "a\nb", "\x1b[2J", "x" * (LONGEST_NAME + 1)):
        with pytest.raises(ValidationError, match=f"{option}: .* is not a valid name; give 1 to 100 printable"):
            named(name)
    for name in ("=1+1", "+a", "-a", "@a"):
        with pytest.raises(ValidationError, match="spreadsheets would compute it; begin it with a letter or a digit"):
            named(name)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"text": "t", "inputs": {"text": "u"}}, "text is given twice, at the top and below inputs; keep one"),
        ({"inputs": {"txet": "t"}}, "inputs.txet is unknown; did you mean 'text'? known: "),
        ({"languages": ["ru", "ko", "ru"]}, "languages: ru is given twice"),
        ({"alphas": [2, 4, 2.0]}, "alphas: 2.0 is given twice"),
        ({"seeds": [1, 1]}, "seeds: 1 is given twice"),
        ({"evaluated": ["d"]}, "collection 'd' is unknown; known: c"),
        (
            {"collections": {"c-judged": "x", "c": {"ir_datasets": "a/b", "limit": 0}}, "evaluated": ["c-judged"]},
            "collections: 'c-judged' would be the name of both 'c-judged' and 'c'; rename one",
        ),
        (
            {
                "collections": {
                    "c": {"ir_datasets": "a/b", "subset": "x", "limit": 0},
                    "c-x": {"ir_datasets": "a/c", "limit": 0},
                }
            },
            "collections: 'c-x-judged' would be the name of both 'c' and 'c-x'; rename one",
        ),
        ({"profile": "compat", "donors": "ordinary"}, "donors 'ordinary' conflicts with profile 'compat'"),
        ({"training": {"batch_size": 10, "workers": 4}}, "training.batch_size 10 cannot be shared evenly by 4 workers"),
        ({"references": {"m": {"model": "m", "kind": "milco"}}}, "if you have read it and trust it, set remote_code"),
        ({"references": {"m": {"model": "m", "kind": "bge-m3", "remote_code": True}}}, "leave remote_code out"),
        ({"references": {"m": {"model": "m", "remote_code": 1}}}, "Input should be a valid boolean"),
        ({"alphas": [float("nan")]}, "Input should be a finite number"),
        ({"seeds": [2**32]}, "less than 4294967296"),
        ({"evaluation": {"k": 99}}, "greater than or equal to 100"),
        ({"languages": []}, "at least 1 item"),
    ],
)
def test_conflicts_and_values_out_of_range_are_refused(options, message):
    with pytest.raises(ValidationError, match=re.escape(message)):
        preset(**options)
