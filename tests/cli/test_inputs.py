"""What was typed becomes a folder, a file, a hub model or a part of the pocket, or a refusal that says what to type."""

from __future__ import annotations

import json
import re

import pytest

from harness.cli import inputs
from harness.cli.inputs import Input
from harness.cli.refusal import RefusedError
from harness.store.artifact import Artifact, Hub, Local, Location, Member
from sembridge.extras import MissingExtraError
from sembridge.model_card.recipe import Ingredient


@pytest.fixture
def bridge_folder(tmp_path):
    folder = tmp_path / "my-bridge"
    folder.mkdir()
    (folder / "modules.json").write_text(json.dumps([]))
    return folder


def test_the_kinds_of_a_model(bridge_folder, monkeypatch):
    monkeypatch.chdir(bridge_folder.parent)
    assert inputs.bridge("my-bridge", None) == Input("my-bridge", Local(bridge_folder))
    assert inputs.bridge("BAAI/bge-m3", "abc") == Input("BAAI/bge-m3", Hub("BAAI/bge-m3", "abc"))
    pocket = inputs.bridge("pocket:bridge", None)
    assert isinstance(pocket.source, Artifact) and pocket.name == "pocket:bridge"
    assert isinstance(inputs.tokenizer("pocket:tokenizers/ko", None).source, Member)


def test_names_for_readers_are_never_paths(bridge_folder):
    (bridge_folder / "README.md").write_text("---\nlicense: mit\n---\n")
    local = inputs.bridge(str(bridge_folder), None)
    assert local.ingredient() == Ingredient("my-bridge", None, "mit") and local.path == bridge_folder
    assert inputs.bridge("pocket:bridge", None).ingredient() == Ingredient("pocket:bridge")


def test_the_license_of_a_hub_model_is_that_of_its_revision(hub):
    commit = hub.add("a/b", {"README.md": "---\nlicense: gemma\n---\n"}, kind="models")
    assert Input("a/b", Hub("a/b", commit)).ingredient() == Ingredient("a/b", commit, "gemma")
    other = commit[::-1]
    assert Input("a/b", Hub("a/b", other)).ingredient() == Ingredient("a/b", other, None)


@pytest.mark.parametrize(
    ("name", "revision", "message"),
    [
        ("a/b", None, "if it is a hub model, add its pinned revision with --bridge-revision COMMIT"),
        ("b", None, "--bridge 'b' does not exist here; check the path, or give a hub id as OWNER/NAME"),
        ("./b", "abc", "check the path"),
        ("~/b", "abc", "check the path"),
        ("a/b/c", "abc", "check the path"),
        ("pocket:bridge", "abc", "--bridge-revision 'abc' has no effect: --bridge 'pocket:bridge' is not a hub model"),
        (".", "abc", "--bridge-revision 'abc' has no effect: --bridge '.' is not a hub model; leave it out"),
        ("pocket:brigde", None, "--bridge: the pocket has no 'brigde'; did you mean 'bridge'?"),
        (".", None, "--bridge '.' has no modules.json; give the folder of a SentenceTransformer"),
        ("file", None, "--bridge 'file' is a file; give the folder of a model"),
    ],
)
def test_models_that_cannot_be_read(tmp_path, monkeypatch, name, revision, message):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "file").write_text("x")
    with pytest.raises(RefusedError, match=re.escape(message)):
        inputs.bridge(name, revision)


def test_each_model_is_refused_by_its_own_option(tmp_path):
    with pytest.raises(RefusedError, match=r"SOURCE 'a/b' does not exist here; .* with --revision COMMIT"):
        inputs.encoder("a/b", None)
    with pytest.raises(RefusedError, match=r"--tokenizer 'a/b' does not exist here; .* with --tokenizer-revision"):
        inputs.tokenizer("a/b", None)
    with pytest.raises(RefusedError, match=r"SOURCE.* has no config\.json"):
        inputs.encoder(str(tmp_path), None)
    with pytest.raises(RefusedError, match=r"--tokenizer.* has no tokenizer\.json"):
        inputs.tokenizer(str(tmp_path), None)


def test_files(tmp_path):
    path = tmp_path / "words.txt"
    path.write_bytes("кот\n".encode())
    assert inputs.file("--text", path) == Input(str(path), Local(path))
    path.write_bytes(b"ab\xe9cd")
    assert inputs.file("--words", path, is_text=False).name == "words.txt"
    with pytest.raises(RefusedError, match=r"words\.txt' is not UTF-8 text \(byte 2\); convert it, e\.g\. with iconv"):
        inputs.file("--text", path)
    path.write_bytes(b"")
    with pytest.raises(RefusedError, match=r"--text .*words\.txt' is empty; give a file with something in it"):
        inputs.file("--text", path)
    with pytest.raises(RefusedError, match="is not a file; check the path"):
        inputs.file("--text", tmp_path)


def test_a_character_may_be_cut_by_the_look_but_not_by_the_end(tmp_path, monkeypatch):
    """Only the start of a file is read; é is two bytes."""
    path = tmp_path / "text"
    monkeypatch.setattr(inputs, "_LOOK", 4)
    path.write_bytes("abcé".encode())
    assert inputs.file("--text", path).path == path
    path.write_bytes(b"caf\xe9")
    with pytest.raises(RefusedError, match=r"is not UTF-8 text \(byte 3\)"):
        inputs.file("--text", path)


def test_failures_of_loaders_name_the_inputs():
    read = {"SOURCE": Input("my/model", Hub("my/model", "abc")), "--bridge": Input("b", Hub("b", "def"))}
    message = "SOURCE 'my/model', --bridge 'b' cannot be read (KeyError: 'weights')"
    with pytest.raises(ValueError, match=re.escape(message)), inputs.reading(read):
        raise KeyError("weights")
    with pytest.raises(ValueError, match=r"cannot be read \(OSError: first\)$"), inputs.reading(read):
        raise OSError("first\nsecond")
    with pytest.raises(ValueError, match=r"cannot be read \(UnicodeError: \)$"), inputs.reading(read):
        raise UnicodeError
    for error in (ValueError("for a person"), MissingExtraError("pip install")):
        with pytest.raises(type(error)) as raised, inputs.reading(read):
            raise error
        assert raised.value is error, "a sentence for a person is passed on as it is"


def test_places_that_need_no_store(bridge_folder, tmp_path):
    said: list[object] = []
    store = tmp_path / "store"
    local, hub = inputs.bridge(str(bridge_folder), None), inputs.bridge("a/b", "abc")
    assert inputs.place("bridge", local, store, lambda *line: said.append(line)) == Location(str(bridge_folder))
    assert inputs.place("bridge", hub, store, lambda *line: said.append(line)) == Location("a/b", "abc")
    assert not said and not store.exists()
