"""`store ls` and `du`: every artifact once, and sums that add up."""

from __future__ import annotations

import json
import os
import re
import time

import pytest

from harness.cli.store.listing import age
from harness.store.inventory import Inventory
from tests.cli.store.conftest import planned


def test_artifacts_are_listed_by_stage_the_largest_first(place, run_store):
    code, out, _ = run_store("ls")
    head, *rows, last = out.splitlines()
    assert code == 0 and head.split() == ["stage", "key", "size", "age", "state", "what"]
    entries = Inventory.of(place.store).entries
    assert [row.split()[:2] for row in rows] == [[entry.stage, entry.key[:12]] for entry in entries]
    assert [entry.stage for entry in entries] == sorted(entry.stage for entry in entries)
    assert last.startswith(f"{len(planned(place.ko + place.ru))} artifacts, ")
    (row,) = [row for row in rows if row.startswith("initialization") and "sembridge" in row]
    assert re.search(r" complete +sembridge alpha 4, ko$", row)
    assert sum("sembridge alpha 4 trained, " in row for row in rows if row.startswith("evaluation")) == 2


def test_one_stage_as_json(place, run_store):
    code, out, _ = run_store("ls", "--stage", "strata", "--format", "json")
    entries = json.loads(out)
    assert code == 0 and {entry["key"] for entry in entries} == {c.strata.key for c in place.ko + place.ru}
    entry = entries[0]
    assert entry["state"] == "complete" and entry["inputs"]["collection"]["name"].startswith("pocket-text/")
    assert entry["bytes"] == sum(p.stat().st_size for p in (place.store.root / "strata" / entry["key"]).iterdir())
    assert set(entry["parameters"]) == {"language"}


def test_damage_is_told_with_its_reason(place, run_store):
    path = next(place.store.root.glob("initialization/*/about.json"))
    path.write_text(path.read_text().replace("0", "7"), encoding="utf-8")
    assert "damaged" not in run_store("ls")[1]
    out = run_store("ls", "--verify")[1]
    assert f"damaged: initialization/{path.parent.name}: about.json has other bytes than were written" in out
    assert re.search(r"^\d+ complete, 1 damaged, ", out, re.M)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (
            ["ls", "--stage", "evalation"],
            "has none of it; did you mean 'evaluation'? known: bias-thresholds, bm25, bridge-vectors, ",
        ),
        (["ls", "--format", "jsn"], "--format 'jsn' is unknown; did you mean 'json'? known: json, text"),
        (["ls", "--store", "elsewhere"], "--store 'elsewhere' does not exist; give the folder that a grid wrote"),
        (["du", "--results", "k"], "--results: RESULTS 'k' has no cells.csv"),
        (["sl"], "invalid choice: 'sl' (choose from 'ls', 'show', 'du', 'gc')"),
    ],
)
def test_wrong_options_are_refused(place, run_store, options, message):
    code, _, err = run_store(*options)
    assert code == 2 and message in err


def test_sums_are_those_of_the_files(place, run_store):
    _, out, _ = run_store("du")
    rows = {row.split()[0]: row.split()[1:] for row in out.splitlines()[1:]}
    for stage, (count, number, unit) in rows.items():
        folders = place.store.root.glob("*/*" if stage == "all" else f"{stage}/*")
        folders = [folder for folder in folders if (folder / "MANIFEST.json").is_file()]
        size = sum(path.stat().st_size for folder in folders for path in folder.rglob("*") if path.is_file())
        assert int(count) == len(folders)
        assert float(number) == pytest.approx(size / {"B": 1, "kB": 1000, "MB": 1e6}[unit], rel=0.01, abs=0.05)


def test_what_no_results_need_is_what_a_cleanup_would_delete(place, run_store):
    *_, total, note = run_store("du", "--results", "ko")[1].splitlines()
    goes = next(line for line in run_store("gc", "--keep", "ko")[1].splitlines() if line.startswith("goes: "))
    assert f", {' '.join(total.split()[-2:])} (" in goes
    assert note == "not needed: what `sembridge-bench store gc --keep ko` would delete"
    *_, total, _ = run_store("du", "--results", "ko", "ru")[1].splitlines()
    assert total.endswith("–")


def test_ages_are_told_in_days_from_the_third_day_on(place):
    (entry, *_), now = Inventory.of(place.store).entries, time.time()
    os.utime(entry.folder / "MANIFEST.json", (now - 12 * 86400, now - 12 * 86400))
    assert age(next(e for e in Inventory.of(place.store).entries if e.key == entry.key), now) == "12 days"
    os.utime(entry.folder / "MANIFEST.json", (now - 3900, now - 3900))
    assert age(next(e for e in Inventory.of(place.store).entries if e.key == entry.key), now) == "1 h 05 min"
