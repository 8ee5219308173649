"""The store publishes whole artifacts or none, once, whoever asks."""

import hashlib
import json
import multiprocessing
import os
import shutil
import socket
import subprocess
import time
from pathlib import Path

import pytest

from harness.files import headway
from harness.store.artifact import Artifact
from harness.store.stage import Stage
from harness.store.store import KEPT, MANIFEST, Store, StoreError


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


NUMBER = Stage("number", version=1, seconds=5, build=build_number)
RESUMABLE = Stage("resumable", version=1, seconds=5, build=build_resumable)


@pytest.fixture
def store(tmp_path):
    made = Store(tmp_path / "store")
    made.create()
    return made


def test_inputs_are_made_first_and_nothing_twice(store):
    one, two = Artifact(NUMBER, {"number": 1}), Artifact(NUMBER, {"number": 2})
    total = Artifact(NUMBER, {"number": 10}, {"a": one, "b": two})
    assert store.make(total) is True
    assert (store.path(total) / "n.txt").read_text() == "13"
    assert store.has(one) and store.has(two)
    assert store.make(total) is False
    manifest = json.loads((store.path(total) / MANIFEST).read_text())
    assert manifest["files"]["n.txt"]["bytes"] == 2 and manifest["key"] == total.key


def build_private(out, parameters, inputs):
    (out / "part").mkdir()
    for path in (out / "part" / "secret.bin", out / "open.txt"):
        path.write_text("x")
        path.chmod(0o600)


@pytest.mark.parametrize(("umask", "file", "folder"), [(0o022, 0o644, 0o755), (0o007, 0o660, 0o770)])
def test_who_shares_a_store_can_read_what_the_umask_lets_them(store, umask, file, folder):
    artifact, before = Artifact(Stage("private", 1, 5, build_private), {"umask": umask}), os.umask(umask)
    try:
        store.make(artifact)
        assert os.umask(umask) == umask
    finally:
        os.umask(before)
    modes = {
        path.relative_to(store.root).as_posix(): path.stat().st_mode & 0o777
        for path in (store.path(artifact), *store.path(artifact).rglob("*"))
    }
    assert len(modes) == 5 and set(modes.values()) == {file, folder}
    assert {mode for path, mode in modes.items() if path.endswith((".bin", ".txt", ".json"))} == {file}


def test_a_failed_stage_leaves_nothing_behind(store):
    bad = Artifact(NUMBER, {"number": 1, "fail": True})
    with pytest.raises(RuntimeError, match="no"):
        store.make(bad)
    assert not store.has(bad) and list((store.root / "number").iterdir()) == []


def test_scratch_survives_failures_and_goes_with_success(store):
    artifact = Artifact(RESUMABLE, {"attempts": 2})
    for _ in range(2):
        with pytest.raises(RuntimeError, match="killed"):
            store.make(artifact)
    assert store.make(artifact)
    assert (store.path(artifact) / "n.txt").read_text() == "2"
    assert list((store.root / "scratch").iterdir()) == []


def _make(root, artifact, results):
    results.put(Store(root).make(artifact))


def test_two_processes_compute_an_artifact_once(store):
    context = multiprocessing.get_context("fork")
    results = context.Queue()
    artifact = Artifact(NUMBER, {"number": 3, "wait": 0.5})
    workers = [context.Process(target=_make, args=(store.root, artifact, results)) for _ in range(2)]
    for worker in workers:
        worker.start()
    assert sorted(results.get(timeout=20) for _ in workers) == [False, True]
    for worker in workers:
        worker.join()


def test_what_an_artifact_took_is_known_once_it_is_there(store):
    artifact = Artifact(NUMBER, {"number": 1, "wait": 0.1})
    assert store.seconds(artifact) is None
    store.make(artifact)
    assert 0.1 <= store.seconds(artifact) < 5


def _report(out, parameters, inputs):
    """Leave what others see of this artifact while it counts."""
    store = Store(Path(parameters["store"]))
    with headway.counting("texts", 8, done=2):
        (piece,) = store.running().values()
        (out / "seen.json").write_text(json.dumps(piece.counts))


