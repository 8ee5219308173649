"""Deletion takes what nothing needs, at any moment a run or a crash may come."""

from __future__ import annotations

import os
import shutil

import pytest
from filelock import FileLock

from harness.store.artifact import Artifact
from harness.store.deletion import computing, remove, set_aside, unneeded
from harness.store.inventory import LEFT_OVER, Inventory
from harness.store.stage import Stage
from harness.store.store import Store

KEY = "0123456789abcdef0123456789abcdef"


def build(out, parameters, inputs):
    (out / "value.txt").write_text("1")


PART = Stage("part", version=1, seconds=1, build=build)
ONE, TWO = Artifact(PART, {"number": 1}), Artifact(PART, {"number": 2})


@pytest.fixture
def store(tmp_path):
    store = Store(tmp_path / "store")
    store.create()
    store.make(ONE)
    store.make(TWO)
    return store


def test_what_is_needed_or_spared_stays(store):
    inventory = Inventory.of(store)
    assert [entry.key for entry in unneeded(inventory, {ONE.key})] == [TWO.key]
    assert unneeded(inventory, set(), lambda entry: True) == []
    remove(set_aside(store, unneeded(inventory, {ONE.key})))
    assert store.has(ONE) and not store.path(TWO).exists()


def test_leftovers_go_and_are_never_needed(store):
    for folder in (f"part/.{KEY}-x", f"damaged/1-part-{KEY}", f"scratch/.{KEY}-x", f"scratch/{KEY}"):
        (store.root / folder).mkdir(parents=True)
    gone = unneeded(Inventory.of(store), {ONE.key, TWO.key})
    assert len(gone) == 4 and not set_aside(store, []).aside
    assert len(unneeded(Inventory.of(store), {ONE.key, TWO.key, KEY})) == 3, "the checkpoint of what is needed stays"
    assert remove(set_aside(store, gone)) == []
    assert not [path for path in store.root.rglob("*") if path.is_dir() and KEY in path.name]


def test_what_is_being_computed_stays(store):
    with FileLock(store.lock_path(KEY)), FileLock(store.lock_path(TWO.key)):
        (store.root / "part" / f".{KEY}-x").mkdir()
        (store.root / "scratch" / KEY).mkdir(parents=True)
        assert computing(store) == {KEY, TWO.key}
        gone = unneeded(Inventory.of(store), {ONE.key, TWO.key})
        assert gone == []
        deleted = set_aside(store, unneeded(Inventory.of(store), {ONE.key}))
        assert [entry.key for entry in deleted.locked] == [TWO.key] and not deleted.aside
    assert computing(store) == set() and store.has(TWO)


@pytest.mark.parametrize("folder", ["part", "scratch", "damaged"])
def test_a_crash_between_renaming_and_removing_leaves_nothing_half_deleted(store, folder):
    if folder != "part":
        (store.root / folder / (KEY if folder == "scratch" else f"1-part-{KEY}")).mkdir(parents=True)
    gone = [entry for entry in Inventory.of(store).entries if entry.folder.parent.name == folder]
    set_aside(store, gone)  # and never removed
    assert [entry.state for entry in Inventory.of(store).entries].count(LEFT_OVER) == len(gone) >= 1
    assert store.has(ONE) == (folder != "part") and not any(entry.folder.exists() for entry in gone)
    Store(store.root).create()
    assert not list((store.root / folder).glob(".*")), "the next run removes what is left"


def test_a_link_goes_and_its_target_stays(store, tmp_path):
    os.rename(store.path(TWO), tmp_path / "elsewhere")
    os.symlink(tmp_path / "elsewhere", store.path(TWO))
    assert remove(set_aside(store, unneeded(Inventory.of(store), {ONE.key}))) == []
    assert not store.path(TWO).is_symlink() and (tmp_path / "elsewhere" / "value.txt").is_file()


def test_what_cannot_be_deleted_is_told(store, monkeypatch):
    gone = unneeded(Inventory.of(store), {ONE.key})
    deleted = set_aside(store, gone)
    monkeypatch.setattr(shutil, "rmtree", lambda *_, **__: None)
    assert remove(deleted) == gone
    store.make(TWO)

    def refuse(*_):
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(os, "rename", refuse)
    assert set_aside(store, unneeded(Inventory.of(store), {ONE.key}))[2][-1][1] == "Permission denied"
    assert store.has(TWO)
