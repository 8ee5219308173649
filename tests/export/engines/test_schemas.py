"""Qdrant, Vespa, Lucene: what is written against a strict reading of the engines' documentation."""

from __future__ import annotations

import json
import re
import xml.etree.ElementTree as xml

import pytest

from harness.export.documents import Block
from harness.export.weights import csr
from tests.helpers.exports_made import exported, made_block, made_corpus, made_queries

V = 50


def test_qdrant_points(tmp_path):
    block = made_block(20, V, seed=0)
    engine = exported(tmp_path, "qdrant", made_corpus(block), made_queries(2, V))
    assert json.loads((tmp_path / "collection.json").read_text()) == {"vectors": {}, "sparse_vectors": {"splade": {}}}
    points = [point for part in engine.facts.parts for point in json.loads((tmp_path / part).read_text())["points"]]
    for position, point in enumerate(points):
        assert set(point) == {"id", "payload", "vector"} and point["id"] == position and type(point["id"]) is int
        assert point["payload"] == {"doc_id": block.ids[position], "text": block.texts[position]}
        (vector,) = point["vector"].values()
        assert set(vector) == {"indices", "values"} and len(vector["indices"]) == len(vector["values"])
        assert all(type(i) is int and 0 <= i < 2**32 for i in vector["indices"])
        assert len(set(vector["indices"])) == len(vector["indices"])
    searches = json.loads((tmp_path / "queries.json").read_text())["searches"]
    assert all(set(search) == {"query", "using", "limit", "with_payload"} for search in searches)


def test_vespa_feed_and_application(tmp_path):
    block = made_block(12, V, seed=0)
    exported(tmp_path, "vespa", made_corpus(block), made_queries(2, V), name="faq")
    schema = (tmp_path / "application" / "schemas" / "faq.sd").read_text()
    fields = set(re.findall(r"field (\w+) type", schema))
    assert fields == {"doc_id", "text", "splade"} and schema.count("{") == schema.count("}")
    assert "schema faq {" in schema and "document faq {" in schema and "tensor<float>(t{})" in schema
    services = xml.parse(tmp_path / "application" / "services.xml").getroot()
    (kind,) = services.iter("document")
    assert kind.attrib == {"type": "faq", "mode": "index"}
    for name, line in zip(block.ids, (tmp_path / "documents.jsonl").open(encoding="utf-8"), strict=True):
        operation = json.loads(line)
        assert set(operation) == {"put", "fields"} and operation["put"] == f"id:faq:faq::{name}"
        assert set(operation["fields"]) == fields and set(operation["fields"]["splade"]) == {"cells"}
        assert all(label.isdigit() for label in operation["fields"]["splade"]["cells"])
    for line in (tmp_path / "queries.jsonl").open():
        body = json.loads(line)
        assert body["yql"] == "select doc_id from faq where true" and body["ranking"] == "splade"
        assert re.fullmatch(r"\{\d+:[\d.e-]+(,\d+:[\d.e-]+)*\}", body["input.query(q)"])
    exported(tmp_path / "bare", "vespa", made_corpus(block), texts=False)
    assert "field text" not in (tmp_path / "bare" / "application" / "schemas" / "documents.sd").read_text()


def test_lucene_integers_and_topics(tmp_path):
    documents = Block(["a", "b"], csr([([3, 7], [0.4, 0.0004]), ([7], [1.2345])], V), ["one", ""])
    queries = Block(["q1"], csr([([3, 9], [0.003, 0.002])], V), None)
    exported(tmp_path, "lucene", made_corpus(documents), queries)
    assert (tmp_path / "documents" / "00000.jsonl").read_text() == (
        '{"id": "a", "contents": "one", "vector": {"3": 400}}\n{"id": "b", "contents": "", "vector": {"7": 1234}}\n'
    ).replace("1234", str(round(float(documents.vectors[1, 7]) * 1000)))
    assert (tmp_path / "queries.tsv").read_text() == "q1\t3 3 3 9 9\n"
    assert json.loads((tmp_path / "export.json").read_text())["scale"] == 1000


def test_a_topic_cannot_have_white_space_in_its_id(tmp_path):
    queries = Block(["q 1"], csr([([3], [1.0])], V), None)
    with pytest.raises(ValueError, match=r"^query id 'q 1' has white space, which topics and runs cannot hold: rename"):
        exported(tmp_path, "lucene", made_corpus(made_block(2, V, seed=0)), queries)


@pytest.mark.parametrize("name", ["lucene", "pisa"])
def test_a_scale_that_makes_small_integers_is_said(tmp_path, name):
    block = Block(["a"], csr([([3], [1.5])], V), [""])
    engine = exported(tmp_path, name, made_corpus(block), scale=100)
    assert engine.warnings() == [
        "--scale 100 makes the heaviest weight, 1.50, the integer 150: most weights differ no more; 1,000 is usual"
    ]
    assert exported(tmp_path / "fine", name, made_corpus(block), scale=170).warnings() == []
