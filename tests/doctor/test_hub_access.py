"""Sizes and problems of repositories, against the hub's double, the cache that the real client fills, and no hub."""

from __future__ import annotations

import pytest
from huggingface_hub import HfApi, constants, snapshot_download

from harness.doctor.hub_access import FAIL, OK, WARN, Check, HubAccess
from harness.hub.cache import CODE, HEAD, TOKENIZER, WHOLE
from tests.helpers import hub_repositories

MODEL = {TOKENIZER, WHOLE}
ENCODER = {
    "config.json": "{}",
    "tokenizer.json": "x" * 500,
    "model.safetensors": b"w" * 40_000,
    "pytorch_model.bin": b"p" * 40_000,
}


def check(name: str, revision: str, parts: set[str] = MODEL) -> Check:
    """Ask afresh: an earlier answer is not remembered."""
    return HubAccess().model(name, revision, parts)


def check_collection(revision: str, access: HubAccess | None = None) -> Check:
    parameters = {"kind": "beir", "hub": "org/faq", "revision": revision, "config": "kor"}
    return (access or HubAccess()).dataset("collection", [parameters])


@pytest.mark.parametrize(
    ("lacking", "problem"),
    [
        ("model.safetensors", "no model.safetensors at {}, and pickled weights are not loaded; pin a later revision"),
        ("tokenizer.json", "no tokenizer at {}; pin another revision"),
    ],
)
def test_a_model_that_would_not_load(hub, lacking, problem):
    files = {path: content for path, content in ENCODER.items() if path != lacking}
    commit = hub.add("org/enc", files, "models")
    assert check("org/enc", commit) == Check(FAIL, "model", f"org/enc: {problem.format(commit[:12])}")


def test_repositories_and_commits_that_are_not_there(hub):
    hub.add("org/enc", ENCODER, "models")
    page = "https://huggingface.co/org/enc/commits/main"
    problem = f"org/enc: has no commit {'ab' * 20}: copy the revision from {page}"
    assert check("org/enc", "ab" * 20) == Check(FAIL, "model", problem)
    absent = check("org/nowhere", "ab" * 20, {TOKENIZER})
    assert (absent.mark, absent.what) == (FAIL, "tokenizer") and "does not exist, or is private" in absent.text


def test_what_is_in_the_cache_in_part_is_counted_as_that(hub):
    """Pickled weights are not read; what is there whole is not asked for."""
    commit = hub.add("org/enc", ENCODER, "models")
    snapshot_download("org/enc", revision=commit, allow_patterns=["config.json", "*.bin"])
    assert check("org/enc", commit) == Check(OK, "model", "org/enc: 40.5 kB to download (2 files)", 40_500)
    snapshot_download("org/enc", revision=commit, allow_patterns=["*.safetensors"])
    assert check("org/enc", commit) == Check(OK, "model", "org/enc: 500 B to download (1 files)", 500)
    snapshot_download("org/enc", revision=commit)
    hub.requests.clear()
    assert check("org/enc", commit) == Check(OK, "model", "org/enc: in the hub's cache") and not hub.requests


def test_a_collection_in_the_cache_is_not_counted(hub):
    files = hub_repositories.webfaq()
    commit = hub.add("org/faq", files)
    read = sum(len(content) for path, content in files.items() if path != "README.md")
    assert check_collection(commit).download == read
    snapshot_download("org/faq", repo_type="dataset", revision=commit)
    assert check_collection(commit) == Check(OK, "collection", "org/faq: in the hub's cache")


def test_weights_in_parts_are_in_the_cache_only_together(hub):
    parts = {f"model-0000{i}-of-00002.safetensors": b"w" * 10_000 for i in (1, 2)}
    files = {"config.json": "{}", "tokenizer.json": "{}", "model.safetensors.index.json": "{}"} | parts
    commit = hub.add("org/enc", files, "models")
    assert check("org/enc", commit).text == "org/enc: 20.0 kB to download (5 files)"
    snapshot_download("org/enc", revision=commit, ignore_patterns=["*2-of*"])
    assert check("org/enc", commit).text == "org/enc: 10.0 kB to download (1 files)"


def test_an_encoder_whose_settings_lie_in_its_parts_is_found_in_the_cache(hub):
    files = {f"document_0_Transformer/{name}": content for name, content in ENCODER.items()}
    commit = hub.add("org/enc", files | {"router_config.json": "{}"}, "models")
    snapshot_download("org/enc", revision=commit)
    assert check("org/enc", commit).text == "org/enc: in the hub's cache"


@pytest.mark.parametrize(
    ("parts", "extra", "absent"),
    [
        ({*MODEL, HEAD}, {"sparse_linear.pt": b"h" * 1_000}, "*.pt"),
        ({*MODEL, CODE}, {"modeling.py": b"#" * 300}, "*.py"),
    ],
)
def test_without_its_head_or_its_code_a_model_is_not_whole(hub, parts, extra, absent):
    commit = hub.add("org/enc", ENCODER | extra, "models")
    snapshot_download("org/enc", revision=commit, ignore_patterns=[absent])
    (size,) = map(len, extra.values())
    assert check("org/enc", commit, parts).download == size
    snapshot_download("org/enc", revision=commit)
    assert check("org/enc", commit, parts).text == "org/enc: in the hub's cache"


def test_a_model_without_the_head_of_its_kind(hub):
    commit = hub.add("org/enc", ENCODER, "models")
    problem = f"no sparse_linear.pt at {commit[:12]}, so it is not of kind bge-m3; pin another revision"
    assert check("org/enc", commit, {*MODEL, HEAD}) == Check(FAIL, "model", f"org/enc: {problem}")


def test_an_unreachable_hub_is_tried_once(monkeypatch, hub):
    requests = []

    def unreachable(self: HfApi, name: str, **options: object) -> None:
        requests.append(name)
        raise TimeoutError

    monkeypatch.setattr(HfApi, "model_info", unreachable)
    monkeypatch.setattr(HfApi, "dataset_info", unreachable)
    access = HubAccess()
    checks = [access.model("org/a", "ab" * 20, MODEL), check_collection("ab" * 20, access)]
    problem = "not checked (offline: the hub cannot be reached)"
    assert [each.text for each in checks] == [f"org/a: {problem}", f"org/faq: {problem}"]
    assert {each.mark for each in checks} == {WARN} and requests == ["org/a"]


def test_offline_nothing_is_asked(hub, monkeypatch):
    monkeypatch.setattr(constants, "HF_HUB_OFFLINE", True)
    problem = "org/enc: not checked (offline: HF_HUB_OFFLINE is set)"
    assert check("org/enc", "ab" * 20) == Check(WARN, "model", problem) and not hub.requests
