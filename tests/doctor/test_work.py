"""How much work a grid is, for stages whose seconds are known: 30 s of a shared one, 7,200 s of a cell's own."""

from __future__ import annotations

import json

import pytest

from harness.catalog.catalog import Catalog
from harness.collections.stage import COLLECTION
from harness.doctor.hub_access import OK, WARN
from harness.doctor.work import hours, work
from harness.estimate.estimate import Estimate
from harness.estimate.sizes import Sizes
from harness.plan.plan import Cell
from harness.references.bm25 import BM25
from harness.results.record import Identity
from harness.store.artifact import Artifact
from harness.store.stage import Stage
from harness.store.store import Store

SHARED, OWN = (Stage(name, 1, seconds, lambda *_: None) for name, seconds in (("shared", 30), ("own", 7200)))
BASE = Artifact(SHARED, {})
NAME = Identity("ko", "bert", "faq", "mean", "", None, "zero-shot", 42)
CELLS = [Cell(NAME, "mean", False, Artifact(OWN, {"number": number}, {"base": BASE})) for number in (1, 2)]
TODO = [BASE, *(cell.artifact for cell in CELLS)]


@pytest.fixture
def store(tmp_path) -> Store:
    store = Store(tmp_path / "store")
    store.create()
    return store


def estimate(store: Store) -> Estimate:
    return Estimate(store, Sizes(Catalog()), None)


def publish(store: Store, artifact: Artifact, seconds: float) -> None:
    folder = store.path(artifact)
    folder.mkdir(parents=True)
    (folder / "MANIFEST.json").write_text(json.dumps({"seconds": seconds, "files": {}}))


def test_first_guesses_are_called_that(store):
    check = work(CELLS, TODO, store, estimate(store))
    assert (check.mark, check.what) == (WARN, "work")
    assert check.text == (
        "2 cells, 0 in the store, 3 artifacts missing, about 4 h 00 min one after the other; "
        "first guesses for small models in all stages, not measurements; --calibrate measures"
    )


def test_measured_stages_are_not_named(store):
    publish(store, BASE, 12)
    check = work(CELLS, [*TODO[1:], Artifact(SHARED, {"another": 1})], store, estimate(store))
    assert "first guesses for small models in own, not" in check.text and "about 4 h 00 min" in check.text
    publish(store, TODO[1], 60)
    check = work(CELLS, TODO[2:], store, estimate(store))
    assert check.mark == OK
    assert check.text == (
        "2 cells, 1 in the store, 1 artifacts missing, about 1 min 00 s one after the other, as measured in this store"
    )


def test_nothing_left(store):
    for artifact in TODO:
        publish(store, artifact, 1)
    check = work(CELLS, [], store, estimate(store))
    assert (check.mark, check.text) == (OK, "2 cells, 2 in the store, 0 artifacts missing")


def test_guesses_for_the_pocket_are_no_reason_to_worry(store):
    pocket = Artifact(Stage("pocket-text", 1, 20, lambda *_: None), {})
    check = work([], [pocket], store, estimate(store))
    assert check.mark == OK and "first guesses" in check.text


def test_what_is_not_known_has_no_hours(store):
    unknown = Artifact(BM25, {}, {"collection": Artifact(COLLECTION, {"hub": "a/faq"})})
    guess = estimate(store)
    check = work(CELLS, [*TODO, unknown], store, guess)
    assert check.mark == WARN and " h " not in check.text
    assert check.text.endswith("the time of bm25 is unknown; bm25: counts of a/faq; --calibrate measures")
    lines = hours(CELLS, [*TODO, unknown], guess)
    assert lines[3].split()[:3] == ["bm25", "1", "?"] and lines[3].endswith("not known: counts of a/faq")
    assert lines[4].split() == ["total", "4", "?"]


def test_hours_once_and_cell_by_cell(store):
    """The shared artifact is made once, but cell by cell twice: 60 s are 0.02 h."""
    lines = [line.split() for line in hours(CELLS, TODO, estimate(store), apart=True)]
    assert lines[0] == ["stage", "missing", "hours", "cell", "by", "cell", "by", "work"]
    assert lines[1][:4] == ["shared", "1", "0.01", "0.02"] and lines[1][4:6] == ["first", "guess"]
    assert lines[2][:4] == ["own", "2", "4.00", "4.00"]
    assert lines[3] == ["total", "3", "4.01", "4.02"] and len(lines) == 4
    assert hours(CELLS, TODO, estimate(store))[3].split() == ["total", "3", "4.01"]
