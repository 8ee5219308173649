"""Licenses as cards state them, and what their ids forbid; nothing is guessed."""

from __future__ import annotations

import itertools

import pytest

from sembridge.model_card.license import (
    forbids_commerce,
    forbids_derivatives,
    hub_license,
    most_restrictive,
    stated_license,
)

CARD = "---\nlanguage: en\nlicense: {}\n---\n# A model\n\n---\nlicense: mit\n---\n"


@pytest.mark.parametrize(
    ("stated", "license"),
    [
        ("apache-2.0", "apache-2.0"),
        ("[mit, apache-2.0]", "mit"),
        ("other\nlicense_name: my-terms", "my-terms"),
        ("other", "other"),
        ("other\nlicense_name:", "other"),
        ("mit\nlicense_name: my-terms", "mit"),
        ("'mit'  # as always", "mit"),
        ("\n- cc-by-4.0\n- mit", "cc-by-4.0"),
        ('[ "mit" ]', "mit"),
        ("[]", None),
        ("", None),
        ('"', None),
    ],
)
def test_stated_licenses(tmp_path, stated, license):
    (tmp_path / "README.md").write_text(CARD.format(stated), encoding="utf-8")
    assert stated_license(tmp_path / "README.md") == license


@pytest.mark.parametrize("text", ["", "# A model\n---\nlicense: mit\n---\n", "---\nlicense: mit\n", "---\n- a\n---\n"])
def test_cards_that_state_nothing(tmp_path, text):
    (tmp_path / "README.md").write_text(text, encoding="utf-8")
    assert stated_license(tmp_path / "README.md") is None
    assert stated_license(tmp_path / "nothing.md") is None


@pytest.mark.parametrize("stated", ["mit", "\n- mit", "[mit]"])
def test_line_endings_of_other_systems(tmp_path, stated):
    (tmp_path / "README.md").write_bytes(CARD.format(stated).replace("\n", "\r\n").encode())
    assert stated_license(tmp_path / "README.md") == "mit"


def test_only_a_field_of_the_card_itself_counts(tmp_path):
    """A nested field speaks of something else, for example of a data set; bytes that are not UTF-8 do no harm."""
    (tmp_path / "README.md").write_bytes(b"---\ndata:\n  license: mit\nname: \xff\n---\n")
    assert stated_license(tmp_path / "README.md") is None
    (tmp_path / "README.md").write_bytes(b"---\nname: \xff\nlicense: mit\n---\n")
    assert stated_license(tmp_path / "README.md") == "mit"


def test_licenses_on_the_hub(tmp_path, monkeypatch):
    import huggingface_hub

    requests = []

    def download(name, file, revision):
        requests.append((name, file, revision))
        (tmp_path / file).write_text(CARD.format("gemma"), encoding="utf-8")
        return str(tmp_path / file)

    monkeypatch.setattr(huggingface_hub, "hf_hub_download", download)
    monkeypatch.setattr(huggingface_hub, "get_hf_file_metadata", lambda url: requests.append(url))
    assert hub_license("a/b", "abc") == "gemma"
    assert requests == [f"{huggingface_hub.constants.ENDPOINT}/a/b/resolve/abc/README.md", ("a/b", "README.md", "abc")]

    def unreachable(*_, **__):
        raise OSError("no network")

    requests.clear()
    monkeypatch.setattr(huggingface_hub, "get_hf_file_metadata", unreachable)
    assert hub_license("a/b", "abc") is None and not requests, "it tries again and again only what can be reached"


def test_a_card_in_the_cache_is_read_without_a_network(hub, monkeypatch):
    from huggingface_hub import constants

    commit = hub.add("a/b", {"README.md": CARD.format("gemma")}, kind="models")
    assert hub_license("a/b", commit) == "gemma"
    nowhere = "http://127.0.0.1:9"
    monkeypatch.setattr(constants, "ENDPOINT", nowhere)
    monkeypatch.setattr(constants, "HUGGINGFACE_CO_URL_TEMPLATE", nowhere + "/{repo_id}/resolve/{revision}/{filename}")
    assert hub_license("a/b", commit) == "gemma" and hub_license("a/other", commit) is None


def test_terms_of_licenses():
    assert [
        forbids_commerce(name) for name in ("cc-by-nc-sa-4.0", "CC-BY-NC-4.0", "cc-by-4.0", "nc-1.0", "apache-2.0")
    ] == [True, True, False, False, False]
    assert [forbids_derivatives(name) for name in ("cc-by-nd-2.0", "cc-by-nc-nd-4.0", "cc-by-sa-4.0", "nd")] == [
        True,
        True,
        False,
        False,
    ]
    assert most_restrictive(["mit", "apache-2.0"]) == "mit", "the first of several that bind alike"


def test_order_of_restrictions():
    """From the freest to the one that binds the most; the last word of each pair wins from either side."""
    ordered = ["mit", "cc-by-sa-4.0", "llama3", "cc-by-nd-4.0", "cc-by-nc-4.0", "cc-by-nc-nd-4.0"]
    for freer, stricter in itertools.combinations(ordered, 2):
        assert most_restrictive([freer, stricter]) == most_restrictive([stricter, freer]) == stricter
    assert most_restrictive(["CC-BY-4.0", "Apache-2.0", "cc0-1.0"]) == "CC-BY-4.0", "all three are permissive"
    assert most_restrictive(iter(["AGPL-3.0", "gpl-2.0"])) == "AGPL-3.0", "both are share-alike"
