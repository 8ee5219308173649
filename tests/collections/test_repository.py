"""A dataset repository at one commit, read by the real client from a double of the hub; and what its errors advise."""

from __future__ import annotations

import huggingface_hub
import pytest
from huggingface_hub import errors

from harness.collections.collection import CollectionError
from harness.collections.repository import CARD, Repository, _stays_inside
from tests.helpers.hub_double import TOKEN

CARD_TEXT = "---\nlicense: mit\nconfigs:\n- config_name: a\n---\n# Title\n---\nno: head\n"


def test_files_are_fetched_once(hub):
    commit = hub.add("a/set", {CARD: CARD_TEXT, "data/x.jsonl": "{}\n"})
    repository = Repository("a/set", commit)
    assert sorted(repository.files) == [CARD, "data/x.jsonl"]
    assert repository.fetch("data/x.jsonl").read_text() == "{}\n"
    requests = len(hub.requests)
    again = Repository("a/set", commit)
    assert again.files == repository.files and again.fetch("data/x.jsonl").read_text() == "{}\n"
    assert len(hub.requests) == requests


@pytest.mark.parametrize(
    ("text", "card"),
    [
        (CARD_TEXT, {"license": "mit", "configs": [{"config_name": "a"}]}),
        ("# Title\n", {}),
        ("---\n---\n", {}),
        ("---\n- a list\n---\n", {}),
        (None, {}),
    ],
)
def test_the_head_of_the_card(hub, text, card):
    files = {"x.jsonl": "{}\n"} | ({} if text is None else {CARD: text})
    repository = Repository("a/set", hub.add("a/set", files))
    repository.__dict__["files"] = list(files)  # the double reads the head as well, and refuses some of these
    assert repository.card == card


def test_a_script_is_named_like_the_repository(hub):
    assert Repository("a/set", hub.add("a/set", {"set.py": "", CARD: ""})).script == "set.py"
    assert Repository("a/other", hub.add("a/other", {"set.py": "", "x/other.py": "", CARD: ""})).script is None


def test_a_name_or_commit_that_the_hub_does_not_have(hub):
    commit = hub.add("a/set", {CARD: ""})
    with pytest.raises(CollectionError, match=r"^hub dataset 'a/none' does not exist, or is private: check its name"):
        _ = Repository("a/none", commit).files
    with pytest.raises(
        CollectionError, match=r"'a/set' has no commit 0{40}: copy the revision from https://huggingface"
    ):
        _ = Repository("a/set", "0" * 40).files
    with pytest.raises(CollectionError, match=r"has a name or revision that the hub's client refuses: check both$"):
        _ = Repository("a//set", commit).files


def response(status: int):
    import httpx2

    return httpx2.Response(status, request=httpx2.Request("GET", f"https://hub.test/?token={TOKEN}"))


AGAIN = "run the same command again, files that are here are kept"


@pytest.mark.parametrize(
    ("error", "problem"),
    [
        (lambda: errors.HfHubHTTPError(TOKEN, response=response(503)), f": the hub answers with status 503: {AGAIN}"),
        (
            lambda: errors.HfHubHTTPError(TOKEN, response=response(401)),
            ": the hub answers with status 401: HF_TOKEN is not valid: make a new one",
        ),
        (lambda: errors.LocalEntryNotFoundError(TOKEN), f": the hub cannot be reached: {AGAIN}"),
        (
            lambda: OSError(28, "No space left on device"),
            f": the download broke off (No space left on device): {AGAIN}",
        ),
        (lambda: TimeoutError(TOKEN), f": the download broke off (TimeoutError): {AGAIN}"),
    ],
)
def test_errors_say_what_to_do_and_never_the_token(monkeypatch, error, problem):
    monkeypatch.delenv("HF_HUB_OFFLINE", raising=False)

    def download(*arguments: object, **options: object) -> None:
        raise error()

    monkeypatch.setattr(huggingface_hub, "hf_hub_download", download)
    with pytest.raises(CollectionError) as refused:
        Repository("a/set", "c0ffee").fetch("x")
    assert str(refused.value) == f"hub dataset 'a/set'{problem}"


def test_offline_without_the_files(hub, monkeypatch):
    commit = hub.add("a/set", {CARD: ""})
    monkeypatch.setattr(huggingface_hub.constants, "HF_HUB_OFFLINE", True)
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")
    with pytest.raises(
        CollectionError, match=r"^hub dataset 'a/set' is not complete in the cache: run the same command"
    ):
        _ = Repository("a/set", commit).files
    assert hub.requests == []


def test_paths_that_stay_inside():
    assert all(map(_stays_inside, ("a", "a/b.c", "..a/b..", ".hidden/x", "물")))
    assert not any(map(_stays_inside, ("", "/a", "a/", "a//b", "../a", "a/../b", "./a", "a\\b", "C:a", "a\0")))
