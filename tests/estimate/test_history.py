"""What a store's manifests say of a stage: how each artifact was sized, what was expected of it, what it took."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from harness.catalog.catalog import Catalog
from harness.collections.stage import COLLECTION
from harness.estimate.costs import Rates, Work
from harness.estimate.history import PLAIN, UNKNOWN_SIZE, WORK, Measured, expected, history, size
from harness.estimate.sizes import Sizes
from harness.pocket.texts import POCKET_TEXT
from harness.references.bm25 import BM25
from harness.store.artifact import Artifact, Hub, Local, Member
from harness.store.store import Store
from tests.helpers.searches_made import bm25, publish

RATES = Rates("CPU", 1, {"float32": 1e6}, 0.5, 0.25, 1e3, 1e4, 100.0, "float32")  # 1e4 pairs a second
POCKET = Artifact(BM25, {}, {"collection": Member(Artifact(POCKET_TEXT, {}), "ko")})
UNSIZED = Artifact(BM25, {}, {"collection": Hub("a/faq", "c0ffee")})


@pytest.fixture
def store(tmp_path) -> Store:
    return Store(tmp_path / "store")


@pytest.fixture
def measured(store):
    return lambda stage: sorted(history(store, stage, Sizes(Catalog()), RATES), key=lambda past: past.seconds)


def test_work_is_counted_where_there_is_a_formula_and_a_size():
    sizes = Sizes(Catalog())
    assert size(bm25(1000, 10), sizes) == (WORK, Work(pairs=10_000))
    assert size(UNSIZED, sizes) == (UNKNOWN_SIZE, None)
    assert size(POCKET, sizes) == (PLAIN, None) == size(Artifact(POCKET_TEXT, {}), sizes)


def test_work_adds_to_the_first_guess():
    assert (expected(BM25, None, RATES), expected(BM25, Work(pairs=30_000), RATES)) == (2.0, 5.0)


def test_artifacts_are_sized_from_their_manifests_alone(measured, store, tmp_path):
    """An artifact of the store, a folder inside one, a hub, and a folder of the user, which is not there any more."""
    folder = Artifact(BM25, {}, {"collection": Local(tmp_path / "own")})
    (tmp_path / "own").mkdir()
    for seconds, artifact in enumerate((bm25(1000, 10), POCKET, UNSIZED, folder), 5):
        publish(store, artifact, seconds)
    (tmp_path / "own").rmdir()
    assert measured(BM25) == [
        Measured(WORK, 3.0, 5.0), Measured(PLAIN, 2.0, 6.0), Measured(UNKNOWN_SIZE, 2.0, 7.0),
        Measured(UNKNOWN_SIZE, 2.0, 8.0),
    ]  # fmt: skip
    assert measured(POCKET_TEXT) == [Measured(PLAIN, POCKET_TEXT.seconds, 1.0)]


def test_of_what_is_gone_only_the_seconds_count(measured, store):
    publish(store, bm25(1000, 10), 5)
    for manifest in Path(store.root / COLLECTION.name).rglob("MANIFEST.json"):
        manifest.unlink()
    assert measured(BM25) == [Measured(UNKNOWN_SIZE, 2.0, 5.0)]


@pytest.mark.parametrize("damage", [{"inputs": None}, {"inputs": [7]}, {"inputs": {"collection": {"name": "x"}}}])
def test_a_manifest_of_another_form_does_no_harm(measured, store, damage):
    publish(store, bm25(1000, 10), 5)
    path = store.path(bm25(1000, 10)) / "MANIFEST.json"
    path.write_text(json.dumps(json.loads(path.read_text()) | damage))
    assert measured(BM25) == [Measured(UNKNOWN_SIZE, 2.0, 5.0)]
