"""Rows of the tables: each initializer with the bridges and alphas it takes, and settings refused before a run."""

from __future__ import annotations

import re

import pytest

from harness.plan.preset import Preset, PresetError
from harness.plan.rows import Method, methods


def preset(*initializers: str, **options) -> Preset:
    content = {
        "title": "t",
        "languages": ["ru"],
        "architectures": {"a": "a"},
        "tokenizers": "t",
        "bridges": {"near": "n", "far": "f"},
        "collections": {"c": "c"},
        "initializers": list(initializers),
    }
    return Preset.model_validate(content | options)


def test_bridges_and_alphas_multiply_where_a_method_takes_them():
    assert methods(preset("mean", "sembridge", alphas=[2, 8])) == [
        Method("mean", label="mean"),
        Method("sembridge", "near", 2.0, "sembridge"),
        Method("sembridge", "near", 8.0, "sembridge"),
        Method("sembridge", "far", 2.0, "sembridge"),
        Method("sembridge", "far", 8.0, "sembridge"),
    ]


def test_references_keep_the_preset_s_order_and_dense_is_a_row_a_bridge():
    rows = methods(preset("bm25", "dense", "mean", "mine", "base", references={"mine": "m", "unused": "u"}))
    assert rows == [
        Method("bm25", reference=True),
        Method("dense", "near", label="dense (near)", reference=True),
        Method("dense", "far", label="dense (far)", reference=True),
        Method("mean", label="mean"),
        Method("mine", reference=True),
        Method("base", reference=True),
    ]


def labels(*initializers: str, **options) -> list[str]:
    return [row.label for row in methods(preset(*initializers, **options))]


def test_labels_name_a_profile_and_an_overlap_that_was_not_published():
    assert labels("mean", "wechsel") == ["mean", "wechsel (own reading) (overlap fuzzy)"]
    assert labels("wechsel", overlap="special") == ["wechsel (own reading)"]
    assert labels("wechsel", overlap="special", profile="compat") == ["wechsel (compat)"]
    assert labels("mean", "wechsel", profile="compat") == ["mean (compat)", "wechsel (overlap fuzzy) (compat)"]


@pytest.mark.parametrize(
    ("initializers", "options", "message"),
    [
        (["meen"], {}, "initializer 'meen' is unknown; did you mean 'mean'? known: base, bm25, dense, focus, "),
        (["mean"], {"settings": {"focs": {}}}, "initializer 'focs' is unknown; did you mean 'focus'?"),
        (["mean"], {"references": {"mean": "m"}}, "references.mean: a row of this name exists already; choose another"),
        (["mean"], {"references": {"base": "m"}}, "references.base: a row of this name exists already"),
        (["bm25"], {"settings": {"bm25": {"k1": 1}}}, "settings.bm25: bm25 has no settings; remove them"),
        (["mine"], {"references": {"mine": "m"}, "settings": {"mine": {}}}, "settings.mine: mine has no settings"),
        (["dense"], {"bridges": {}}, "'dense' is a bridge and the preset has none; add --set bridges.NAME.model="),
        (["sembridge"], {"settings": {"sembridge": {"alpha": 2}}}, "settings.sembridge.alpha is set by the grid; use "
         "the option alphas instead"),
        (["sembridge"], {"settings": {"sembridge": {"bridge": "b"}}}, "settings.sembridge.bridge is set by the grid; "
         "use the option bridges instead"),
        (["focus"], {"settings": {"focus": {"text": "x"}}}, "settings.focus.text is set by the grid; use the option "
         "text instead"),
        (["focus"], {"settings": {"focus": {"epoch": 2}}}, "settings.focus.epoch is unknown; did you mean 'epochs'?"),
        (["focus"], {"settings": {"focus": {"epochs": "2"}}}, "settings.focus.epochs: '2' is not an int; the default "
         "is 3"),
        (["focus"], {"settings": {"focus": {"epochs": True}}}, "settings.focus.epochs: True is not an int"),
        (["wechsel"], {"settings": {"wechsel": {"neighbours": 0}}}, "settings of initializer 'wechsel': neighbours 0 "
         "must be at least 1"),
        (["mean"], {"regimes": ["fine-tuned"], "training": {"collection": "d"}}, "training.collection 'd' is unknown; "
         "known: c"),
    ],
)  # fmt: skip
def test_what_cannot_be_a_row_is_refused(initializers, options, message):
    with pytest.raises(PresetError, match=re.escape(message)):
        methods(preset(*initializers, **options))


def test_an_alpha_out_of_range_is_refused_before_a_run():
    with pytest.raises(PresetError, match=r"settings of initializer 'sembridge': alpha 0\.5"):
        methods(preset("sembridge", alphas=[4, 0.5]))


def test_a_training_collection_is_looked_for_only_where_something_is_trained():
    assert methods(preset("base", training={"collection": "d"})) == [Method("base", reference=True)]