def test_while_an_artifact_is_computed_others_see_how_far_it_is(store, monkeypatch):
    monkeypatch.setattr(headway, "SECONDS", 0)
    artifact = Artifact(Stage("report", 1, 1, _report), {"store": str(store.root)})
    store.make(artifact)
    assert json.loads((store.path(artifact) / "seen.json").read_text()) == [["texts", 2, 8, 0.0]]
    assert store.running() == {} and not list((store.root / "running").iterdir())


def test_reports_of_killed_processes_are_swept(store):
    (store.root / "running").mkdir()
    dead = subprocess.Popen(["true"])
    dead.wait()
    content = {"host": socket.gethostname(), "pid": dead.pid, "began": 0, "counts": []}
    (store.root / "running" / "key.json").write_text(json.dumps(content))
    (store.root / "running" / ".key.json.7.tmp").write_text("half")
    assert store.running() == {}
    store.create()
    assert not list((store.root / "running").iterdir())


def test_what_a_killed_run_left_is_swept_and_what_another_run_writes_is_not(store):
    from filelock import FileLock

    (store.root / "number" / ".dead-x").mkdir(parents=True)
    (store.root / "number" / ".alive-x").mkdir()
    with FileLock(store.root / "locks" / "alive.lock"):
        Store(store.root).create()
    assert [path.name for path in (store.root / "number").iterdir()] == [".alive-x"]


def test_a_foreign_folder_is_refused(tmp_path):
    (tmp_path / "x").write_text("")
    with pytest.raises(StoreError, match="is not empty and not a store"):
        Store(tmp_path)


def _flip(path):
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 1
    path.write_bytes(content)


DAMAGES = {
    "a file is missing": (lambda folder: (folder / "n.txt").unlink(), "n.txt is missing"),
    "truncated": (lambda folder: (folder / "n.txt").write_bytes(b"1"), "n.txt has 1 bytes instead of 2"),
    "a flipped bit": (lambda folder: _flip(folder / "n.txt"), "n.txt has other bytes than were written"),
    "no manifest": (lambda folder: (folder / MANIFEST).unlink(), f"{MANIFEST} is missing"),
    "half a manifest": (lambda folder: os.truncate(folder / MANIFEST, 40), f"{MANIFEST} is corrupt"),
    "an empty manifest": (lambda folder: os.truncate(folder / MANIFEST, 0), f"{MANIFEST} is corrupt"),
    "a manifest of something else": (lambda folder: (folder / MANIFEST).write_text("[]"), f"{MANIFEST} is corrupt"),
    "a folder in the file's place": (
        lambda folder: [(folder / "n.txt").unlink(), (folder / "n.txt").mkdir()],
        "n.txt has ",
    ),
}


@pytest.mark.parametrize("damage", DAMAGES)
def test_a_damaged_artifact_is_named_set_aside_and_rebuilt(store, damage):
    """Alone, and as an input; what was computed from its good bytes stays."""
    spoil, said = DAMAGES[damage]
    one = Artifact(NUMBER, {"number": 11})
    first, second = (Artifact(NUMBER, {"number": number}, {"a": one}) for number in (20, 30))
    store.make(first)
    spoil(store.path(one))
    again = Store(store.root)
    assert again.make(first) is False and again.damage_notes == []
    assert again.make(second) is True and (store.path(second) / "n.txt").read_text() == "41"
    (line,) = again.damage_notes
    assert line.startswith(f"damaged: number {one.key}: {said}") and "\n" not in line
    (kept,) = (store.root / "damaged").iterdir()
    assert kept.name == f"1-number-{one.key}" and str(kept) in line
    assert (store.path(one) / "n.txt").read_text() == "11" and again.intact(one)
    spoil(store.path(first))
    assert again.set_aside_damaged([second, first, one]) == [first] and not again.has(first)


def test_the_memory_of_digests_notices_what_sizes_do_not_tell(store):
    """The same process has read the file before; its dates are set back after the change."""
    one = Artifact(NUMBER, {"number": 11})
    store.make(one)
    assert store.intact(one)
    file = store.path(one) / "n.txt"
    before = file.stat()
    file.write_text("12")
    os.utime(file, ns=(before.st_atime_ns, before.st_mtime_ns))
    assert not store.intact(one)


