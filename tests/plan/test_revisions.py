"""Models of the hub without a pinned revision are listed with what to type; a plan goes on with placeholders."""

from __future__ import annotations

import pytest

from harness.plan.plan import Cell
from harness.plan.preset import ModelSource, Preset
from harness.plan.resolve import UNPINNED
from harness.plan.revisions import unpinned, with_placeholders
from harness.results.record import Identity
from harness.store.artifact import Artifact, Hub
from harness.store.stage import Stage


@pytest.fixture(autouse=True)
def empty_folder(tmp_path, monkeypatch):
    """Names of models are looked up as folders, too, from the working directory."""
    monkeypatch.chdir(tmp_path)


def preset(**options) -> Preset:
    content = {
        "title": "t",
        "languages": ["ru", "ko"],
        "architectures": {"a": "org/a"},
        "tokenizers": "org/words-{language}",
        "collections": {"c": "folder"},
        "initializers": ["mean"],
    }
    return Preset.model_validate(content | options)


def cells_reading(*models: Hub) -> list[Cell]:
    """Return one cell whose artifact reads these models, two steps down."""
    stage = Stage("stage", 1, 1, print)
    below = Artifact(stage, {}, {str(number): model for number, model in enumerate(models)})
    identity = Identity("ru", "a", "c", "mean", "", None, "zero-shot", 1)
    return [Cell(identity, "mean", False, Artifact(stage, {}, {"below": below}))]


def test_models_get_placeholders_where_no_folder_and_no_revision_is(tmp_path):
    (tmp_path / "org" / "here").mkdir(parents=True)
    architectures = {
        "missing": "org/a",
        "folder": "org/here",
        "pinned": {"model": "org/b", "revision": "abc"},
        "path": "./a",
        "pocket": "pocket:source",
    }
    before = preset(architectures=architectures)
    after = with_placeholders(before)
    assert after.architectures["missing"] == ModelSource(model="org/a", revision=UNPINNED, hub=True)
    for name in ("folder", "pinned", "path", "pocket"):
        assert after.architectures[name] == before.architectures[name]
    assert before.architectures["missing"].revision is None  # the preset itself stays


def test_a_pattern_of_hub_tokenizers_is_written_out_by_language(tmp_path):
    source = ModelSource(model="org/words-{language}", revision=UNPINNED, hub=True)
    assert with_placeholders(preset()).tokenizers == {"ru": source, "ko": source}
    (tmp_path / "words").mkdir()
    assert with_placeholders(preset(tokenizers="words/{language}")).tokenizers == "words/{language}"


def test_collections_get_placeholders_for_data_and_judgements():
    collections = {
        "local": "folder",
        "hub": {"hub": "a/b"},
        "raw": {"hub": "a/b", "revision": "0" * 40, "kind": "miracl", "config": "x", "judgements": {"hub": "a/c"}},
    }
    after = with_placeholders(preset(collections=collections)).collections
    assert after["local"].revision is None and after["hub"].revision == UNPINNED
    raw = after["raw"]
    assert raw.revision == "0" * 40 and raw.judgements is not None and raw.judgements.revision == UNPINNED


def test_what_is_read_without_a_revision_is_listed_once_an_option():
    architectures = {"a": {"model": "org/a", "hub": True}, "unread": {"model": "org/z", "hub": True}}
    tokenizers = {"ko": {"model": "org/words-{language}", "hub": True}, "ru": {"model": "org/t", "revision": "abc"}}
    cells = cells_reading(Hub("org/a", UNPINNED), Hub("org/words-ko", UNPINNED), Hub("org/t", "abc"))
    assert unpinned(preset(architectures=architectures, tokenizers=tokenizers), cells * 2) == [
        "architectures.a: org/a has no pinned revision; add --set architectures.a.revision=COMMIT",
        "tokenizers.ko: org/words-ko has no pinned revision; add --set tokenizers.ko.revision=COMMIT",
    ]


def test_a_name_that_may_mean_a_folder_says_so(tmp_path):
    (tmp_path / "models" / "encoder").mkdir(parents=True)
    after = with_placeholders(preset(architectures={"a": "models/encodr"}))
    assert unpinned(after, cells_reading(Hub("models/encodr", UNPINNED))) == [
        "architectures.a: models/encodr has no pinned revision, and there is no such folder here (did you mean the "
        "folder 'models/encoder'?); add --set architectures.a.revision=COMMIT"
    ]
