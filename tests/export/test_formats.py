"""Every format: what is written is what is read back, and the page's own code makes the request in the file."""

from __future__ import annotations

import json
import re
import sys
from importlib.util import find_spec
from types import SimpleNamespace

import numpy as np
import pytest
from scipy import sparse

from harness.cli.export.options import FORMATS, INTEGERS
from harness.export.check import read_documents, read_queries
from harness.export.documents import Block
from harness.export.registry import ENGINES
from harness.export.weights import csr
from tests.helpers.exports_made import SPECIAL, TOKENS, exported, made_block, made_corpus, made_queries

SCALE = 1000
V = 40


@pytest.fixture(params=ENGINES)
def name(request):
    return request.param


def expected(vectors: sparse.csr_array, name: str) -> np.ndarray:
    """The weights that a format keeps: float32, or integers by Python's own rounding."""
    dense = vectors.toarray()
    if not ENGINES[name].integers:
        return dense
    return np.array([[round(float(weight) * SCALE) for weight in line] for line in dense])


def test_the_command_offers_every_format():
    assert tuple(ENGINES) == FORMATS and all(engine.name == name for name, engine in ENGINES.items())
    assert tuple(name for name, engine in ENGINES.items() if engine.integers) == INTEGERS


def test_documents_and_queries_come_back(tmp_path, name):
    first, second = made_block(20, V, seed=0), made_block(7, V, seed=2, prefix="second ")
    queries = made_queries(5, V)
    engine = exported(tmp_path, name, made_corpus(first, second), queries)
    ids, vectors = zip(*read_documents(tmp_path, engine), strict=True)
    assert [document for block in ids for document in block] == [*first.ids, *second.ids]
    whole = sparse.csr_array(sparse.vstack([first.vectors, second.vectors]))
    np.testing.assert_array_equal(sparse.vstack(vectors).toarray(), expected(whole, name))
    np.testing.assert_array_equal(read_queries(tmp_path, engine).toarray(), expected(queries.vectors, name))
    assert json.loads((tmp_path / "query-ids.json").read_text()) == list(queries.ids)
    assert json.loads((tmp_path / "vocab.json").read_text())[: len(TOKENS)] == list(TOKENS)


def test_the_page_makes_the_request_of_the_file(tmp_path, name, monkeypatch):
    if find_spec("seismic") is None:  # all that the page asks it for is the type of its names
        monkeypatch.setitem(sys.modules, "seismic", SimpleNamespace(get_seismic_string=lambda: "U30"))
    queries = made_queries(3, V)
    engine = exported(tmp_path, name, made_corpus(made_block(5, V, seed=0)), queries)
    page = (tmp_path / "README.md").read_text(encoding="utf-8")
    (code,) = [code for code in re.findall(r"```python\n(.*?)```", page, re.S) if "def request(" in code]
    made: dict = {}
    exec(code, made)
    lines = [line for line in (tmp_path / engine.requests).read_text().splitlines() if line not in ("{}", "]}")]
    for row in range(3):
        vector = {int(i): float(queries.vectors[row, i]) for i in queries.vectors[[row]].indices}
        content = made["request"](vector)
        match name:
            case "qdrant":
                written = json.loads(lines[row + 1].rstrip(","))
                assert content["query"]["indices"] == written["query"]["indices"]
                assert (
                    np.float32(content["query"]["values"]).tolist() == np.float32(written["query"]["values"]).tolist()
                )
                assert {**content, "query": None} == {**written, "query": None}
            case "opensearch" | "elasticsearch":
                written, shown = json.loads(lines[row]), json.loads(json.dumps(content))
                assert as_float32(shown) == as_float32(written)
            case "vespa":
                written = json.loads(lines[row])
                labels = [cells(body["input.query(q)"]) for body in (content, written)]
                assert labels[0] == labels[1] and {**content, "input.query(q)": 0} == {**written, "input.query(q)": 0}
            case "pgvector":
                assert cells(content.partition("/")[0]) == cells(lines[row].split("\t")[1].partition("/")[0])
                assert content.endswith(f"/{V}")
            case "lucene":
                assert sorted(content.split()) == sorted(lines[row].split("\t")[1].split())
            case "pisa":
                assert content == json.loads(lines[row])["query_toks"]
            case "seismic":
                names, weights = content
                written = json.loads(lines[row])["vector"]
                assert names.tolist() == list(written) and weights.tolist() == np.float32([*written.values()]).tolist()
            case "jsonl":
                assert as_float32(content) == as_float32(json.loads(lines[row])["vector"])
            case _:
                raise AssertionError(f"no test for the page of {name}")


