"""What a store holds: states of its folders, and what was made from what."""

from __future__ import annotations

import os
import random

import pytest
from filelock import FileLock

from harness.store.artifact import Artifact, Hub, Local, Member
from harness.store.inventory import CHECKPOINT, COMPLETE, DAMAGED, LEFT_OVER, RUNNING, SET_ASIDE, Inventory, key_of
from harness.store.stage import Stage
from harness.store.store import Store

KEY = "0123456789abcdef0123456789abcdef"


def build(out, parameters, inputs):
    (out / "part").mkdir()
    (out / "part" / "value.txt").write_text(f"{parameters['number']:02d}")


PART = Stage("part", version=1, seconds=1, build=build)


@pytest.fixture
def store(tmp_path):
    store = Store(tmp_path / "store")
    store.create()
    return store


def states(store, **options):
    return sorted((entry.stage, entry.state) for entry in Inventory.of(store, **options).entries)


def test_states_of_what_lies_there(store):
    artifacts = [Artifact(PART, {"number": number}) for number in range(3)]
    for artifact in artifacts:
        store.make(artifact)
    (store.path(artifacts[1]) / "part" / "value.txt").write_text("longer")
    for folder in (f"part/.{KEY}-x1", f"scratch/{KEY}", f"scratch/.{KEY}-x2", "damaged/3-two-words-" + KEY):
        (store.root / folder).mkdir(parents=True)
    (store.root / "part" / "notes of a person").mkdir()
    expected = [
        ("part", COMPLETE),
        ("part", COMPLETE),
        ("part", DAMAGED),
        ("part", LEFT_OVER),
        ("scratch", CHECKPOINT),
        ("scratch", LEFT_OVER),
        ("two-words", SET_ASIDE),
    ]
    assert states(store) == sorted(expected)
    with FileLock(store.lock_path(KEY)):
        assert states(store).count(("part", RUNNING)) == states(store).count(("scratch", RUNNING)) == 1


def test_other_bytes_of_the_same_size_show_when_files_are_read(store):
    store.make(artifact := Artifact(PART, {"number": 1}))
    (store.path(artifact) / "part" / "value.txt").write_text("02")
    assert states(store) == [("part", COMPLETE)] and states(store, verify=True) == [("part", DAMAGED)]
    (entry,) = Inventory.of(store, verify=True).entries
    assert entry.reason == "part/value.txt has other bytes than were written"


def test_sizes_are_those_of_the_files_and_links_count_nothing(store, tmp_path):
    store.make(artifact := Artifact(PART, {"number": 1}))
    (entry,) = Inventory.of(store).entries
    manifest = (store.path(artifact) / "MANIFEST.json").stat()
    assert (entry.size, entry.written) == (2 + manifest.st_size, manifest.st_mtime)
    os.rename(store.path(artifact), tmp_path / "elsewhere")
    os.symlink(tmp_path / "elsewhere", store.path(artifact))
    (entry,) = Inventory.of(store).entries
    assert (entry.state, entry.size) == (COMPLETE, 0)


def test_inputs_are_read_from_what_was_recorded(store, tmp_path):
    (tmp_path / "own.txt").write_text("text")
    one, two = Artifact(PART, {"number": 1}), Artifact(PART, {"number": 2})
    sources = {"hub": Hub("org/model", KEY), "own": Local(tmp_path / "own.txt"), "a": one, "b": Member(two, "part/x")}
    store.make(top := Artifact(PART, {"number": 3}, sources))
    assert Inventory.of(store).artifacts[top.key].inputs == {"a": one.key, "b": two.key}


@pytest.mark.parametrize(
    ("described", "key"),
    [
        ({"name": f"part/{KEY}", "revision": None}, KEY),
        ({"name": f"/mnt/store/part/{KEY}/a/b", "revision": None}, KEY),  # of a store of an earlier version
        ({"name": "org/model", "revision": KEY}, None),
        ({"name": KEY, "revision": None, "content": "aa"}, None),
        ({"name": "/home/data/ko"}, None),
    ],
)
def test_which_inputs_are_artifacts(described, key):
    assert key_of(described) == key


def test_closures_of_random_graphs_are_those_of_the_artifacts(store):
    """The oracle walks the artifacts themselves, which know their inputs as objects."""
    chance, artifacts = random.Random(3), list[Artifact]()
    for number in range(40):
        chosen = chance.sample(artifacts, min(len(artifacts), chance.randrange(4)))
        inputs = {f"i{n}": Member(a, "part") if chance.random() < 0.3 else a for n, a in enumerate(chosen)}
        artifacts.append(Artifact(PART, {"number": number}, inputs))
    for artifact in artifacts:
        store.make(artifact)
    inventory = Inventory.of(store)
    for roots in ([], artifacts[-1:], chance.sample(artifacts, 3), artifacts):
        below = {part.key for root in roots for part in root.walk()}
        assert inventory.closure(root.key for root in roots) == (below, set())
    for artifact in artifacts:
        above = {top.key for top in artifacts if artifact.key in {part.key for part in top.walk()}}
        assert inventory.made_from(artifact.key) == above


def test_inputs_that_nothing_tells_are_unknown(store):
    one = Artifact(PART, {"number": 1})
    store.make(two := Artifact(PART, {"number": 2}, {"one": one}))
    inventory = Inventory.of(store)
    assert inventory.closure([two.key, KEY]) == ({one.key, two.key}, {KEY})
    (store.path(one) / "MANIFEST.json").write_text("{")
    assert Inventory.of(store).closure([two.key]) == ({one.key, two.key}, {one.key})
