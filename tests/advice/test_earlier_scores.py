"""Scores learned from earlier cells: planted relations are found, and too few cells give no number."""

from __future__ import annotations

import math
from dataclasses import replace

import numpy as np
import pytest
from scipy.stats import spearmanr

from harness.advice.earlier_scores import Candidate, interval, left_out, observations, predictions, spearman
from harness.results.scored_cells import ScoredCell

METHODS = {"sembridge": 0.5, "mean": 0.1, "univariate": 0.3}
LANGUAGES = ("ko", "ru", "ar", "hi")


def cell(language="ko", method="sembridge", bridge="", score=0.5, documents=100.0, queries=20.0, seed=1, **changes):
    values = {
        "language": language, "architecture": "bert", "collection": "faq", "initializer": method, "bridge": bridge,
        "alpha": None, "regime": "zero-shot", "seed": seed, "label": method, "key": "", "status": "ok",
        "scores": {"ndcg@10": score}, "documents": 1, "queries": 1, "train_pairs": None, "doc_active": documents,
        "query_active": queries, "unknown_documents": 0.0,
    }  # fmt: skip
    return ScoredCell(**{**values, **changes})


def planted():
    """Scores are a number per method, and .04 for each doubling of active dimensions; a language's level is its own."""
    return [
        cell(
            language, method, bridge, level + 0.04 * step + 0.01 * place,
            documents=50.0 * 2**step, queries=5.0 * 2**step, alpha=float(2 + step),
        )
        for place, language in enumerate(LANGUAGES)
        for method, level in METHODS.items()
        for bridge, step in (("x", 0), ("x", 1), ("y", 2), ("y", 3))
    ]  # fmt: skip


def test_a_planted_relation_is_found():
    (prediction,), reasons = predictions(planted(), Candidate("sembridge", 200.0, 20.0, 0.0))
    assert reasons == []
    assert prediction.score == pytest.approx(0.5 + 0.04 * 2 + 0.015, abs=0.03)
    assert prediction.low < 0.5 + 0.04 * 2 + 0.015 < prediction.high
    assert prediction.reach["language"] > 0.95 and prediction.reach["bridge"] > 0.9 and prediction.is_reliable
    assert (prediction.cells, prediction.languages, prediction.untested) == (48, 4, ["source"])
    assert prediction.best[0] == "sembridge"
    other = predictions(planted(), Candidate("mean", 200.0, 20.0, 0.0))[0][0]
    assert prediction.score - other.score == pytest.approx(0.4, abs=0.05)


def test_noise_is_no_prediction():
    rng = np.random.default_rng(1)
    cells = [
        cell(language, f"method {i}", score=rng.random(), documents=rng.uniform(10, 1000), queries=rng.uniform(5, 50))
        for language in LANGUAGES
        for i in range(8)
    ]
    (prediction,), _ = predictions(cells, Candidate("method 0", 100.0, 20.0, 0.0))
    assert not prediction.is_reliable
    assert prediction.high - prediction.low > 0.3


def test_a_language_left_out_is_predicted_by_the_others_alone():
    """Spoiling one language's scores changes the predictions of the others, and none of its own."""
    observed = observations(planted())["faq"]
    before, correlation = left_out(observed, "language")
    spoiled = [replace(each, score=0.0) if each.language == "ko" else each for each in observed]
    after, _ = left_out(spoiled, "language")
    own = np.array([each.language == "ko" for each in observed])
    assert np.allclose(before[own], after[own]) and not np.allclose(before[~own], after[~own])
    by_hand = [
        spearmanr(before[rows], [each.score for each in observed if each.language == language]).statistic
        for language in LANGUAGES
        for rows in [np.array([each.language == language for each in observed])]
    ]
    assert correlation == pytest.approx(np.mean(by_hand))


def test_cells_without_a_bridge_are_in_no_part():
    observed = observations([*planted(), cell(method="mean", seed=2)])["faq"]
    guesses, _ = left_out(observed, "bridge")
    assert [math.isnan(guess) for guess in guesses] == [each.bridge == "" for each in observed]


def test_too_few_cells_give_a_reason_and_no_number():
    few = [cell(language, method) for language in ("ko", "ru") for method in METHODS]
    assert predictions(few, Candidate("mean", 1, 1, 0)) == (
        [],
        ["faq: 6 cells in 2 languages are too few to learn from (at least 15 in 3)"],
    )
    _, (reason,) = predictions([], Candidate("mean", 1, 1, 0))
    assert reason == "no zero-shot cell has a score and its active dimensions"
    _, (reason,) = predictions(planted(), Candidate("signet", 1, 1, 0))
    assert reason == "faq: no cell of signet among mean, sembridge, univariate"


def test_what_counts_as_an_observation():
    cells = [
        cell(score=0.2, documents=10.0), cell(score=0.4, documents=30.0, seed=2),
        cell(method="bm25"), cell(regime="fine-tuned"), cell(status="failed", scores={}), cell("ru", documents=None),
    ]  # fmt: skip
    (observation,) = observations(cells)["faq"]
    assert observation.score == pytest.approx(0.3) and observation.candidate.documents_active == 20.0


def test_ranks():
    """By hand: ranks 1 2 3 4 5 against 2 1 3 5 4: 1 - 6 * 4 / (5 * 24) = .8."""
    rising = np.arange(5.0)
    assert spearman(rising, np.array([5.0, 4.0, 6.0, 9.0, 8.0])) == pytest.approx(0.8)
    assert spearman(np.ones(5), rising) is None
    assert spearman(rising[:4], rising[:4]) is None


def test_scores_of_pruned_or_weighed_vectors_are_not_learned_from():
    plain, weighed = cell(score=0.5), cell(score=0.9, vectors="idf")
    assert observations([plain, weighed]) == observations([plain])


def test_a_method_that_no_other_part_has_is_not_predicted():
    """With one bridge, leaving it out leaves no cell of SemBridge: nothing is known of another bridge."""
    one = [cell for cell in planted() if cell.bridge == "x" or cell.initializer != "sembridge"]
    observed = observations(one)["faq"]
    guesses, _ = left_out(observed, "bridge")
    assert [math.isnan(guess) for guess in guesses] == [each.candidate.method == "sembridge" for each in observed]
    alone = observations([replace(cell, bridge="x") for cell in planted()])["faq"]
    assert set(interval(alone)[1]) == {"language"}


def test_the_interval_is_the_widest_of_what_can_be_left_out():
    """A second source whose scores are .3 higher: misses with a source left out are about .3, with a language none."""
    cells = planted()
    narrow, reach = interval(observations(cells)["faq"])
    assert set(reach) == {"language", "bridge"} and narrow < 0.1
    moved = [replace(cell, architecture="other", scores={"ndcg@10": cell.scores["ndcg@10"] + 0.3}) for cell in cells]
    wide, reach = interval(observations([*cells, *moved])["faq"])
    assert set(reach) == {"language", "bridge", "source"}
    assert wide == pytest.approx(0.3, abs=0.05)


def test_a_candidate_unlike_all_cells_is_not_predicted():
    made, reasons = predictions(planted(), Candidate("sembridge", 4000.0, 20.0, 0.0))
    assert (made, reasons) == (
        [], ["faq: 4,000 active dimensions of documents are unlike its cells, which have 50 to 400"],
    )  # fmt: skip
    _, (reason,) = predictions(planted(), Candidate("sembridge", 100.0, 1.0, 0.0))
    assert reason == "faq: 1 active dimensions of queries are unlike its cells, which have 5 to 40"
