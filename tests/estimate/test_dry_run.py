"""The dry run's page, line by line, with times worked out by hand."""

from __future__ import annotations

from types import SimpleNamespace

import pytest

from harness.collections.stage import COLLECTION
from harness.estimate.costs import Rates
from harness.estimate.dry_run import describe, why_unknown
from harness.estimate.estimate import Estimate
from harness.plan.plan import Cell
from harness.references.bm25 import BM25
from harness.results.record import Identity
from harness.store.artifact import Artifact
from harness.store.stage import Stage
from harness.store.store import Store
from sembridge.options import AUTOMATIC
from tests.helpers.searches_made import bm25, publish

RATES = Rates("CPU", 1, {"float32": 1e6}, 0.5, 0.25, 1e3, 1e4, 100.0, "float32")  # 1e4 pairs a second
PRESET = SimpleNamespace(title="by hand", catalog=None)
BASE, OWN = (Stage(name, 1, seconds, lambda *_: None) for name, seconds in (("base", 30), ("own", 90)))


@pytest.fixture
def store(tmp_path) -> Store:
    return Store(tmp_path)


def cell(artifact: Artifact, initializer: str = "mean", seed: int = 42, alpha: float | None = None) -> Cell:
    identity = Identity("ko", "bert", "faq", initializer, "", alpha, "zero-shot", seed)
    return Cell(identity, initializer, False, artifact)


def two_on_one_base() -> list[Cell]:
    base = Artifact(BASE, {})
    return [cell(Artifact(OWN, {"seed": seed}, {"base": base}), seed=seed) for seed in (1, 2)]


@pytest.fixture
def page(store, capsys):
    def page(cells: list[Cell], slots: int = 1, **options) -> list[str]:
        describe(PRESET, cells, store, slots, calibrate="doctor --calibrate", **options)
        return capsys.readouterr().out.splitlines()

    return page


def test_the_whole_page(page, store):
    assert page(two_on_one_base(), slots=2, verbose=True) == [
        "by hand: 2 cells",
        "  languages      ko",
        "  architectures  bert",
        "  collections    faq",
        "  initializers   mean",
        "  regimes        zero-shot",
        "  seeds          1 2",
        f"  0 cells are in the store {store.root}, 2 are to be computed",
        "missing artifacts:",
        "      1 base               about 30 s each, a guess for small ones",
        "      2 own                about 1 min 30 s each, a guess for small ones",
        "sharing: 3 artifacts, cell by cell 4 (1.3 times as many)",
        "         3 min 30 s of work, cell by cell 4 min 00 s (1.1 times as much)",
        "estimate: 2 min 00 s with 2 at a time (3 min 30 s of work)",
    ]


def test_alphas_are_shown_as_they_are_typed(page):
    artifacts = [Artifact(OWN, {"alpha": alpha}) for alpha in (4.0, AUTOMATIC)]
    cells = [cell(artifact, "sembridge", alpha=artifact.parameters["alpha"]) for artifact in artifacts]
    assert "  alphas         4 auto" in page(cells)


def test_what_is_stored_is_not_counted_and_tells_the_time_of_others(page, store):
    first, second = two_on_one_base()
    publish(store, first.artifact, 45)
    lines = page([first, second])
    assert f"  1 cells are in the store {store.root}, 1 are to be computed" in lines
    assert lines[-3:] == [
        "missing artifacts:",
        "      1 own                about 45 s each, as measured in this store",
        "estimate: 45 s with 1 at a time (45 s of work)",
    ]
    publish(store, second.artifact, 45)
    assert page([first, second])[-2:] == ["missing artifacts: none", "estimate: 0 s with 1 at a time (0 s of work)"]


def test_the_mean_of_a_stage_by_calibrated_rates(page, store):
    """1 and 3 s of pairs beside the stage's 2 s: 4 s each; collections are a guess of another kind."""
    RATES.save(store.root)
    lines = page([cell(bm25(1000, 10)), cell(bm25(3000, 10), "ofa")])
    each = f"{COLLECTION.seconds // 60} min {COLLECTION.seconds % 60:02d} s"
    assert f"      2 collection         about {each} each, a guess, without the network's speed" in lines
    assert "      2 bm25               about 4 s each, as calibrated" in lines


def test_without_a_rate_or_a_size_there_is_no_time(page, store):
    """1e10 pairs are far more than the stage's first guess is for; the third collection has no size."""
    unsized = Artifact(BM25, {}, {"collection": Artifact(COLLECTION, {"hub": "a/faq"})})
    cells = [cell(bm25(1_000_000, 10_000)), cell(unsized, "ofa")]
    lines = page(cells)
    assert "      2 bm25               time unknown, 1.0e+10 scores" in lines
    reasons = "no rate was measured for 1.0e+10 scores; not known: counts of a/faq"
    assert lines[-1] == f"estimate: unknown (2 of 4 artifacts: {reasons}); run `doctor --calibrate`"
    assert "      1 bm25               time unknown, size unknown" in page(cells[1:])
    RATES.save(store.root)
    lines = page(cells)
    assert lines[-1] == "estimate: unknown (1 of 4 artifacts: not known: counts of a/faq)", "calibrating does not help"
    estimate = Estimate.of(PRESET, store)
    assert why_unknown([unsized], estimate, "x") == "unknown (1 of 1 artifacts: not known: counts of a/faq)"
