"""A bridge is read with the prompt that its files or the catalog name; a bridge without it is doubted."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from harness.catalog.prompts import doubt, doubt_as_retriever, prompt_of_folder, prompt_of_hub_model

E5 = {"prompts": {"query": "query: ", "passage": "passage: "}}


@pytest.fixture
def folder(tmp_path: Path):
    def folder(name: str = "bridge", config: object = None) -> Path:
        path = tmp_path / name
        path.mkdir(exist_ok=True)
        if config is not None:
            (path / "config_sentence_transformers.json").write_text(json.dumps(config), encoding="utf-8")
        return path

    return folder


@pytest.mark.parametrize(
    ("config", "prompt"),
    [
        (None, ""), (E5, "query: "), ({"prompts": {"query": "q: ", "document": ""}}, ""), ({"prompts": None}, ""),
        ({"prompts": {"web": "w: "}, "default_prompt_name": "web"}, "w: "), ([], ""),
        ({"prompts": [1], "default_prompt_name": 3}, ""),
    ],
)  # fmt: skip
def test_the_prompt_of_a_folder(folder, config, prompt):
    assert prompt_of_folder(folder(config=config)) == prompt


def test_the_catalog_knows_the_prompt_of_a_hub_id():
    assert prompt_of_hub_model("intfloat/multilingual-e5-base") == "query: "
    assert prompt_of_hub_model("BAAI/bge-m3") is None  # none, or its own: the loaded model tells
    assert prompt_of_hub_model("somebody/else") is None


def test_a_bridge_read_otherwise_than_it_declares_is_doubted(folder):
    bridge = folder(config=E5)
    assert doubt("bridges.b", "--set bridges.b.prompt", "bridge", bridge, "query: ") == ""
    assert doubt("bridges.b", "--set bridges.b.prompt", "bridge", bridge, "") == (
        "bridges.b: bridge is read with the prompt '', but its config_sentence_transformers.json names 'query: '; "
        "leave bridges.b.prompt out to use that"
    )


@pytest.mark.parametrize(
    ("name", "config", "what"),
    [
        ("intfloat--multilingual-e5-small", {}, "intfloat/multilingual-e5-small"),
        ("copy", {"_name_or_path": "/models/multilingual-e5-large/"}, "intfloat/multilingual-e5-large"),
        ("e5-base-ko", {}, "of the e5 family"),
        ("copy", {"_name_or_path": "someone/ko_e5"}, "of the e5 family"),
    ],
)
def test_a_bridge_of_the_e5_kind_without_its_prefix_is_doubted(folder, name, config, what):
    bridge = folder(name)
    (bridge / "config.json").write_text(json.dumps(config), encoding="utf-8")
    warning = doubt("--bridge", "--bridge-prompt", name, bridge, "")
    assert warning == (
        f"--bridge: {name} seems to be {what}, which expects 'query: ' before a text; add --bridge-prompt 'query: '"
    )
    assert doubt("--bridge", "--bridge-prompt", name, bridge, "query: ") == ""


@pytest.mark.parametrize("name", ["bridge", "LaBSE", "multilingual-e5-large-instruct", "fe5x", "model-5"])
def test_other_bridges_are_not(folder, name):
    assert doubt("bridges.b", "--set bridges.b.prompt", name, folder(name), "") == ""


def test_a_retriever_of_the_e5_kind_without_its_prefixes_is_doubted(folder):
    bridge = folder("ko-e5")
    assert doubt_as_retriever("bridges.b", "ko-e5", bridge, None, None) == (
        "bridges.b: ko-e5 seems to be of the e5 family, which expects 'query: ' before a query and 'passage: ' before "
        "a document (row dense); add --set 'bridges.b.query_prompt=query: ' --set 'bridges.b.document_prompt=passage: '"
    )
    half = doubt_as_retriever("bridges.b", "ko-e5", bridge, "query: ", "")
    assert half.endswith(
        "expects 'passage: ' before a document (row dense); add --set 'bridges.b.document_prompt=passage: '"
    )
    assert doubt_as_retriever("bridges.b", "ko-e5", bridge, "query: ", "passage: ") == ""
    assert doubt_as_retriever("bridges.b", "ko-e5", folder("ko-e5", E5), None, None) == ""
    assert doubt_as_retriever("bridges.b", "ko-e5", bridge, "query: ", None) == ""
    assert doubt_as_retriever("bridges.b", "LaBSE", folder("LaBSE"), None, None) == ""
    hub = doubt_as_retriever("bridges.b", "intfloat/multilingual-e5-base", None, None, None)
    assert hub.startswith("bridges.b: intfloat/multilingual-e5-base seems to be intfloat/multilingual-e5-base, which ")
