"""TREC run files: what is read back, by us and by others, is the order that was measured."""

import gzip
import math

import ir_measures
import numpy as np
import pytest
from ir_measures import RR, nDCG

from harness.evaluation import measures, trec


@pytest.fixture
def run():
    """Ties in float64, only in float32, and with nudged values; tiny and huge scores; a query without results."""
    near = 1.0 + 1e-12
    return {
        "q2": [
            ("b", near),
            ("a", 1.0),
            ("c", 1.0),
            ("d", float(np.nextafter(np.float32(1), np.float32(0)))),
            ("e", 0.5),
        ],
        "q10": [("z", 3e38), ("y", 3e38), ("x", 1e-45), ("w", 1e-45), ("v", 1e-300)],
        "lost": [],
        "q1": [(f"d{i:03}", 7.25) for i in range(200)],
    }


def order(rankings):
    return {query: [document for document, _ in ranking] for query, ranking in rankings.items()}


@pytest.mark.parametrize("name", ["run.trec", "run.trec.gz"])
def test_round_trip(run, tmp_path, name):
    trec.write(run, tmp_path / name, "sembridge")
    back = trec.read(tmp_path / name)
    del run["lost"]  # nothing to write
    assert list(back) == list(run)
    assert order(back) == order(run)
    for query, ranking in run.items():
        for (_, written), (_, score) in zip(back[query], ranking, strict=True):
            assert written == pytest.approx(score, rel=3e-5, abs=1e-44)


def test_every_tool_recovers_the_order(run, tmp_path):
    trec.write(run, tmp_path / "run.trec", "sembridge")
    read = {}
    for scored in ir_measures.read_trec_run(str(tmp_path / "run.trec")):
        read.setdefault(scored.query_id, {})[scored.doc_id] = scored.score
    del run["lost"]
    for dtype in (np.float32, np.float64):
        for sign in (1, -1):  # among equals the smaller id first, or the larger
            recovered = {
                query: sorted(
                    sorted(scores, reverse=sign < 0), key=lambda document, scores=scores: -dtype(scores[document])
                )
                for query, scores in read.items()
            }
            assert recovered == order(run)


def test_trec_eval_on_the_file_measures_what_we_measured(run, tmp_path):
    del run["lost"]
    qrels = {"q2": {"c": 1, "d": 2}, "q10": {"v": 1, "y": 3}, "q1": {"d005": 1, "d150": 1}}
    trec.write(run, tmp_path / "run.trec", "sembridge")
    theirs = ir_measures.calc_aggregate(
        [nDCG @ 10, RR @ 10], qrels, ir_measures.read_trec_run(str(tmp_path / "run.trec"))
    )
    ours = measures.means(measures.evaluate(run, qrels))
    assert (ours["ndcg@10"], ours["mrr@10"]) == pytest.approx((theirs[nDCG @ 10], theirs[RR @ 10]), abs=1e-12)


def test_the_lines(tmp_path):
    trec.write({"q": [("ü#1", 2.5), ("b", 0.1)]}, tmp_path / "run.trec", "tag")
    assert (tmp_path / "run.trec").read_bytes() == "q Q0 ü#1 1 2.5 tag\nq Q0 b 2 0.1 tag\n".encode()


def test_distinct_float32_scores_are_not_moved():
    scores = np.sort(np.random.default_rng(0).random(1000, dtype=np.float32))[::-1]
    scores = np.unique(scores)[::-1].astype(float).tolist()
    assert [float(score) for score in trec.decreasing("q", scores)] == scores


def test_compressed_bytes_depend_on_the_run_alone(run, tmp_path, monkeypatch):
    trec.write(run, tmp_path / "a.gz", "tag")
    monkeypatch.setattr("time.time", lambda: 2_000_000_000.0)
    trec.write(run, tmp_path / "other-name.gz", "tag")
    assert (tmp_path / "a.gz").read_bytes() == (tmp_path / "other-name.gz").read_bytes()
    trec.write(run, tmp_path / "plain", "tag")
    assert gzip.decompress((tmp_path / "a.gz").read_bytes()) == (tmp_path / "plain").read_bytes()


def test_another_tools_file_is_sorted_by_our_rule(tmp_path):
    (tmp_path / "run").write_text("q\tQ0\tb\t1\t1.0\tt\nq Q0 a 2 1.0 t\n\nq Q0 c 3 2e0 t\n")
    assert trec.read(tmp_path / "run") == {"q": [("c", 2.0), ("a", 1.0), ("b", 1.0)]}


@pytest.mark.parametrize(
    ("run", "tag", "message"),
    [
        ({"q": [("a b", 1.0)]}, "t", "document id 'a b' is empty or has white space"),
        ({"": [("a", 1.0)]}, "t", "query id '' is empty or has white space"),
        ({"q": [("a", 1.0)]}, "my run", "tag 'my run' is empty or has white space"),
        ({"q": [("a", 1.0), ("b", 2.0)]}, "t", "query 'q': scores rise along the ranking"),
        ({"q": [("a", math.inf)]}, "t", "query 'q': a score is not finite in float32"),
        ({"q": [("a", 1e39)]}, "t", "query 'q': a score is not finite in float32"),
        ({"q": [("a", math.nan)]}, "t", "query 'q': a score is not finite in float32"),
    ],
)
def test_what_the_format_cannot_hold(run, tag, message, tmp_path):
    with pytest.raises(ValueError, match=message):
        trec.write(run, tmp_path / "run", tag)
    assert not (tmp_path / "run").exists()


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ("q Q0 b 2 1.0", r"run:2: expected 'qid Q0 docid rank score tag', found 5 columns"),
        ("q Q0 b 2 high t", r"run:2: score 'high' is not a number"),
        ("q Q0 a 2 0.5 t", r"run:2: document 'a' is listed twice for query 'q'"),
    ],
)
def test_reading_names_the_line(line, message, tmp_path):
    (tmp_path / "run").write_text(f"q Q0 a 1 1.0 t\n{line}\n")
    with pytest.raises(ValueError, match=message):
        trec.read(tmp_path / "run")
