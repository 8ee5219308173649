"""Where the seconds of an estimate come from: measured, calibrated, a first guess for small work, or nowhere."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest

from harness.catalog.catalog import Catalog
from harness.collections.stage import COLLECTION
from harness.estimate.costs import Rates, Work
from harness.estimate.estimate import CALIBRATED, GUESSED, MEASURED, TYPICAL, UNKNOWN, Estimate
from harness.estimate.history import UNKNOWN_SIZE, WORK, history
from harness.estimate.sizes import Sizes
from harness.evaluation.stage import EVALUATION
from harness.plan.load_preset import load_preset
from harness.plan.plan import plan
from harness.pocket.texts import POCKET_TEXT
from harness.references.bm25 import BM25
from harness.store.artifact import Artifact, Hub, Local, Member
from harness.store.store import Store
from tests.helpers.paths import PRESETS
from tests.helpers.searches_made import bm25, publish

RATES = Rates("CPU", 1, {"float32": 1e6}, 0.5, 0.25, 1e3, 1e4, 100.0, "float32")


KNOWN = bm25(1000, 10)  # 10,000 pairs
LARGE = bm25(1_000_000, 10_000)  # 1e10 pairs
UNSIZED = Artifact(BM25, {}, {"collection": Artifact(COLLECTION, {"hub": "a/faq"})})
POCKET = Artifact(BM25, {}, {"collection": Member(Artifact(POCKET_TEXT, {}), "ko")})


@pytest.fixture
def store(tmp_path) -> Store:
    return Store(tmp_path)  # it accepts only an empty folder


@pytest.fixture
def estimate(store):
    """Return a function that makes a fresh estimate from what the store holds when it is called."""
    return lambda: Estimate(store, Sizes(Catalog()), Rates.load(store.root))


def test_first_guesses_serve_small_work_alone(estimate):
    fresh = estimate()
    assert fresh.seconds(KNOWN) == pytest.approx(BM25.seconds + 10_000 / 4e7) and fresh.source(KNOWN) == GUESSED
    assert (fresh.seconds(POCKET), fresh.source(POCKET)) == (BM25.seconds, GUESSED)
    assert fresh.source(LARGE) == UNKNOWN and not fresh.known(LARGE)  # 250 s, far above 2 s
    assert fresh.unknown == {}


def test_the_limit_is_ten_times_the_guess(estimate):
    fresh, most = estimate(), int((10 * BM25.seconds - BM25.seconds) * TYPICAL.pairs)
    assert fresh.source(bm25(most - 1, 1)) == GUESSED and fresh.source(bm25(most + 1_000_000, 1)) == UNKNOWN


def test_what_has_no_size_has_no_time(estimate):
    fresh = estimate()
    assert fresh.source(UNSIZED) == UNKNOWN and fresh.unknown == {"bm25": "counts of a/faq"}


def test_rates_replace_guesses_where_all_sizes_are_known(estimate, tmp_path):
    RATES.save(tmp_path)
    fresh = estimate()
    assert (fresh.seconds(KNOWN), fresh.source(KNOWN)) == (BM25.seconds + 1, CALIBRATED)  # 10,000 pairs by 1e4 a second
    assert (fresh.seconds(LARGE), fresh.source(LARGE)) == (BM25.seconds + 1e6, CALIBRATED)
    assert fresh.source(UNSIZED) == UNKNOWN and fresh.source(POCKET) == GUESSED
    assert fresh.unknown == {"bm25": "counts of a/faq"}


def test_measured_pieces_say_how_long_others_take_by_their_work(estimate, store):
    """With 1e4 pairs a second, pieces of 1, 2 and 3 s of work and the stage's 2 s took 3, 40 and 10 times that."""
    RATES.save(store.root)
    for documents, factor in ((1000, 3), (2000, 40), (3000, 10)):
        publish(store, bm25(documents, 10), factor * (2 + documents / 1000))
    fresh = estimate()
    assert (fresh.seconds(bm25(4000, 10)), fresh.source(bm25(4000, 10))) == (pytest.approx(60), MEASURED)
    assert fresh.source(bm25(60_000, 10)) == CALIBRATED, "62 s are more than ten times the largest that was measured"
    assert (fresh.seconds(POCKET), fresh.source(POCKET)) == (2, GUESSED), "they say nothing about the pocket's"


