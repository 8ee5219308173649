"""The measures against trec_eval and MS MARCO's script, both through ir_measures, and by hand."""

import math

import ir_measures
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from ir_measures import RR, R, nDCG

from harness.evaluation import measures
from harness.results import record

ORACLES = {"ndcg@10": nDCG @ 10, "recall@100": R @ 100, "mrr@10": RR @ 10}


def random_case(seed, queries=12, documents=150):
    """Graded and zero judgements, ties, unjudged documents, queries without results, judgements, relevant documents."""
    rng = np.random.default_rng(seed)
    qrels, run = {}, {}
    for q in range(queries):
        judged = rng.choice(documents, rng.integers(1, 40), replace=False)
        qrels[f"q{q}"] = {f"d{d}": int(rng.choice([0, 0, 1, 1, 2, 3])) for d in judged}
        retrieved = rng.choice(documents, rng.integers(0, documents), replace=False)
        scored = [(f"d{d}", float(rng.integers(1, 5))) for d in retrieved]
        run[f"q{q}"] = sorted(scored, key=lambda item: (-item[1], item[0]))
    qrels["not-relevant"] = {"d1": 0}
    qrels["no-results"] = {"d1": 1, "d2": 2}
    run["not-relevant"], run["not-judged"] = [("d1", 1.0)], [("d1", 1.0)]
    return run, qrels


@settings(max_examples=25, deadline=None)
@given(seed=st.integers(0, 2**32 - 1))
def test_equals_trec_eval(seed):
    run, qrels = random_case(seed)
    # The oracles break ties by rules of their own, and not the same ones: they get the rank instead of the score.
    by_rank = {
        query: {document: float(-rank) for rank, (document, _) in enumerate(ranking)} for query, ranking in run.items()
    }
    expected = {name: {} for name in ORACLES}
    names = {oracle: name for name, oracle in ORACLES.items()}
    for metric in ir_measures.iter_calc(ORACLES.values(), qrels, by_rank):
        expected[names[metric.measure]][metric.query_id] = metric.value
    ours = measures.evaluate(run, qrels)
    relevant = [query for query in qrels if any(gain > 0 for gain in qrels[query].values())]
    assert "not-relevant" not in relevant and "no-results" in relevant
    for name, values in ours.items():
        assert list(values) == relevant
        # ir_measures leaves out, or gives 0 to, a query without results
        assert values == pytest.approx({query: expected[name].get(query, 0.0) for query in relevant}, abs=1e-12)


def test_by_hand():
    qrels = {"q": {"a": 2, "b": 0, "c": 1, "d": -1}, "lost": {"x": 1}}
    run = {"q": [("b", 9.0), ("c", 9.0), ("d", 8.0), ("a", 1.0)], "lost": []}
    values = measures.evaluate(run, qrels)
    dcg, ideal = 1 / math.log2(3) + 2 / math.log2(5), 2 + 1 / math.log2(3)
    assert values["ndcg@10"] == {"q": pytest.approx(dcg / ideal, abs=1e-15), "lost": 0.0}
    assert values["recall@100"] == {"q": 1.0, "lost": 0.0}
    assert values["mrr@10"] == {"q": 0.5, "lost": 0.0}
    assert measures.means(values)["mrr@10"] == 0.25


def test_the_cutoffs():
    run = {"q": [(f"d{i:03}", 1.0) for i in range(120)]}
    for position, expected in {
        9: (1 / math.log2(11), 1.0, 0.1),
        10: (0, 1.0, 0),
        99: (0, 1.0, 0),
        100: (0, 0, 0),
    }.items():
        values = measures.evaluate(run, {"q": {f"d{position:03}": 1}})
        assert [values[name]["q"] for name in ("ndcg@10", "recall@100", "mrr@10")] == pytest.approx(expected)


def test_the_order_of_the_run_is_taken_as_it_is():
    assert measures.evaluate({"q": [("z", 1.0), ("a", 1.0)]}, {"q": {"z": 1}})["mrr@10"] == {"q": 1.0}


def test_recall_divides_by_all_relevant_documents():
    qrels = {"q": {f"d{i}": 1 for i in range(150)}}
    assert measures.evaluate({"q": [(f"d{i}", 1.0) for i in range(150)]}, qrels)["recall@100"] == {"q": 100 / 150}


def test_the_mean_is_summed_exactly():
    values = {"ndcg@10": {str(i): 0.1 for i in range(10)}}
    assert measures.means(values) == {"ndcg@10": 0.1}
    assert sum([0.1] * 10) / 10 != 0.1


def test_the_registry_is_what_records_hold():
    assert tuple(measures.MEASURES) == record.MEASURES


def test_errors():
    with pytest.raises(ValueError, match="query 'q': the run lists a document twice"):
        measures.evaluate({"q": [("a", 2.0), ("a", 1.0)]}, {"q": {"a": 1}})
    with pytest.raises(ValueError, match="ndcg@10: no query has a relevant document"):
        measures.means(measures.evaluate({}, {"q": {"a": 0}}))
