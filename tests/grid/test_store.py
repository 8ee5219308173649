"""The store publishes whole artefacts or none, once, whoever asks."""

import json
import multiprocessing
import time

import pytest

from harness.grid.artefact import Artefact, Local, Member, content_digest
from harness.grid.stages import STAGES, Stage
from harness.grid.store import MANIFEST, Store, StoreError


def build_number(out, parameters, inputs):
    if parameters.get("fail"):
        (out / "half.txt").write_text("half")
        raise RuntimeError("no")
    time.sleep(parameters.get("wait", 0))
    total = parameters["number"] + sum(int((location.path / "n.txt").read_text()) for location in inputs.values())
    (out / "n.txt").write_text(str(total))


def build_resumable(out, parameters, inputs, scratch):
    count = len(list(scratch.iterdir()))
    (scratch / f"{count}").write_text("")
    if count < parameters["attempts"]:
        raise RuntimeError("killed")
    (out / "n.txt").write_text(str(count))


@pytest.fixture(autouse=True)
def stages(monkeypatch):
    monkeypatch.setitem(STAGES, "number", Stage(f"{__name__}:build_number", 1, 5))
    monkeypatch.setitem(STAGES, "resumable", Stage(f"{__name__}:build_resumable", 1, 5, scratch=True))


@pytest.fixture
def store(tmp_path):
    made = Store(tmp_path / "store")
    made.create()
    return made


def test_inputs_are_made_first_and_nothing_twice(store):
    one, two = Artefact("number", {"number": 1}), Artefact("number", {"number": 2})
    total = Artefact("number", {"number": 10}, {"a": one, "b": two})
    assert store.make(total) is True
    assert (store.path(total) / "n.txt").read_text() == "13"
    assert store.has(one) and store.has(two)
    assert store.make(total) is False
    manifest = json.loads((store.path(total) / MANIFEST).read_text())
    assert manifest["files"]["n.txt"]["bytes"] == 2 and manifest["key"] == total.key


def test_a_failed_stage_leaves_nothing_behind(store):
    bad = Artefact("number", {"number": 1, "fail": True})
    with pytest.raises(RuntimeError, match="no"):
        store.make(bad)
    assert not store.has(bad) and list((store.root / "number").iterdir()) == []


def test_scratch_survives_failures_and_goes_with_success(store):
    artefact = Artefact("resumable", {"attempts": 2})
    for _ in range(2):
        with pytest.raises(RuntimeError, match="killed"):
            store.make(artefact)
    assert store.make(artefact)
    assert (store.path(artefact) / "n.txt").read_text() == "2"
    assert list((store.root / "scratch").iterdir()) == []


def _make(root, artefact, results):
    STAGES["number"] = Stage(f"{__name__}:build_number", 1, 5)
    results.put(Store(root).make(artefact))


def test_two_processes_compute_an_artefact_once(store):
    context = multiprocessing.get_context("fork")
    results = context.Queue()
    artefact = Artefact("number", {"number": 3, "wait": 0.5})
    workers = [context.Process(target=_make, args=(store.root, artefact, results)) for _ in range(2)]
    for worker in workers:
        worker.start()
    assert sorted(results.get(timeout=20) for _ in workers) == [False, True]
    for worker in workers:
        worker.join()


def test_keys_depend_on_parameters_inputs_and_version(tmp_path, monkeypatch):
    (tmp_path / "f").write_text("x")
    base = Artefact("number", {"number": 1}, {"f": Local(tmp_path / "f")})
    assert base.key == Artefact("number", {"number": 1}, {"f": Local(tmp_path / "f")}).key
    assert base.key != Artefact("number", {"number": 2}, {"f": Local(tmp_path / "f")}).key
    assert base.key != Artefact("number", {"number": 1}, {"g": Local(tmp_path / "f")}).key
    assert Member(base, "a").key != Member(base, "b").key
    monkeypatch.setitem(STAGES, "number", Stage(f"{__name__}:build_number", 2, 5))
    assert base.key != Artefact("number", {"number": 1}, {"f": Local(tmp_path / "f")}).key


def test_a_folder_is_known_by_names_and_contents(tmp_path):
    for name, files in {"a": {"x": "1"}, "b": {"x": "1", ".hidden": "2"}, "c": {"y": "1"}, "d": {"x": "2"}}.items():
        (tmp_path / name).mkdir()
        for file, text in files.items():
            (tmp_path / name / file).write_text(text)
    a, b, c, d = (content_digest(tmp_path / name) for name in "abcd")
    assert a == b and len({a, c, d}) == 3


def test_expected_seconds_are_measured_ones_once_there_are_some(store):
    assert store.seconds("number") == 5
    store.make(Artefact("number", {"number": 1}))
    assert store.seconds("number") < 1


def test_what_a_killed_run_left_is_swept_and_what_another_run_writes_is_not(store):
    from filelock import FileLock

    (store.root / "number" / ".dead-x").mkdir(parents=True)
    (store.root / "number" / ".alive-x").mkdir()
    with FileLock(store.root / "locks" / "alive.lock"):
        Store(store.root).create()
    assert [path.name for path in (store.root / "number").iterdir()] == [".alive-x"]


def test_a_foreign_folder_is_refused(tmp_path):
    (tmp_path / "x").write_text("")
    with pytest.raises(StoreError, match="is not empty and no store"):
        Store(tmp_path)