def cells(text: str) -> dict[int, float]:
    """Read {17:0.4,...} as float32."""
    pairs = (entry.split(":") for entry in text.strip("{}").split(","))
    return {int(label): float(np.float32(weight)) for label, weight in pairs}


def as_float32(content):
    """Return the same JSON with numbers as float32, for what was printed with more digits."""
    if isinstance(content, dict):
        return {key: as_float32(value) for key, value in content.items()}
    return float(np.float32(content)) if isinstance(content, float) else content


def test_special_tokens_are_said_and_can_be_left_out(tmp_path, name):
    block = made_block(12, V, seed=0)
    exported(tmp_path / "with", name, made_corpus(block), made_queries(2, V))
    count = int((block.vectors.toarray()[:, 0] > 0).sum())
    assert f"[CLS] in {count}" in (tmp_path / "with" / "README.md").read_text()
    engine = exported(tmp_path / "without", name, made_corpus(block), made_queries(2, V), drop_special=True)
    (_, vectors), *_ = read_documents(tmp_path / "without", engine)
    assert not vectors.toarray()[:, sorted(SPECIAL)].any() and vectors.toarray()[:, 2:].any()
    assert not read_queries(tmp_path / "without", engine).toarray()[:, sorted(SPECIAL)].any()
    page = (tmp_path / "without" / "README.md").read_text()
    assert "LEFT_OUT = [0, 1]" in page and "2 special tokens are left out" in page


def test_documents_without_dimensions_are_kept_and_said(tmp_path, name):
    vectors = csr([([3], [0.5]), ([], [])], V)
    engine = exported(tmp_path, name, made_corpus(Block(["full", "empty"], vectors, ["", ""])))
    ((ids, read),) = read_documents(tmp_path, engine)
    assert ids == ["full", "empty"] and read[[1]].nnz == 0
    assert "1 documents have no active dimension" in (tmp_path / "README.md").read_text()


def test_no_documents(tmp_path, name):
    engine = exported(tmp_path, name, made_corpus(Block([], csr([], V), [])))
    assert list(read_documents(tmp_path, engine)) == [] and engine.facts.parts


def test_texts_can_be_left_out(tmp_path, name):
    exported(tmp_path, name, made_corpus(made_block(12, V, seed=0)), texts=False)
    content = b"".join(path.read_bytes() for path in tmp_path.rglob("*") if path.is_file())
    assert "잊었어요".encode() not in content


@pytest.mark.parametrize("weight", [-0.5, float("nan"), float("inf")])
def test_a_weight_that_no_engine_holds_is_refused(tmp_path, name, weight):
    bad = Block(["good", "bad"], csr([([1], [0.5]), ([2], [weight])], V), ["", ""])
    with pytest.raises(ValueError, match=r"^'bad' has a weight that is negative or not finite; engines hold"):
        exported(tmp_path, name, made_corpus(bad))


def test_a_weight_stored_in_two_pieces_is_one(tmp_path, name):
    vectors = sparse.csr_array((np.float32([0.25, 0.25, 0]), np.array([5, 5, 6]), np.array([0, 3])), shape=(1, V))
    engine = exported(tmp_path, name, made_corpus(Block(["a"], vectors, [""])))
    ((_, read),) = read_documents(tmp_path, engine)
    assert read.indices.tolist() == [5] and read.data.tolist() == [500 if engine.integers else 0.5]
