"""Where the seconds of an estimate come from: measured, calibrated, or a first guess."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from harness.catalog.catalog import Catalog
from harness.collections.stage import COLLECTION
from harness.estimate.costs import Rates, Work
from harness.estimate.estimate import CALIBRATED, GUESSED, MEASURED, Estimate
from harness.estimate.sizes import Sizes
from harness.evaluation.stage import EVALUATION
from harness.pocket.texts import POCKET_TEXT
from harness.references.bm25 import BM25
from harness.store.artifact import Artifact, Hub, Local, Member
from harness.store.store import Store

FAQ = Artifact(COLLECTION, {"hub": "a/faq", "expected": {"documents": 1000, "queries": 10}})
KNOWN = Artifact(BM25, {}, {"collection": FAQ})  # 10,000 pairs
UNKNOWN = Artifact(BM25, {}, {"collection": Artifact(COLLECTION, {"hub": "a/faq"})})
RATES = Rates("CPU", 1, {"float32": 1e6}, 0.5, 0.25, 1e3, 1e4, 100.0, "float32")


def measured(store: Path, key: str, seconds: float) -> None:
    """Leave the manifest of an artifact of BM25 in a store."""
    (store / BM25.name / key).mkdir(parents=True)
    (store / BM25.name / key / "MANIFEST.json").write_text(json.dumps({"seconds": seconds}))


@pytest.fixture
def estimate(tmp_path):
    """Return a function that makes a fresh estimate from what the store holds when it is called."""
    store = Store(tmp_path)  # it accepts only an empty folder
    return lambda: Estimate(store, Sizes(Catalog()), Rates.load(tmp_path))


def test_without_rates_and_measurements_seconds_are_guessed(estimate):
    fresh = estimate()
    assert (fresh.seconds(KNOWN), fresh.source(KNOWN)) == (BM25.seconds, GUESSED)
    assert (fresh.seconds(UNKNOWN), fresh.source(UNKNOWN)) == (BM25.seconds, GUESSED)
    assert fresh.unknown == {}  # sizes do not matter yet


def test_rates_replace_guesses_where_all_sizes_are_known(estimate, tmp_path):
    RATES.save(tmp_path)
    fresh = estimate()
    assert (fresh.seconds(KNOWN), fresh.source(KNOWN)) == (BM25.seconds + 1, CALIBRATED)  # 10,000 pairs by 1e4 a second
    assert (fresh.seconds(UNKNOWN), fresh.source(UNKNOWN)) == (BM25.seconds, GUESSED)
    assert fresh.unknown == {"bm25": "counts of a/faq"}


def test_measurements_replace_both_with_their_median(estimate, tmp_path):
    RATES.save(tmp_path)
    for key, seconds in (("a", 90), ("b", 10), ("c", 20)):
        measured(tmp_path, key, seconds)
    fresh = estimate()
    for artifact in (KNOWN, UNKNOWN):
        assert (fresh.seconds(artifact), fresh.source(artifact)) == (20, MEASURED)
    assert fresh.unknown == {}


def test_a_rate_that_was_not_calibrated_is_named(estimate, tmp_path):
    RATES.save(tmp_path)
    (tmp_path / "model").mkdir()
    config = {"num_hidden_layers": 1, "hidden_size": 2, "vocab_size": 3}
    (tmp_path / "model" / "config.json").write_text(json.dumps(config))
    parameters = {"k": 100, "max_length": 512, "precision": "float16"}
    artifact = Artifact(EVALUATION, parameters, {"encoder": Local(tmp_path / "model"), "collection": FAQ})
    fresh = estimate()
    assert (fresh.seconds(artifact), fresh.source(artifact)) == (EVALUATION.seconds, GUESSED)
    assert list(fresh.unknown) == [EVALUATION.name] and "float16: add --calibrate" in fresh.unknown[EVALUATION.name]


def test_work_is_none_without_a_size_or_a_formula(estimate):
    fresh = estimate()
    assert fresh.work(KNOWN) == Work(pairs=10_000)
    pocket = Artifact(BM25, {}, {"collection": Member(Artifact(POCKET_TEXT, {}), "ko")})
    assert fresh.work(Artifact(POCKET_TEXT, {})) is None and fresh.work(pocket) is None and fresh.unknown == {}
    model = Hub("me/other", "c0ffee")
    read = {"k": 100, "max_length": 512, "precision": "float32"}
    assert fresh.work(Artifact(EVALUATION, read, {"encoder": model, "collection": FAQ})) is None
    assert fresh.work(UNKNOWN) is None
    assert fresh.unknown == {EVALUATION.name: "size of me/other", BM25.name: "counts of a/faq"}


def test_rates_of_another_form_are_not_read(estimate, tmp_path):
    RATES.save(tmp_path)
    assert Rates.load(tmp_path) == RATES
    (tmp_path / "calibration.json").write_text('{"device": "an older form"}')
    assert Rates.load(tmp_path) is None and estimate().source(KNOWN) == GUESSED
