"""Keys of artifacts and inputs follow from content alone, and an artifact knows everything below it."""

from __future__ import annotations

import dataclasses
import hashlib

from harness.store.artifact import Artifact, Hub, Local, Location, Member, content_digest
from harness.store.stage import Stage


def build_nothing(out, parameters, inputs):
    """Stand for a stage that is never run."""


NUMBER = Stage("number", version=1, seconds=5, build=build_nothing)


def sha256(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()


def test_keys_depend_on_parameters_inputs_and_version(tmp_path):
    (tmp_path / "f").write_text("x")
    base = Artifact(NUMBER, {"number": 1}, {"f": Local(tmp_path / "f")})
    assert base.key == Artifact(NUMBER, {"number": 1}, {"f": Local(tmp_path / "f")}).key
    assert base.key != Artifact(NUMBER, {"number": 2}, {"f": Local(tmp_path / "f")}).key
    assert base.key != Artifact(NUMBER, {"number": 1}, {"g": Local(tmp_path / "f")}).key
    assert Member(base, "a").key != Member(base, "b").key
    assert base.key != Artifact(dataclasses.replace(NUMBER, version=2), {"number": 1}, {"f": Local(tmp_path / "f")}).key


def test_a_folder_is_known_by_names_and_contents(tmp_path):
    for name, files in {"a": {"x": "1"}, "b": {"x": "1", ".hidden": "2"}, "c": {"y": "1"}, "d": {"x": "2"}}.items():
        (tmp_path / name).mkdir()
        for file, text in files.items():
            (tmp_path / name / file).write_text(text)
    a, b, c, d = (content_digest(tmp_path / name) for name in "abcd")
    assert a == b and len({a, c, d}) == 3


def test_keys_are_digests_of_json_written_by_hand(tmp_path):
    (tmp_path / "f").write_text("ж")
    assert Local(tmp_path / "f").key == sha256("ж")
    hub = Hub("org/model", "abc")
    assert hub.key == sha256('["hub", "org/model", "abc"]')
    artifact = Artifact(NUMBER, {"b": 2, "a": "ж"}, {"y": hub, "x": Local(tmp_path / "f")})
    expected = sha256(f'["number", 1, {{"a": "ж", "b": 2}}, {{"x": "{sha256("ж")}", "y": "{hub.key}"}}]')[:32]
    assert artifact.key == expected
    assert Member(artifact, "a/b").key == sha256(f'["{expected}", "a/b"]')


def test_a_folder_may_be_known_by_some_of_its_files(tmp_path):
    (tmp_path / "tokenizer.json").write_text("1")
    (tmp_path / "weights").write_text("2")
    only = ("tokenizer.json", "vocab.txt")  # a file that is not there counts for nothing
    assert Local(tmp_path, only).key == sha256(f'[["tokenizer.json", "{sha256("1")}"]]')
    assert Local(tmp_path).key == sha256(f'[["tokenizer.json", "{sha256("1")}"], ["weights", "{sha256("2")}"]]')


def test_a_digest_covers_folders_below_but_not_hidden_ones(tmp_path):
    for file in (".cache/x", "part/.hidden", "part/seen"):
        (tmp_path / file).parent.mkdir(exist_ok=True)
        (tmp_path / file).write_text("1")
    assert content_digest(tmp_path) == sha256(f'[["part/seen", "{sha256("1")}"]]')


def test_artifacts_of_one_key_are_equal():
    one, same, other = Artifact(NUMBER, {"n": 1}), Artifact(NUMBER, {"n": 1}, {}), Artifact(NUMBER, {"n": 2})
    assert one == same and one != other and one != one.key
    assert len({one, same, other}) == 2


def test_a_walk_yields_inputs_first_and_each_artifact_once():
    bottom = Artifact(NUMBER, {"n": 0})
    left = Artifact(NUMBER, {"n": 1}, {"a": Member(bottom, "a"), "b": Member(bottom, "b"), "h": Hub("o/m", "r")})
    right = Artifact(NUMBER, {"n": 2}, {"below": bottom})
    top = Artifact(NUMBER, {"n": 3}, {"left": left, "right": right, "again": Artifact(NUMBER, {"n": 1}, left.inputs)})
    assert left.needed == (bottom,) and top.needed == (left, right)
    assert [artifact.parameters["n"] for artifact in top.walk()] == [0, 1, 2, 3]


def test_a_deep_chain_is_walked_without_recursion():
    top = Artifact(NUMBER, {"n": 0})
    for number in range(1, 3000):
        top = Artifact(NUMBER, {"n": number}, {"below": top})
        assert top.key  # computed from the bottom up, as a plan does
    assert [artifact.parameters["n"] for artifact in top.walk()] == list(range(3000))


def test_a_location_of_a_path_has_no_revision(tmp_path):
    location = Location(str(tmp_path))
    assert location.path == tmp_path and location.revision is None
