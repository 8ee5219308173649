"""Captions against sentences written by hand."""

from __future__ import annotations

from dataclasses import replace

from harness.results.tables.captions import of_summary
from harness.results.tables.table import make_tables


def over(record, queries: int | None, documents: int = 2000):
    counts = {} if queries is None else {"queries": queries, "documents": documents}
    return replace(record, provenance=counts)


HEAD = "pocket-faq, zero-shot (as initialized), encoder bert: "


def caption(records, measure: str = "ndcg@10") -> str:
    [table] = make_tables(records, measure)
    assert table.caption.startswith(HEAD)
    return table.caption.removeprefix(HEAD)


def test_languages_with_as_many_queries(record):
    records = [over(record(language=language), 1400) for language in ("ko", "ru")]
    assert caption(records) == (
        "nDCG@10 (0 to 1, higher is better); each number is a mean over the 1,400 queries of its language; seed 0."
    )


def test_languages_with_other_numbers_of_queries_and_several_seeds(record):
    records = [over(record(language="ko", seed=seed), 10) for seed in (1, 2)] + [
        over(record(language="ru", seed=1), 20)
    ]
    assert caption(records, "mrr@10") == (
        "MRR@10 (0 to 1, higher is better); each number is a mean over the queries of its language (ko 10, ru 20 "
        "queries); seeds 1, 2."
    )


def test_one_language(record):
    assert caption([over(record(), 10)]).endswith("each number is a mean over the 10 queries in ko; seed 0.")


def test_numbers_that_no_cell_knows_are_left_out(record):
    assert caption([record(language="ko"), over(record(language="ru"), 3)]).endswith(
        "each number is a mean over the queries of its language; seed 0."
    )
    assert caption([record(ndcg=None), over(record("ofa"), 3)]).endswith("over the 3 queries in ko; seed 0.")


def test_documents_are_counted_where_they_are_what_is_measured(record):
    assert caption([over(record(), 10)], "doc_active") == (
        "active dimensions of a document (from 0, fewer make the index smaller); each number is a mean over the 2,000 "
        "documents in ko; seed 0."
    )


def test_after_training(record):
    [table] = make_tables([record(regime="fine-tuned")])
    assert table.caption.startswith("pocket-faq, fine-tuned (after training), encoder bert: nDCG@10")


SUMMARY = "Encoder bert: nDCG@10 (0 to 1, higher is better); each number is a mean over "


def test_summaries(record):
    both = [over(record(language=language), 10) for language in ("ko", "ru")]
    other = [over(record(language=language, collection="web"), 30) for language in ("ko", "ru")]
    assert of_summary(both, "ndcg@10", ("ko", "ru")) == (
        f"{SUMMARY}the languages ko, ru (10 queries in each language); seed 0."
    )
    assert of_summary([*both, *other], "ndcg@10", ()) == (
        f"{SUMMARY}the languages of its column (pocket-faq: 10 queries in each language; web: 30 queries in each "
        "language); seed 0."
    )
    assert of_summary(both[:1], "ndcg@10", ("ko",)) == f"{SUMMARY}the 10 queries in ko; seed 0."
    assert of_summary([both[0], other[0]], "ndcg@10", ("ko",)) == (
        f"{SUMMARY}the queries in ko (pocket-faq: 10 queries; web: 30 queries); seed 0."
    )
    assert of_summary([record()], "ndcg@10", ("ko",)) == f"{SUMMARY}the queries in ko; seed 0."
