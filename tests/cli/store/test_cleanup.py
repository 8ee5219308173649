"""`store gc`: after it the same grid has nothing to compute, and what nothing needs is gone."""

from __future__ import annotations

import json
import re
import shutil

import pytest
from filelock import FileLock

from harness.plan.plan import missing
from harness.plan.seeds import possible_keys
from harness.store.in_use import using
from tests.cli.store.conftest import planned
from tests.helpers.stores_made import MEASURED, write_results_of


def files(place):
    return {path: path.stat().st_mtime_ns for path in sorted(place.root.rglob("*")) if path.is_file()}


@pytest.mark.parametrize("kept", [["ko"], ["ru"], ["ko", "ru"]])
def test_after_it_the_same_grid_has_nothing_to_compute(place, run_store, kept):
    cells = [cell for name in kept for cell in getattr(place, name)]
    code, out, err = run_store("gc", "--keep", *kept, "--yes")
    assert (code, err) == (0, "")
    assert missing(cells, place.store) == [] and place.keys() == planned(cells)
    gone = len(planned(place.ko + place.ru) - planned(cells))
    assert out.splitlines()[-1].startswith(f"deleted: {gone} artifact{'s' * (gone != 1)}, "), out
    _, again, _ = run_store("gc", "--keep", *kept)
    assert again.splitlines()[-1] == "goes: nothing, all of the store is needed"


def test_without_yes_it_says_what_would_go_and_touches_nothing(place, run_store):
    before = files(place)
    code, out, _ = run_store("gc", "--keep", "ko")
    assert code == 0 and files(place) == before
    *_, goes, last = out.splitlines()
    gone = planned(place.ru) - planned(place.ko)
    assert goes.startswith(f"goes: {len(gone)} artifacts, ")
    assert last == "nothing was deleted; this deletes it: sembridge-bench store gc --keep ko --yes"
    assert all(key[:12] in out for key in gone) and not any(key[:12] in out for key in planned(place.ko))


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (["gc"], "store gc deletes what no results folder needs, so it has to know them: name all folders that matter"),
        (["gc", "--yes"], "store gc deletes what no results folder needs"),
        (["gc", "--keep", "kO"], "--keep: RESULTS 'kO' has no cells.csv; give the folder that a run wrote"),
        (["gc", "--keep", "ko", "--store", "no"], "--store 'no' does not exist; give the folder that a grid wrote"),
        (["gc", "--keep", "ko", "--store", "ko"], "is not empty and not a store of this project"),
        (["gc", "--keep", "ko", "--store", "empty"], "--store 'empty' is not a store: it has no STORE.json"),
        (
            ["gc", "--keep", "ko", "--yes", "--store", "new"],
            "--keep: 'ko': the store has none of its 12 finished cells",
        ),
    ],
)
def test_what_would_delete_too_much_is_refused(place, run_store, options, message):
    (place.root / "empty").mkdir()
    (place.root / "new").mkdir()
    (place.root / "new" / "STORE.json").write_text(json.dumps({"format": 1}))
    before = files(place)
    code, _, err = run_store(*options)
    assert code == 2 and message in err and files(place) == before


def test_for_a_cell_that_is_not_computed_all_stays_that_it_may_start_from(place, run_store):
    """Its inputs are not recorded. The fine-tuned encoder was ready, and the evaluation failed."""
    cell = next(cell for cell in place.ko if cell.identity.regime == "fine-tuned")
    shutil.rmtree(place.store.path(cell.artifact))
    write_results_of(place.store, place.root / "ko2", [c for c in place.ko if c is cell or c.reference])
    code, out, _ = run_store("gc", "--keep", "ko2", "--yes")
    assert code == 0 and f"{cell.identity.name} is not in the store, and what they need is not recorded" in out
    assert [artifact.key for artifact in missing([cell], place.store)] == [cell.artifact.key]
    stages = {path.parent.parent.name for path in place.store.root.glob("*/*/MANIFEST.json")}
    assert {"trained-encoder", "initialization", "strata"} <= stages
    kept = {path.parent.name for stage in MEASURED for path in place.store.root.glob(f"{stage}/*/MANIFEST.json")}
    assert kept == {c.artifact.key for c in place.ko if c.reference}
    code, out, _ = run_store("gc", "--keep", "ko2", "--yes", "--finished-only")
    assert code == 0 and place.keys() == planned([c for c in place.ko if c.reference])


def test_what_a_running_grid_needs_stays(place, run_store):
    with using(place.store, possible_keys(place.ru)):
        code, out, _ = run_store("gc", "--keep", "ko", "--yes")
        assert code == 0 and "besides: the grid that runs on this store now" in out
        assert place.keys() == planned(place.ko + place.ru)
    assert run_store("gc", "--keep", "ko", "--yes")[0] == 0 and place.keys() == planned(place.ko)


def test_beside_work_that_does_not_say_what_it_reads_only_measurements_go(place, run_store):
    with FileLock(place.store.lock_path("0" * 32)):
        code, out, _ = run_store("gc", "--keep", "ko", "--yes")
    assert code == 0 and "a process computes something here and does not say what it reads" in out
    ru_measured = {cell.artifact.key for cell in place.ru}
    assert place.keys() == planned(place.ko + place.ru) - ru_measured


def test_a_damaged_description_keeps_what_it_may_have_named(place, run_store):
    trained = next(path for path in place.store.root.glob("trained-encoder/*") if path.name in planned(place.ko))
    (trained / "MANIFEST.json").write_text("{", encoding="utf-8")
    code, out, _ = run_store("gc", "--keep", "ko", "--yes")
    assert code == 0 and "the description of a needed artifact is damaged" in out
    assert planned(place.ko) <= place.keys() | {trained.name}
    assert len(list(place.store.root.glob("initialization/*"))) == len(
        {a.key for cell in place.ko + place.ru for a in cell.walk() if a.stage.name == "initialization"}
    )


def test_a_crash_halfway_leaves_whole_artifacts_only(place, run_store, monkeypatch):
    def crash(*_):
        raise KeyboardInterrupt

    monkeypatch.setattr("harness.cli.store.cleanup.remove", crash)
    code, _, err = run_store("gc", "--keep", "ko", "--yes")
    assert code == 130 and err.endswith("interrupted; the same command goes on from there\n")
    assert missing(place.ko, place.store) == [] and place.store.set_aside_damaged(c.artifact for c in place.ru) == []
    monkeypatch.undo()
    monkeypatch.chdir(place.root)
    code, out, _ = run_store("gc", "--keep", "ko", "--yes")
    assert code == 0 and re.search(r"^goes: \d+ artifacts", out, re.M) and " left over" in out
    assert not list(place.store.root.glob("*/.*")) and place.keys() == planned(place.ko)


def test_what_cannot_be_deleted_is_an_error(place, run_store, monkeypatch):
    monkeypatch.setattr("harness.store.deletion.shutil.rmtree", lambda *_, **__: None)
    code, out, err = run_store("gc", "--keep", "ko", "--yes")
    assert code == 1 and out.splitlines()[-1].startswith("deleted: 0 artifacts")
    assert re.search(r"^error: some files of evaluation/\w+ could not be deleted; ask the owner of /", err, re.M)
