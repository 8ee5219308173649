"""What is special about collections, below the tables of their scores."""

from __future__ import annotations

from dataclasses import replace

from harness.results.tables.collection_notes import collection_notes
from harness.results.tables.rendering import to_markdown
from harness.results.tables.significance import mark
from harness.results.tables.strata_tables import Split
from harness.results.tables.summary import make_summary
from harness.results.tables.table import make_tables
from harness.results.tables.terminal import to_text

LEFT_OUT = "The document with a query's own id is left out of its ranking, as ignore_identical_ids says"


def noted(record, about):
    return replace(record, provenance={"about": {"collection": about}})


def test_a_collection_without_notes_has_none(record):
    assert collection_notes([record(), record(ndcg=None), noted(record(), {})]) == ""
    assert make_tables([record()])[0].note == ""


def test_notes_stand_below_the_table_and_the_summary(record):
    ruled = {"own_documents": 1406, "ignore_identical_ids": True}
    records = [
        noted(record("mean", "ko"), ruled),
        noted(record("bm25", "ko", reference=True), ruled),
        noted(record("mean", "ru"), {"judged_pairs": 1000, "pairs_without_document": 12, "pairs_without_query": 1}),
        noted(record("mean", "ko", collection="other"), {"own_documents": 3}),
    ]
    tables = make_tables(records)
    assert tables[0].note == (
        f"{LEFT_OUT} (ko: 1,406 queries). Judged documents that the corpus lacks still count, so no ranking is perfect "
        "(ru: 12 of 1,000 pairs). Judged queries without text are left out (ru: 1 of 1,000 pairs)."
    )
    assert tables[1].note == "Queries that have the id of a document, which is ranked for them (ko: 3 queries)."
    marked, _ = mark(tables[0], lambda key: None)
    summary = make_summary(records, {table.name: Split(table) for table in (marked, tables[1])}, "ndcg@10")["bert"]
    assert f"{LEFT_OUT} (pocket-faq, ko: 1,406 queries)." in summary.note
    assert "which is ranked for them (other, ko: 3 queries)." in summary.note
    for text in (to_markdown(marked), " ".join(to_text(marked).split())):
        assert "12 of 1,000 pairs" in text and "1,406 queries" in text
