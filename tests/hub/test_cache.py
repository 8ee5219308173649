"""The files of a model that are read, and whether the hub's cache, laid out here by hand, has them."""

from __future__ import annotations

import pytest

from harness.hub.cache import CODE, HEAD, TOKENIZER, WHOLE, cached, is_cached, model_files, model_is_cached

COMMIT = "0123456789" * 4
SETTINGS = ["config.json", "tokenizer.json"]


@pytest.fixture
def in_cache(tmp_path, monkeypatch):
    """Return a function that fills the cache of org/model at COMMIT with these empty files."""
    from huggingface_hub import constants

    monkeypatch.setattr(constants, "HF_HUB_CACHE", str(tmp_path))

    def fill(*files: str, kind: str = "models") -> None:
        for file in files:
            path = tmp_path / f"{kind}--org--model" / "snapshots" / COMMIT / file
            path.parent.mkdir(parents=True, exist_ok=True)
            path.touch()

    return fill


def complete(*parts: str) -> bool:
    return model_is_cached("org/model", COMMIT, set(parts))


def test_settings_and_tokenizer_are_read_and_exports_and_hidden_files_are_not():
    settings = ["1_Pooling/config.json", "config.json", "merges.txt", "query_token_weights.txt", "spiece.model"]
    others = ["README.md", ".cache.json", "onnx/config.json", "openvino/config.json", "pytorch_model.bin", "notes.txt"]
    assert model_files([*others, *reversed(settings), "model.safetensors"], {TOKENIZER}) == settings


def test_shards_are_read_where_their_folder_has_no_single_file():
    single = ["a/model.safetensors", "a/model-00001-of-00001.safetensors", "a/model.safetensors.index.json"]
    shards = ["b/model-00001-of-00002.safetensors", "b/model-00002-of-00002.safetensors"]
    index = "b/model.safetensors.index.json"
    assert model_files([*single, *shards, index], {WHOLE}) == ["a/model.safetensors", *shards, index]
    assert model_files([*single, *shards, index], {TOKENIZER}) == []


def test_the_head_is_at_the_top_and_code_may_load_any_weights():
    files = ["sparse_linear.pt", "part/sparse_linear.pt", "modeling.py", "part/other.safetensors", "weights.bin"]
    assert model_files(files, {HEAD}) == ["sparse_linear.pt"]
    assert model_files(files, {CODE}) == ["modeling.py", "part/other.safetensors", "weights.bin"]


def test_a_model_needs_configuration_and_tokenizer(in_cache):
    assert not complete(TOKENIZER)
    in_cache("tokenizer.json")
    assert not complete(TOKENIZER)
    in_cache("config.json")
    assert complete(TOKENIZER) and not complete(TOKENIZER, WHOLE)
    in_cache("model.safetensors")
    assert complete(TOKENIZER, WHOLE)
    assert not model_is_cached("org/model", "f" * 40, {TOKENIZER})  # another revision


def test_a_router_has_its_configuration_under_another_name(in_cache):
    in_cache("router_config.json", "query_0/config.json")
    assert not complete(TOKENIZER)
    in_cache("document_0/tokenizer.json", "document_0/model.safetensors")
    assert complete(TOKENIZER, WHOLE)


def test_shards_count_when_all_are_there(in_cache):
    in_cache(*SETTINGS, "model.safetensors.index.json", "model-00001-of-00002.safetensors")
    assert not complete(WHOLE)
    in_cache("model-00002-of-00002.safetensors")
    assert complete(WHOLE)


def test_head_and_code_are_looked_for(in_cache):
    in_cache(*SETTINGS, "model.safetensors")
    assert not complete(WHOLE, HEAD) and not complete(CODE)
    in_cache("sparse_linear.pt", "modeling.py")
    assert complete(WHOLE, HEAD) and complete(CODE)


def test_files_are_found_by_kind_and_absent_ones_are_none(in_cache, tmp_path):
    in_cache("corpus.jsonl", kind="datasets")
    expected = tmp_path / "datasets--org--model" / "snapshots" / COMMIT / "corpus.jsonl"
    assert cached("org/model", "corpus.jsonl", "dataset", COMMIT) == str(expected)
    assert is_cached("org/model", "corpus.jsonl", "dataset", COMMIT)
    assert not is_cached("org/model", "corpus.jsonl", "model", COMMIT)
    known_absent = tmp_path / "datasets--org--model" / ".no_exist" / COMMIT / "queries.jsonl"
    known_absent.parent.mkdir(parents=True)
    known_absent.touch()  # the cache's note that the repository has no such file
    assert cached("org/model", "queries.jsonl", "dataset", COMMIT) is None
