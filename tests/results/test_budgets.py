"""Warnings of budgets: against the same row with full vectors, by hand."""

from __future__ import annotations

from harness.results.budgets import lines
from harness.results.export import write_results


def test_a_loss_above_the_limit_is_told_with_the_worst_cell(record):
    records = [
        record("mean", ndcg=0.5),
        record("mean", ndcg=0.495, vectors="document top 64"),  # 1%
        record("mean", ndcg=0.4, vectors="document top 16"),  # 20%
        record("ofa", ndcg=0.4),
        record("ofa", ndcg=0.3, vectors="document top 16"),  # 25%
        record("focus", ndcg=0.4),
        record("focus", ndcg=0.45, vectors="document top 16"),  # a gain
    ]
    assert lines(records) == [
        "warning: document top 16: pocket-faq, zero-shot: 2 of 3 cells lose more than 2% of their nDCG@10; "
        "ko_bert_pocket-faq_ofa_zero-shot_s0_document-top-16 loses most, 25.0% (0.400 to 0.300); "
        "allow more dimensions or bits"
    ]


def test_budgets_are_compared_with_rarity_where_they_have_it(record):
    records = [record(ndcg=0.3), record(ndcg=0.5, vectors="idf"), record(ndcg=0.4, vectors="idf, 8 bits")]
    (line,) = lines(records)
    assert line.startswith("warning: 8 bits: ") and "20.0% (0.500 to 0.400)" in line
    assert lines(records[::2]) == [], "without the full vectors there is nothing to compare with"


def test_rarity_alone_is_not_a_budget_and_a_failed_cell_has_no_loss(record):
    assert lines([record(ndcg=0.5), record(ndcg=0.1, vectors="idf"), record(ndcg=None, vectors="8 bits")]) == []
    assert lines([record(ndcg=0.0), record(ndcg=0.0, vectors="8 bits")]) == []


def test_the_lines_are_among_the_warnings_of_a_run(record, tmp_path):
    written = write_results(tmp_path, [record(ndcg=0.5), record(ndcg=0.1, vectors="8 bits")], lambda _: None)
    assert [line[:16] for line in written.warnings] == ["warning: 8 bits:"]
    assert "80.0% (0.500 to 0.100)" in (tmp_path / "tables" / "summary.md").read_text(encoding="utf-8")
