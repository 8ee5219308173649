"""Judged ids that a collection lacks: folders and downloads alike, scored as pytrec_eval scores them."""

from __future__ import annotations

import json
import math
from pathlib import Path

import ir_measures
import pytest
from ir_measures import R, nDCG

from harness.collections import beir
from harness.collections.collection import CollectionError
from harness.collections.missing import MOST_MISSING, Missing
from harness.evaluation.measures import evaluate, means
from tests.helpers import hub_repositories as real
from tests.helpers.hub_ir_datasets import serve_miracl

DOCUMENTS = [("d1", "", "one"), ("d2", "", "two"), ("d3", "", "three")]
QUERIES = [("q1", "first"), ("q2", "second"), ("q3", "third"), ("t1", "train one"), ("t2", "train two")]
TEST = [("q1", "d1", 1), ("q1", "gone", 1), ("q2", "lost", 2), ("q3", "d3", 1), ("nobody", "d1", 1)]
TRAIN = [("t1", "d1", 1), ("t1", "gone", 1), ("t2", "d2", 1), ("noone", "d3", 1)]


@pytest.fixture
def folder(tmp_path) -> Path:
    beir.write(tmp_path / "tiny", DOCUMENTS, QUERIES, TEST, TRAIN)
    return tmp_path / "tiny"


def test_what_is_there_is_loaded_and_the_rest_is_counted(folder):
    collection = beir.load(folder)
    assert collection.qrels == {"q1": {"d1": 1, "gone": 1}, "q2": {"lost": 2}, "q3": {"d3": 1}}
    assert collection.query_ids == ("q1", "q2", "q3")
    assert collection.training == (("train one", "d1", "one"), ("train two", "d2", "two"))
    assert beir.training_pairs(folder) == collection.training
    assert collection.gaps == beir.load_queries(folder).gaps
    assert collection.gaps == {
        "judged_pairs": 5, "pairs_without_document": 2, "pairs_without_query": 1, "pairs_not_trained": 2,
    }  # fmt: skip


def test_scores_are_those_of_trec_eval(folder):
    qrels = beir.load(folder).qrels
    run = {"q1": [("d1", 2.0), ("d2", 1.0)], "q2": [("d1", 3.0)], "q3": [("d2", 2.0), ("d3", 1.0)]}
    values = evaluate(run, qrels)
    judged = [ir_measures.Qrel(*line) for line in TEST if line[0] != "nobody"]
    scored = [ir_measures.ScoredDoc(query, *line) for query, ranking in run.items() for line in ranking]
    names = {nDCG @ 10: "ndcg@10", R @ 100: "recall@100"}
    for measured in ir_measures.iter_calc(list(names), judged, scored):
        assert values[names[measured.measure]][measured.query_id] == pytest.approx(measured.value)
    # By hand: one of two relevant documents at rank 1; none that can be found; rank 2.
    assert values["ndcg@10"] == pytest.approx({"q1": 1 / (1 + 1 / math.log2(3)), "q2": 0.0, "q3": 1 / math.log2(3)})
    assert values["recall@100"] == {"q1": 0.5, "q2": 0.0, "q3": 1.0}
    assert means(values)["recall@100"] == 0.5


def test_a_query_without_text_is_one_that_is_missing(folder):
    lines = (folder / "queries.jsonl").read_text().replace('"second"', '" "')
    (folder / "queries.jsonl").write_text(lines)
    collection = beir.load(folder)
    assert collection.query_ids == ("q1", "q3") and collection.gaps["pairs_without_query"] == 2


def test_more_than_the_share_is_refused_with_counts_an_example_and_the_option(folder):
    with pytest.raises(CollectionError) as refused:
        beir.check(folder, 0.5)
    assert str(refused.value) == (
        f"{folder}/qrels/test.tsv: 3 of 5 judged pairs (60.0%, 3 of 5 relevant ones) lack their document in the corpus "
        "(2) or a query with a text (1), such as document 'gone' of query 'q1' in line 3; at most 50% may: check that "
        "documents, queries and judgements belong together, or accept it with --set collections.NAME.most_missing=0.61"
    )
    summary = beir.check(folder, 0.61)
    test, train = summary.warnings
    assert summary.train_pairs == 2 and "(60.0%, 3 of 5 relevant ones)" in test
    assert test.endswith("no ranking can be perfect; queries without text are left out")
    assert "train.tsv: 2 of 4 judged pairs (50.0%, 2 of 4 relevant ones) lack their document" in train
    assert train.endswith("in line 3: they are left out of the training")


def test_training_pairs_obey_the_same_share(folder):
    beir.write(folder, DOCUMENTS, QUERIES, [("q1", "d1", 1)], TRAIN)
    with pytest.raises(CollectionError, match=r"train\.tsv: 2 of 4 judged pairs .* at most 5% may"):
        beir.check(folder)


