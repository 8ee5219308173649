"""A run that lives keeps what it needs; one that was killed keeps nothing, and no file has to be removed by hand."""

from __future__ import annotations

import json
import subprocess
import sys
import threading

import pytest

from harness.store.in_use import deletion_lock, keys_in_use, using
from harness.store.store import Store, StoreError
from tests.helpers.paths import ROOT

KILLED = """
import os, sys
from pathlib import Path
from harness.store.in_use import using
from harness.store.store import Store
with using(Store(Path(sys.argv[1])), ["aa"]):
    os._exit(9)
"""


@pytest.fixture
def store(tmp_path):
    store = Store(tmp_path / "store")
    store.create()
    return store


def test_runs_keep_their_keys_while_they_go_on(store):
    assert keys_in_use(store) == (set(), 0)
    with using(store, ["aa", "bb"]), using(store, ["bb", "cc"]):
        assert keys_in_use(store) == ({"aa", "bb", "cc"}, 2)
    assert keys_in_use(store) == (set(), 0) and not list((store.root / "in-use").iterdir())


def test_a_killed_run_keeps_nothing(store):
    done = subprocess.run([sys.executable, "-c", KILLED, str(store.root)], cwd=ROOT)
    assert done.returncode == 9
    (store.root / "in-use" / "killed-between.lock").write_text("")
    files = sorted((store.root / "in-use").iterdir())
    assert {path.suffix for path in files} == {".json", ".lock"}
    assert keys_in_use(store) == (set(), 0) and sorted((store.root / "in-use").iterdir()) == files
    assert keys_in_use(store, forget_ended=True) == (set(), 0) and not list((store.root / "in-use").iterdir())


def test_a_run_registers_before_a_deletion_or_after_it(store):
    registered = threading.Event()

    def run() -> None:
        with using(store, ["aa"]):
            registered.set()

    with deletion_lock(store):
        thread = threading.Thread(target=run)
        thread.start()
        assert not registered.wait(0.2) and keys_in_use(store) == (set(), 0)
    assert registered.wait(10)
    thread.join()


@pytest.mark.parametrize("content", ["", "[]", "{}", json.dumps({"keys": 7})])
def test_what_a_run_needs_is_not_guessed(store, content):
    with using(store, ["aa"]):
        (file,) = (store.root / "in-use").glob("*.json")
        file.write_text(content, encoding="utf-8")
        with pytest.raises(StoreError, match=r"\.json cannot be read, and its run goes on; wait until that has ended"):
            keys_in_use(store)
