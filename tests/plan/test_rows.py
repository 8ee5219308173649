"""Rows of the tables: each initializer with the bridges and alphas it takes, and settings refused before a run."""

from __future__ import annotations

import re

import pytest

from harness.plan.preset import Preset, PresetError
from harness.plan.rows import Method, methods
from harness.retrieval.vector_options import AS_ENCODED, VectorOptions


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


def test_options_of_vectors_multiply_rows_with_sparse_vectors():
    options = {"query_idf": [False, True], "max_active_document": [None, 64]}
    rows = methods(preset("bm25", "dense", "mean", "base", evaluation=options))
    assert [(row.name, row.vectors.label) for row in rows] == [
        ("bm25", ""),
        ("dense", ""),
        ("dense", ""),
        *(
            (name, vectors)
            for name in ("mean", "base")
            for vectors in ("", "document top 64", "idf", "idf, document top 64")
        ),
    ]
    assert {row.label for row in rows if row.name == "mean"} == {"mean"}, "tables add the options to the label"


def test_one_option_of_vectors_replaces_the_plain_rows():
    rows = methods(preset("bm25", "mean", evaluation={"query_idf": True}))
    assert [row.vectors for row in rows] == [AS_ENCODED, VectorOptions(query_idf=True)]


def test_options_that_concern_no_row_are_refused():
    message = "evaluation.weight_bits concerns sparse vectors, and the grid has only bm25 and dense; add another"
    with pytest.raises(PresetError, match=message):
        methods(preset("bm25", "dense", evaluation={"weight_bits": [None, 8]}))
    methods(preset("bm25", evaluation={"weight_bits": None, "query_idf": [False]}))


def test_points_of_a_training_need_rows_as_encoded():
    options = {"training": {"points": 4}, "regimes": ["fine-tuned"]}
    with pytest.raises(PresetError, match=r"evaluation.query_idf has no row without it, and training.points measures"):
        methods(preset("mean", evaluation={"query_idf": True}, **options))
    assert len(methods(preset("mean", evaluation={"query_idf": [False, True]}, **options))) == 2
    assert len(methods(preset("mean", evaluation={"query_idf": True}, **options | {"regimes": ["zero-shot"]}))) == 1
