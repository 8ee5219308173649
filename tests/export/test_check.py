"""Agreement with an exact search: by hand, and with weights that a format is known to bend."""

from __future__ import annotations

import math

import pytest

from harness.export.check import agreement, check
from harness.export.documents import Block
from harness.export.weights import csr
from tests.helpers.exports_made import exact_search, exported, made_block, made_corpus, made_queries

V = 60


def ranking(*documents: str) -> list[tuple[str, float]]:
    return [(name, float(-place)) for place, name in enumerate(documents)]


def test_overlap_lists_alike_and_ndcg_by_hand():
    exact = {"a": ranking("1", "2", "3", "4"), "b": ranking("1", "2"), "c": []}
    other = {"a": ranking("2", "1", "9", "8"), "b": ranking("1", "2"), "c": ranking("7")}
    found = agreement("way", exact, other, {"a": {"1": 1}, "x": {"1": 1}})
    assert (found.queries, found.overlap, found.alike) == (3, pytest.approx((0.5 + 1 + 1) / 3), pytest.approx(1 / 3))
    assert (found.exact, found.engine) == (1.0, pytest.approx(1 / math.log2(3)))


def test_without_judgements_there_is_no_ndcg():
    found = agreement("way", {"a": ranking("1")}, {"a": ranking("1")}, {"b": {"1": 1}})
    assert found.exact is None and found.engine is None and found.overlap == 1


@pytest.mark.parametrize("name", ["qdrant", "jsonl", "pgvector", "vespa"])
def test_formats_that_keep_weights_agree_fully(tmp_path, name):
    blocks, queries = [made_block(40, V, seed=0), made_block(25, V, seed=3, prefix="x")], made_queries(9, V)
    engine = exported(tmp_path, name, made_corpus(*blocks), queries)
    (found,) = check(tmp_path, engine, exact_search(blocks, queries), range(9))
    assert (found.overlap, found.alike, found.queries) == (1.0, 1.0, 9)


def test_a_coarse_scale_is_seen(tmp_path):
    blocks, queries = [made_block(60, V, seed=0)], made_queries(20, V)
    exact = exact_search(blocks, queries)
    overlaps = []
    for scale in (1, 10, 1000):
        engine = exported(tmp_path / str(scale), "pisa", made_corpus(*blocks), queries, scale=scale)
        overlaps.append(check(tmp_path / str(scale), engine, exact, range(20))[0].overlap)
    assert overlaps[0] < overlaps[1] <= overlaps[2] and overlaps[2] > 0.99


def test_nine_bits_can_swap_two_documents(tmp_path):
    # 1.001 and 1.002 are both 1 in nine bits; the smaller id is then first
    block = Block(["a", "b"], csr([([0], [1.001]), ([0], [1.002])], 3), ["", ""])
    queries = Block(["q"], csr([([0], [1.0])], 3), ["q"])
    engine = exported(tmp_path, "elasticsearch", made_corpus(block), queries)
    (found,) = check(tmp_path, engine, exact_search([block], queries), [0])
    assert (found.way, found.overlap, found.alike) == ("sparse_vector", 1.0, 0.0)


def test_ids_that_meet_in_opensearch_are_seen(tmp_path):
    """Dimensions 5 and 5 + 32,768 are one to a sparse_vector field, and two to rank_features."""
    size = 33_000
    block = Block(["a", "b"], csr([([5], [1.0]), ([32_773], [1.5])], size), ["", ""])
    queries = Block(["q"], csr([([5], [1.0])], size), ["q"])
    engine = exported(tmp_path, "opensearch", made_corpus(block), queries)
    exact, approximate = check(tmp_path, engine, exact_search([block], queries), [0])
    assert exact.overlap == 1.0 and exact.alike == 1.0
    assert approximate.alike == 0.0
    assert any("keeps ids modulo 32,768" in warning for warning in engine.warnings())


def test_a_missing_document_is_not_overlooked(tmp_path):
    blocks, queries = [made_block(10, V, seed=0)], made_queries(2, V)
    engine = exported(tmp_path, "jsonl", made_corpus(*blocks), queries)
    lines = (tmp_path / "documents.jsonl").read_text().splitlines(keepends=True)
    (tmp_path / "documents.jsonl").write_text("".join(lines[:-1]))
    with pytest.raises(ValueError, match="9 documents were read back, 10 were written"):
        check(tmp_path, engine, exact_search(blocks, queries), range(2))


def test_some_rows_of_the_queries(tmp_path):
    blocks, queries = [made_block(30, V, seed=0)], made_queries(6, V)
    engine = exported(tmp_path, "qdrant", made_corpus(*blocks), queries)
    rows = [1, 4]
    some = Block([queries.ids[row] for row in rows], queries.vectors[rows], None)
    (found,) = check(tmp_path, engine, exact_search(blocks, some), rows)
    assert (found.queries, found.alike) == (2, 1.0)
