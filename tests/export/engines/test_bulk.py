"""The bulk requests and mappings of Elasticsearch and OpenSearch against a strict reading of their documentation."""

from __future__ import annotations

import json
import math

import pytest

from harness.export import writing
from harness.export.documents import Block
from harness.export.weights import csr
from tests.helpers.exports_made import exported, made_block, made_corpus, made_queries

V = 50
BULK = ("elasticsearch", "opensearch")


def object_of(line: str) -> dict:
    """Read a line of JSON, in which no key may occur twice."""

    def unique(pairs):
        assert len({key for key, _ in pairs}) == len(pairs), "a key occurs twice"
        return dict(pairs)

    content = json.loads(line, object_pairs_hook=unique, parse_constant=lambda name: pytest.fail(name))
    assert isinstance(content, dict)
    return content


def check_features(features: dict) -> None:
    """Names without dots, and positive normal float32 weights, one each: anything else is refused when indexing."""
    assert features
    for name, weight in features.items():
        assert name.isdigit() and str(int(name)) == name and int(name) < V
        assert type(weight) is float and math.isfinite(weight) and weight >= 2.0**-126


def check_bulk(content: bytes, fields: set[str]) -> list[str]:
    """Return the ids of a _bulk body, after checking all of it: pairs of lines, the last one ended, no other field."""
    assert content.endswith(b"\n") and b"\r" not in content
    lines = content.decode("utf-8").removesuffix("\n").split("\n")
    assert len(lines) % 2 == 0
    ids = []
    for action, source in zip(lines[::2], lines[1::2], strict=True):
        assert list(object_of(action)) == ["index"] and list(object_of(action)["index"]) == ["_id"]
        identifier, document = object_of(action)["index"]["_id"], object_of(source)
        assert isinstance(identifier, str) and 0 < len(identifier.encode()) <= 512
        assert set(document) <= fields
        if "splade" in document:
            check_features(document["splade"])
        ids.append(identifier)
    return ids


@pytest.mark.parametrize("name", BULK)
def test_bulk_requests(tmp_path, name, monkeypatch):
    monkeypatch.setattr(writing, "PART", 3000)
    block = made_block(40, V, seed=0)
    empty = Block(["empty"], csr([([], [])], V), ["nothing"])
    engine = exported(tmp_path, name, made_corpus(block, empty), made_queries(4, V))
    mapping = json.loads((tmp_path / "index.json").read_text())["mappings"]
    assert mapping["dynamic"] == "strict"
    parts = [(tmp_path / part).read_bytes() for part in engine.facts.parts]
    assert len(parts) > 3 and engine.facts.parts == sorted(path.name for path in tmp_path.glob("documents-*.ndjson"))
    assert all(len(part) < 6000 for part in parts)
    ids = [identifier for part in parts for identifier in check_bulk(part, set(mapping["properties"]))]
    assert ids == [*block.ids, "empty"]


@pytest.mark.parametrize("name", BULK)
def test_searches(tmp_path, name):
    exported(tmp_path, name, made_corpus(made_block(5, V, seed=0)), made_queries(4, V))
    lines = (tmp_path / "queries.ndjson").read_text().removesuffix("\n").split("\n")
    assert lines[::2] == ["{}"] * 4
    for body in map(object_of, lines[1::2]):
        assert set(body) == {"size", "_source", "query"} and body["size"] == 10
        (kind,) = body["query"]
        if name == "elasticsearch":
            assert kind == "sparse_vector"
            assert set(body["query"][kind]) == {"field", "query_vector", "prune"}
            assert body["query"][kind]["prune"] is False
            check_features(body["query"][kind]["query_vector"])
        else:
            assert kind == "neural_sparse" and list(body["query"][kind]) == ["splade"]
            check_features(body["query"][kind]["splade"]["query_tokens"])


def test_elasticsearch_does_not_prune(tmp_path):
    exported(tmp_path, "elasticsearch", made_corpus(made_block(5, V, seed=0)))
    field = json.loads((tmp_path / "index.json").read_text())["mappings"]["properties"]["splade"]
    assert field == {"type": "sparse_vector", "index_options": {"prune": False}}
    page = (tmp_path / "README.md").read_text()
    assert "eland" in page and "saturation" in page


def test_opensearch_gets_the_real_ceilings(tmp_path):
    block = Block(["a", "b"], csr([([0, 7], [0.5, 1.6004]), ([3], [1.2])], V), ["", ""])
    queries = Block(["q"], csr([([0], [2.0])], V), ["q"])
    exported(tmp_path / "with", "opensearch", made_corpus(block), queries)
    index = json.loads((tmp_path / "with" / "index-ann.json").read_text())
    assert index["settings"] == {"index": {"sparse": True}}
    assert index["mappings"]["properties"]["splade"] == {
        "type": "sparse_vector",
        "method": {
            "name": "seismic",
            "parameters": {"quantization_ceiling_ingest": 1.601, "quantization_ceiling_search": 2.0},
        },
    }
    exact = json.loads((tmp_path / "with" / "index.json").read_text())
    assert exact["mappings"]["properties"]["splade"] == {"type": "rank_features"} and "settings" not in exact
    exported(tmp_path / "without", "opensearch", made_corpus(block))
    assert "No queries were given" in (tmp_path / "without" / "README.md").read_text()


@pytest.mark.parametrize("name", BULK)
def test_a_document_id_that_is_too_long_is_refused(tmp_path, name):
    block = Block(["비" * 171], csr([([1], [1.0])], V), [""])  # 513 bytes
    with pytest.raises(ValueError, match=r"has 513 bytes; \w+ takes at most 512: shorten it"):
        exported(tmp_path, name, made_corpus(block))


@pytest.mark.parametrize("name", [*BULK, "lucene"])
def test_queries_with_more_terms_than_lucene_takes_are_counted(tmp_path, name):
    size = 2000
    vectors = csr([(range(1024), [0.5] * 1024), (range(1025), [0.5] * 1025)], size)
    block = Block(["a"], csr([([1], [1.0])], size), [""])
    engine = exported(tmp_path, name, made_corpus(block), Block(["q0", "q1"], vectors, None))
    (warning,) = engine.warnings()
    assert warning.startswith("1 of 2 queries have more than 1,024 active dimensions (the most has 1,025)")
    assert warning in (tmp_path / "README.md").read_text() and "--max-active-query" in warning


@pytest.mark.parametrize("name", BULK)
def test_weights_that_lucene_does_not_take_are_said(tmp_path, name):
    block = Block(["a"], csr([([1], [1.0])], V), [""])
    engine = exported(tmp_path, name, made_corpus(block), Block(["q"], csr([([1], [64.5])], V), None))
    assert engine.warnings() == [
        "the heaviest weight of a query is 64.5: Lucene takes at most 64; divide all weights of a query by one number"
    ]