def test_what_the_pocket_took_says_nothing_about_large_work(estimate, store):
    for seconds, parameters in ((90, {"k": 1}), (10, {"k": 2}), (20, {"k": 3})):
        publish(store, Artifact(BM25, parameters, POCKET.inputs), seconds)
    fresh = estimate()
    assert (fresh.seconds(POCKET), fresh.source(POCKET)) == (20, MEASURED)  # the median
    assert fresh.source(LARGE) == UNKNOWN and fresh.source(UNSIZED) == UNKNOWN


def test_pieces_without_a_size_are_measured_by_others_without_one(estimate, store):
    publish(store, Artifact(BM25, {"k": 1}, UNSIZED.inputs), 7)
    fresh = estimate()
    assert (fresh.seconds(UNSIZED), fresh.source(UNSIZED)) == (7, MEASURED) and fresh.unknown == {}


@pytest.mark.parametrize("copied", [False, True])
def test_what_was_measured_on_a_users_folders_counts_wherever_store_and_folders_are(own_data, store, tmp_path, copied):
    """A manifest names a collection by its content, and rows by their place in the store."""
    choices = {"languages": ["ru"], "initializers": ["mean", "bm25", "sembridge"]}
    preset = load_preset("own-data", PRESETS, [f"data={own_data}"], choices)
    store.create()
    for cell in plan(preset):
        publish(store, cell.artifact, 6)
    if copied:
        store = Store(shutil.copytree(tmp_path, tmp_path / "copy"))
        data = shutil.copytree(own_data, tmp_path / "data")
        preset = load_preset("own-data", PRESETS, [f"data={data}"], choices)
    cells = plan(preset)
    fresh = Estimate.of(preset, store, cells)
    stages = {part.stage.name: fresh.source(part) for cell in cells for part in cell.artifact.walk()}
    assert len(stages) == 5 and set(stages.values()) == {MEASURED}
    sized = {past.sized for past in history(store, EVALUATION, fresh.sizes, RATES, fresh.folders)}
    assert sized == {WORK}, "by its work, and not by its stage alone"
    elsewhere = {past.sized for past in history(store, EVALUATION, fresh.sizes, RATES)}
    assert elsewhere == {UNKNOWN_SIZE}, "folders of another grid"


def test_a_manifest_of_an_earlier_version_names_places_of_the_machine(estimate, store, tmp_path):
    publish(store, KNOWN, 5)
    (manifest,) = (tmp_path / BM25.name).rglob("MANIFEST.json")
    content = json.loads(manifest.read_text())
    inputs = content["inputs"]["collection"]
    for place, source in ((tmp_path / inputs["name"], MEASURED), (Path("/elsewhere") / inputs["name"], GUESSED)):
        manifest.write_text(json.dumps(content | {"inputs": {"collection": inputs | {"name": str(place)}}}))
        assert estimate().source(KNOWN) == source


def test_a_rate_that_was_not_calibrated_is_named(estimate, tmp_path):
    RATES.save(tmp_path)
    (tmp_path / "model").mkdir()
    config = {"num_hidden_layers": 1, "hidden_size": 2, "vocab_size": 3}
    (tmp_path / "model" / "config.json").write_text(json.dumps(config))
    parameters = {"k": 100, "max_length": 512, "precision": "float16"}
    artifact = Artifact(EVALUATION, parameters, {"encoder": Local(tmp_path / "model"), **KNOWN.inputs})
    fresh = estimate()
    assert fresh.source(artifact) == UNKNOWN
    assert list(fresh.unknown) == [EVALUATION.name] and "float16: add --calibrate" in fresh.unknown[EVALUATION.name]


def test_work_is_none_without_a_size_or_a_formula(estimate):
    fresh = estimate()
    assert fresh.work(KNOWN) == Work(pairs=10_000)
    assert fresh.work(Artifact(POCKET_TEXT, {})) is None and fresh.work(POCKET) is None and fresh.unknown == {}
    model = Hub("me/other", "c0ffee")
    read = {"k": 100, "max_length": 512, "precision": "float32"}
    assert fresh.work(Artifact(EVALUATION, read, {"encoder": model, **KNOWN.inputs})) is None
    assert fresh.work(UNSIZED) is None
    assert fresh.unknown == {EVALUATION.name: "size of me/other", BM25.name: "counts of a/faq"}


def test_rates_of_another_form_are_not_read(estimate, tmp_path: Path):
    RATES.save(tmp_path)
    assert Rates.load(tmp_path) == RATES
    (tmp_path / "calibration.json").write_text('{"device": "an older form"}')
    assert Rates.load(tmp_path) is None and estimate().source(KNOWN) == GUESSED
