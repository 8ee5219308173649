"""Reciprocal rank fusion by hand: scores, ties, cuts; and as a stage that reads two stored runs."""

from __future__ import annotations

import json
import math
from fractions import Fraction
from pathlib import Path

import numpy as np
import pyarrow.parquet as pq
import pytest

from harness.evaluation import trec
from harness.references.fusion import FUSION, build, fuse
from harness.store.artifact import Location


def run(**rankings: str) -> dict[str, list[tuple[str, float]]]:
    """A run from documents in order, their scores falling from 9."""
    return {query: [(name, 9.0 - place) for place, name in enumerate(text.split())] for query, text in rankings.items()}


def test_scores_by_hand():
    """a is second and first, b first; c third, and d third of the other: a tie, which c wins by its id."""
    fused = fuse([run(q="b a d"), run(q="a x c")], ["q"], 10)
    assert fused == {
        "q": [
            ("a", pytest.approx(1 / 62 + 1 / 61)),
            ("b", pytest.approx(1 / 61)),
            ("x", pytest.approx(1 / 62)),
            ("c", pytest.approx(1 / 63)),
            ("d", pytest.approx(1 / 63)),
        ]
    }
    assert [name for name, _ in fuse([run(q="b a d"), run(q="a x c")], ["q"], 4)["q"]] == ["a", "b", "x", "c"]


def test_only_ranks_count_and_the_order_of_the_runs_does_not():
    one, other = run(q="b a d e"), run(q="a x c b")
    scaled = {"q": [(name, 1e6 + score) for name, score in one["q"]]}
    assert fuse([one, other], ["q"], 9) == fuse([other, one], ["q"], 9) == fuse([scaled, other], ["q"], 9)


def test_queries_of_one_run_of_none_and_of_others():
    fused = fuse([run(p="a b", other="a"), run(q="b")], ["p", "none", "q"], 9)
    assert list(fused) == ["p", "none", "q"] and fused["none"] == []
    assert [name for name, _ in fused["p"]] == ["a", "b"] and fused["q"] == [("b", pytest.approx(1 / 61))]


def test_sums_that_are_equal_are_ties_however_they_round():
    """1/63 + 1/126 = 1/70 + 1/105 = 1/84 + 1/84: ranks 3 and 66, 10 and 45, 24 and 24."""
    places = {"c": (3, 66), "b": (10, 45), "a": (24, 24)}
    runs = []
    for which in (0, 1):
        names = [f"{which}-{rank}" for rank in range(1, 71)]
        for name, ranks in places.items():
            names[ranks[which] - 1] = name
        runs.append({"q": [(name, -float(place)) for place, name in enumerate(names)]})
    ranking = [name for name, _ in fuse(runs, ["q"], 200)["q"]]
    assert ranking[:3] == ["a", "b", "c"]


def test_equals_the_formula_one_document_at_a_time():
    rng = np.random.default_rng(7)
    names = [f"d{number}" for number in range(60)]
    queries = [f"q{number}" for number in range(20)]
    runs = [
        {q: [(d, 0.0) for d in rng.permutation(names)[: rng.integers(0, 40)].tolist()] for q in queries} for _ in "ab"
    ]
    fused = fuse(runs, queries, 30)
    for query in queries:
        expected = []
        for name in names:
            score = Fraction(0)
            for each in runs:
                ranking = [document for document, _ in each[query]]
                if name in ranking:
                    score += Fraction(1, 61 + ranking.index(name))
            if score:
                expected.append((-score, name))
        assert [name for name, _ in fused[query]] == [name for _, name in sorted(expected)[:30]]


@pytest.fixture
def inputs(tmp_path) -> dict[str, Location]:
    """A collection of five documents and two queries, q1 with the id of a document, and two runs."""
    folders = {name: tmp_path / name for name in ("collection", "bm25", "row")}
    for folder in folders.values():
        folder.mkdir()
    write_lines(folders["collection"] / "corpus.jsonl", [{"_id": name, "text": name} for name in ("a", "b", "c", "q1")])
    write_lines(folders["collection"] / "queries.jsonl", [{"_id": name, "text": name} for name in ("q1", "q2")])
    (folders["collection"] / "qrels").mkdir()
    qrels = "query-id\tcorpus-id\tscore\nq1\ta\t1\nq2\tc\t1\n"
    (folders["collection"] / "qrels" / "test.tsv").write_text(qrels, encoding="utf-8")
    trec.write(run(q1="b a", q2="a"), folders["bm25"] / "run.trec.gz", "x")
    trec.write(run(q1="a c", q2="a c"), folders["row"] / "run.trec.gz", "x")
    return {name: Location(str(folder)) for name, folder in folders.items()}


def write_lines(path: Path, records: list[dict]) -> None:
    path.write_text("".join(json.dumps(record) + "\n" for record in records), encoding="utf-8")


def test_the_stage_writes_the_fused_run_and_its_scores(inputs, tmp_path):
    """q1: a 1/62 + 1/61, b 1/61, c 1/62, so its relevant document is first; q2: a, then c, which is relevant."""
    out = tmp_path / "out"
    out.mkdir()
    build(out, {"k": 2, "constant": 60}, inputs)
    fused = trec.read(out / "run.trec.gz")
    assert {query: [name for name, _ in ranking] for query, ranking in fused.items()} == {
        "q1": ["a", "b"], "q2": ["a", "c"],
    }  # fmt: skip
    scores = pq.read_table(out / "queries.parquet").to_pydict()
    assert dict(zip(scores["query_id"], scores["ndcg@10"], strict=True)) == {
        "q1": 1.0, "q2": pytest.approx(1 / math.log2(3)),
    }  # fmt: skip
    measured = json.loads((out / "measurement.json").read_text(encoding="utf-8"))
    assert measured["scores"]["mrr@10"] == 0.75 and (measured["documents"], measured["queries"]) == (4, 2)
    assert measured["about"]["constant"] == 60 and measured["statistics"] == {}
    assert str(FUSION) == "fusion"


def test_the_rule_on_own_documents_is_that_of_the_runs(inputs, tmp_path):
    out = tmp_path / "out"
    out.mkdir()
    build(out, {"k": 2, "constant": 60, "ignore_identical_ids": True}, inputs)
    about = json.loads((out / "measurement.json").read_text(encoding="utf-8"))["about"]
    assert about["collection"] == {"own_documents": 1, "ignore_identical_ids": True}