def test_a_file_is_read_once_a_process(store, monkeypatch):
    read = []
    real = hashlib.file_digest
    monkeypatch.setattr(hashlib, "file_digest", lambda file, name: read.append(file.name) or real(file, name))
    one = Artifact(NUMBER, {"number": 4711})
    for number in range(3):
        store.make(Artifact(NUMBER, {"number": number}, {"a": one}))
    assert len(read) == 4


def test_old_damage_makes_room_for_new(store):
    one = Artifact(NUMBER, {"number": 1})
    for _ in range(KEPT + 2):
        store.make(one)
        (store.path(one) / "n.txt").unlink()
    assert store.make(one)
    assert sorted(int(path.name.split("-")[0]) for path in (store.root / "damaged").iterdir()) == list(
        range(3, KEPT + 3)
    )


def build_spoiling(out, parameters, inputs, scratch):
    """Damages its input while it reads it, as often as the file beside the store says."""
    folder = inputs["a"].path
    number = int((folder / "n.txt").read_text())
    left = Path(parameters["count"])
    (scratch / "step").write_text("made of the input as it was")
    if int(left.read_text()):
        left.write_text(str(int(left.read_text()) - 1))
        (folder / "n.txt").write_text("99")
        if parameters["fail"]:
            raise RuntimeError("read nonsense")
    (out / "n.txt").write_text(str(number + int((folder / "n.txt").read_text())))


@pytest.mark.parametrize("fail", [True, False])
def test_an_input_damaged_while_it_was_read_spoils_nothing(store, tmp_path, fail):
    spoiling = Stage("spoiling", 1, 5, build_spoiling)
    one, count = Artifact(NUMBER, {"number": 11}), tmp_path / "count"
    both = Artifact(spoiling, {"count": str(count), "fail": fail}, {"a": one})
    count.write_text("2")
    assert store.make(both) and (store.path(both) / "n.txt").read_text() == "22"
    assert len(store.damage_notes) == 2 and store.intact(one)
    other = Artifact(spoiling, {"count": str(count), "fail": fail, "other": 1}, {"a": one})
    count.write_text("100")
    with pytest.raises(StoreError, match="damaged again and again"):
        store.make(other)
    assert not store.has(other) and not list((store.root / "spoiling").glob(".*"))


def test_checkpoints_made_of_a_damaged_input_are_not_gone_on_from(store):
    one = Artifact(NUMBER, {"number": 11})
    artifact = Artifact(RESUMABLE, {"attempts": 1}, {"a": one})
    with pytest.raises(RuntimeError, match="killed"):
        store.make(artifact)
    (store.path(one) / "n.txt").unlink()
    with pytest.raises(RuntimeError, match="killed"):
        store.make(artifact)
    assert store.make(artifact) and (store.path(artifact) / "n.txt").read_text() == "1"


def test_a_store_that_vanishes_is_not_begun_anew(store):
    shutil.move(store.root, store.root.with_name("elsewhere"))
    with pytest.raises(StoreError, match=r"is no longer there; bring it back, and the same command goes on"):
        store.make(Artifact(NUMBER, {"number": 1}))
    assert not store.root.exists()
    shutil.move(store.root.with_name("elsewhere"), store.root)
    assert store.make(Artifact(NUMBER, {"number": 1}))


def test_an_unreadable_marker_is_one_line(store):
    os.truncate(store.root / "STORE.json", 5)
    with pytest.raises(
        StoreError, match=r"STORE.json cannot be read; if .* is a store, write \{\"format\": 1\} into it"
    ):
        Store(store.root)


def test_checkpoints_of_what_is_finished_are_swept(store):
    done, other = Artifact(RESUMABLE, {"attempts": 0}), Artifact(RESUMABLE, {"attempts": 1})
    store.make(done)
    for artifact in (done, other):
        (store.root / "scratch" / artifact.key).mkdir()
    Store(store.root).create()
    assert [path.name for path in (store.root / "scratch").iterdir()] == [other.key]
