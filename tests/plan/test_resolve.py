"""Names in a preset become inputs; wrong ones are refused with the nearest folder or the option to add."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest

from harness.plan.collection_source import CollectionSource
from harness.plan.preset import ModelSource, PresetError
from harness.plan.resolve import (
    UNPINNED,
    bridge_prompt,
    could_be_hub,
    may_be_inference_free,
    near_folder,
    resolve,
    resolve_collection,
)
from harness.store.artifact import Artifact, Hub, Local

COMMIT = "0123456789abcdef" * 2 + "01234567"


@pytest.fixture(autouse=True)
def here(tmp_path, monkeypatch) -> Path:
    """Names of folders are relative to the working directory."""
    monkeypatch.chdir(tmp_path)
    return tmp_path


def refusal(option: str, source: ModelSource, language: str = "") -> str:
    with pytest.raises(PresetError, match="^" + re.escape(option)) as error:
        resolve(option, source, language)
    return str(error.value)


def test_folders_come_before_the_hub_unless_the_source_is_certainly_of_the_hub(here):
    (here / "org" / "model").mkdir(parents=True)
    source = ModelSource(model="org/model", revision="abc")
    assert resolve("bridges.b", source) == Local(here / "org" / "model")
    assert resolve("bridges.b", source.model_copy(update={"hub": True})) == Hub("org/model", "abc")
    assert resolve("bridges.b", ModelSource(model="org/model", hub=True)) == Hub("org/model", UNPINNED)
    assert resolve("bridges.b", ModelSource(model="org/other", revision="abc")) == Hub("org/other", "abc")


def test_the_language_is_put_into_names(here, monkeypatch):
    (here / "words" / "ko").mkdir(parents=True)
    monkeypatch.setenv("HOME", str(here))
    assert resolve("x", ModelSource(model="~/words/{language}"), "ko") == Local(here / "words" / "ko")
    source = ModelSource(model="org/words-{language}", revision="abc")
    assert resolve("tokenizers.ko", source, "ko") == Hub("org/words-ko", "abc")


def test_a_language_without_folder_gets_those_that_exist(here):
    assert "make the folder text as the page 'own-data'" in refusal("text", ModelSource(model="text/{language}"), "ko")
    (here / "text").mkdir()
    for name in ("ru.txt", "kor.txt"):
        (here / "text" / name).touch()
    message = refusal("text", ModelSource(model="text/{language}.txt"), "ko")
    assert message == "text: text/ko.txt does not exist; did you mean 'kor'? known: kor, ru"


def test_languages_are_read_out_of_names_of_the_pattern_s_form_only(here):
    for name in ("words-ru.txt", "words-en.txt", "words-en.md", "README.txt", ".hidden"):
        (here / name).touch()
    message = refusal("text", ModelSource(model="words-{language}.txt"), "ko")
    assert message == "text: words-ko.txt does not exist; known: en, ru"


def test_a_missing_model_gets_the_nearest_folder_and_the_way_to_the_hub(here):
    (here / "models" / "encoder").mkdir(parents=True)
    hub = "; if it is a hub model, add its pinned revision (--set architectures.a.revision=COMMIT)"
    for name in ("models/encodr", "modls/encoder"):
        message = refusal("architectures.a", ModelSource(model=name))
        hint = " (did you mean the folder 'models/encoder'?)"
        assert message == f"architectures.a: '{name}' does not exist here{hint}{hub}"
    assert refusal("text", ModelSource(model="models/encodr", revision="abc")).endswith("here; check the path")
    assert near_folder("far/away") == near_folder("single") == ""


def test_names_that_can_be_those_of_the_hub():
    names = ["org/model", "model", "a/b/c", "./model", "../model", "~/model", "/model", "pocket:x/y"]
    assert [name for name in names if could_be_hub(name)] == ["org/model"]


def test_an_unknown_part_of_the_pocket_is_named():
    assert refusal("bridges.b", ModelSource(model="pocket:brigde")).startswith("bridges.b: the pocket has no 'brigde'")


def test_collections_are_folders_or_downloads_with_revisions(here):
    (here / "data" / "ko").mkdir(parents=True)
    folder = CollectionSource(folder="data/{language}")
    assert resolve_collection("c", folder, "ko") == Local(here / "data" / "ko")
    download = CollectionSource(hub="org/data", revision=COMMIT, config="{language}")
    artifact = resolve_collection("c", download, "ko")
    assert isinstance(artifact, Artifact) and artifact.stage.name == "collection" and not artifact.inputs
    assert artifact.parameters == {"hub": "org/data", "revision": COMMIT, "kind": "beir", "config": "ko"}
    advice = r"^c: the hub dataset 'org/data' needs its pinned revision \(--set c\.revision=COMMIT\)$"
    with pytest.raises(PresetError, match=advice):
        resolve_collection("c", CollectionSource(hub="org/data"), "ko")
    judged = CollectionSource.model_validate(
        {"hub": "org/data", "revision": COMMIT, "judgements": {"hub": "org/judged"}}
    )
    with pytest.raises(PresetError, match=r"'org/judged' needs its pinned revision \(--set c\.judgements\.revision="):
        resolve_collection("c", judged, "ko")


def test_only_a_folder_can_show_that_an_encoder_has_no_query_weights(here):
    assert may_be_inference_free(Hub("org/model", "abc"))
    assert not may_be_inference_free(Local(here))
    (here / "router_config.json").touch()
    assert may_be_inference_free(Local(here))


def test_a_bridge_has_the_prompt_of_the_preset_of_its_files_or_of_the_catalog(here):
    (here / "own").mkdir()
    (here / "own/config_sentence_transformers.json").write_text(
        json.dumps({"prompts": {"query": "q ", "passage": "p "}})
    )
    for bridge, source, prompt in (
        (ModelSource(model="own"), Local(here / "own"), "q "),
        (ModelSource(model="own", prompt="q "), Local(here / "own"), "q "),
        (ModelSource(model="intfloat/multilingual-e5-small"), Hub("intfloat/multilingual-e5-small", COMMIT), "query: "),
        (ModelSource(model="a/b"), Hub("a/b", COMMIT), None),  # the loaded model tells
        (ModelSource(model="pocket:bridge"), resolve("bridges.b", ModelSource(model="pocket:bridge")), ""),
    ):
        assert bridge_prompt("bridges.b", bridge, source) == (prompt, "")
    prompt, warning = bridge_prompt("bridges.b", ModelSource(model="own", prompt=""), Local(here / "own"))
    assert prompt == ""
    assert "is read with the prompt '', but its config_sentence_transformers.json names 'q '" in warning