def test_judgements_that_are_not_relevant_do_not_hide_relevant_ones_that_are_gone():
    missing = Missing("t")
    for _ in range(99):
        missing.add("q", "d", 0, {"q"}, {"d"})
    assert missing.add("q", "gone", 1, {"q"}, {"d"}) is False
    assert (missing.lost, missing.share) == (1, 1.0)
    with pytest.raises(CollectionError, match=r"t: 1 of 100 judged pairs \(1\.0%, 1 of 1 relevant ones\)"):
        missing.check(0.99)
    missing.check(1.0)


def test_nothing_but_missing_queries(folder):
    beir.write(folder, DOCUMENTS, QUERIES, [("nobody", "d1", 1)])
    for read in (beir.load, beir.check):
        with pytest.raises(CollectionError, match="no test query has a relevant document; 1 of 1 judged pairs"):
            read(folder)


def test_swapped_columns(folder):
    beir.write(folder, DOCUMENTS, QUERIES, [("d1", "q1", 1), ("d2", "q2", 1)])
    with pytest.raises(CollectionError, match=r"lack a query .*: check that .* belong together, and that a query's id"):
        beir.check(folder)


def test_ids_in_two_unicode_forms_look_the_same_and_are_not(folder):
    composed, apart = "\uac00-\u00e9", "\u1100\u1161-e\u0301"
    for document, judged, known in ((composed, apart, "NFC"), (apart, composed, "NFD")):
        beir.write(folder, [(document, "", "one")], [(document, "two")], [(document, judged, 1)])
        with pytest.raises(CollectionError, match=rf"\(which is there in {known}: ids are compared as they are writt"):
            beir.check(folder)
        beir.write(folder, [(document, "", "one")], [(document, "two")], [(document, document, 1)])
        assert beir.load(folder).qrels == {document: {document: 1}}  # as it is written, in all three files
        assert beir.check(folder).own == 1


@pytest.mark.parametrize("path", ["kor/corpus.jsonl", "kor/queries/test.jsonl"])
def test_a_download_gives_the_collection_of_the_same_folder(built, hub, path, caplog):
    files = real.webfaq()
    gone = b'"20#1"' if "corpus" in path else b'"3"'
    kept = [line for line in files[path].splitlines(keepends=True) if gone not in line]
    assert len(kept) == len(files[path].splitlines()) - 1
    source = {"hub": "faq/new", "revision": hub.add("faq/new", files | {path: b"".join(kept)}), "config": "kor"}
    with pytest.raises(CollectionError, match=r"'faq/new', test split: \d of 3 judged pairs .*most_missing=0\.\d+$"):
        built(**source)
    folder = built(**source, most_missing=0.9)
    (warning,) = json.loads((folder / "about.json").read_text())["warnings"]
    assert warning in caplog.text and "of 3 judged pairs" in warning
    collection = beir.load(folder)
    if "corpus" in path:
        assert collection.qrels == {"7": {"2#0": 1}, "3": {"20#1": 1, "4#0": 0}}
        assert collection.gaps == {"judged_pairs": 3, "pairs_without_document": 1}
    else:
        assert collection.qrels == {"7": {"2#0": 1}}
        assert collection.gaps == {"judged_pairs": 3, "pairs_without_query": 2}


def test_training_documents_that_a_download_lacks(built, hub, caplog):
    files = real.webfaq()
    kept = [line for line in files["kor/corpus.jsonl"].splitlines(keepends=True) if b'"22#1"' not in line]
    source = {"hub": "faq/new", "revision": hub.add("faq/new", files | {"kor/corpus.jsonl": b"".join(kept)})}
    for limit in ({}, {"limit": 2}):
        collection = beir.load(built(**source, config="kor", most_missing=0.5, **limit))
        assert [document for _, document, _ in collection.training] == ["5#0"]
        assert collection.gaps == {"pairs_not_trained": 1}
    assert "training split: 1 of 2 judged pairs (50.0%, 1 of 2 relevant ones) lack their document" in caplog.text


def test_ir_datasets_alike(built, hub, tmp_path, monkeypatch):
    files = serve_miracl(hub, tmp_path / "ir", monkeypatch)
    assert files
    monkeypatch.setattr(
        "harness.collections.irds._explain_failures",
        lambda name, stream: (
            record for record in stream if not (isinstance(record, tuple) and len(record) == 3 and record[0] == "20#1")
        ),
    )
    source = {"ir_datasets": "miracl/{language}/dev", "train": "miracl/{language}/train"}
    with pytest.raises(CollectionError, match=r"'miracl/ko/dev', test split: 1 of 3 judged pairs"):
        built(**source)
    assert beir.load(built(**source, most_missing=0.5)).gaps == {"judged_pairs": 3, "pairs_without_document": 1}


def test_the_usual_share_is_no_part_of_a_key():
    from harness.plan.collection_source import CollectionSource

    def parameters(**options):
        return CollectionSource(ir_datasets="a/b", **options).parameters("ko")

    assert parameters() == parameters(most_missing=MOST_MISSING) == parameters(ignore_identical_ids=True)
    assert parameters(most_missing=0.2) == parameters() | {"most_missing": 0.2}
