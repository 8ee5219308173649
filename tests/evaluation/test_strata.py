"""Shares of words counted by hand, in languages that space, glue and do not space their words."""

from __future__ import annotations

import pyarrow.parquet as pq
import pytest

from harness.collections import beir
from harness.evaluation import strata
from harness.evaluation.own_documents import RULE
from harness.store.artifact import Location


def built(folder, documents, queries, judged, language, **parameters):
    """The shares that the stage writes for a collection, by query."""
    beir.write(folder / "collection", documents, queries, judged)
    out = folder / "out"
    out.mkdir()
    strata.build(out, {"language": language} | parameters, {"collection": Location(str(folder / "collection"))})
    table = pq.read_table(out / strata.FILE).to_pydict()
    return dict(zip(table["query_id"], table["share"], strict=True))


@pytest.mark.parametrize(
    ("language", "query", "title", "text", "share"),
    [
        # distinct words, whatever their case and number: who, wrote, the, red, book; the document has the, red, book
        ("en", "Who WROTE the the red book?", "The Red", "A book.", 3 / 5),
        ("ru", "Где живёт рыжая лиса", "Лиса", "рыжая, но не живет", 2 / 4),  # ё is not е
        ("ru", "кошка", "", "собака", 0.0),
        # nine characters and six pairs; the noun stands in the document with another particle: four characters, three
        # pairs, and a word of one syllable; no word of several syllables is shared
        ("ko", "비밀번호를 바꾸는 법", "", "비밀번호가 길다 법", (4 + 3 + 1) / (9 + 6)),
        ("zh", "猫吃鱼", "鱼", "和猫", 2 / (3 + 2)),  # 猫 吃 鱼 猫吃 吃鱼
        ("ja", "Tokyo 駅", "", "tokyoの駅前", 2 / 2),  # tokyo 駅
        ("th", "กข", "", "ข", 1 / (2 + 1)),
        ("de", "Straße 5", "STRASSE", "5", 1 / 2),  # lower case, not casefolding, as the row bm25 reads it
    ],
)
def test_shares_by_hand(tmp_path, language, query, title, text, share):
    documents = [("d", title, text), ("other", "", query)]  # the answer counts, not any document
    assert built(tmp_path, documents, [("q", query)], [("q", "d", 1)], language) == {"q": pytest.approx(share)}


def test_of_several_documents_the_nearest_counts_and_not_their_union(tmp_path):
    documents = [("d1", "", "a b x"), ("d2", "", "c x"), ("d3", "", "a b c d")]
    judged = [("q", "d1", 1), ("q", "d2", 2), ("q", "d3", 0)]  # d3 is judged not relevant
    assert built(tmp_path, documents, [("q", "a b c d")], judged, "en") == {"q": 2 / 4}


def test_queries_without_words_or_without_a_document_have_no_share(tmp_path):
    queries = [("punctuation", "?!"), ("gone", "a b"), ("found", "a b")]
    judged = [("punctuation", "d", 1), ("gone", "lost", 1), ("found", "lost", 1), ("found", "d", 1)]
    shares = built(tmp_path, [("d", "", "a")], queries, judged, "en")
    assert shares == {"punctuation": None, "gone": None, "found": 1 / 2}


@pytest.mark.parametrize(("parameters", "share"), [({}, 1.0), ({RULE: True}, 1 / 3)])
def test_a_document_that_is_not_ranked_does_not_count(tmp_path, parameters, share):
    documents = [("q", "", "a b c"), ("d", "", "a")]
    shares = built(tmp_path, documents, [("q", "a b c")], [("q", "q", 1), ("q", "d", 1)], "en", **parameters)
    assert shares == {"q": share}
