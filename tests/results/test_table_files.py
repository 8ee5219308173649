"""Which files the folder of tables has, and what the page of all tables repeats."""

from __future__ import annotations

from dataclasses import replace

from harness.results.table_files import table_files
from harness.results.tables.further import Further
from tests.helpers.tables_made import TABLE, only

SUMMARY = replace(only("a"), title="the mean")


def test_each_table_has_three_forms_and_all_stand_on_one_page():
    slashed = replace(only("b"), name="own/x", title="own")
    files = table_files([TABLE, slashed], {"bert": SUMMARY}, ["warning: look"], [])
    names = ("summary", "pocket-faq_zero-shot_bert", "own--x")
    assert set(files) == {"all.md", *(f"{name}{form}" for name in names for form in (".md", ".csv", ".tex"))}
    page = files["all.md"]
    assert page.startswith("# Results\n\nBold: best of its column. Rows for reference stand last and ")
    assert page.count("- warning: look\n") == 1 and page.count("Bold: ") == 1
    assert [line for line in page.splitlines() if line.startswith("##")] == [
        "## the mean", "## pocket-faq, zero-shot, bert: nDCG@10", "## own",
    ]  # fmt: skip


def test_a_table_explains_itself():
    files = table_files([TABLE], {}, [], [])
    assert files["pocket-faq_zero-shot_bert.md"].splitlines()[-1].startswith("Bold: best of its column. ")
    assert "summary.md" not in files


def test_further_measures_have_files_and_stand_last_on_the_page():
    table = replace(TABLE, name="pocket-faq_zero-shot_bert_flops", title="costs")
    files = table_files([TABLE], {"bert": SUMMARY}, [], [Further("flops", [table], {"bert": SUMMARY}, [])])
    assert files["summary_flops.csv"] == files["summary.csv"]
    assert files["pocket-faq_zero-shot_bert_flops.csv"].startswith("method,reference,mean,ko,ar\n")
    headings = [line for line in files["all.md"].splitlines() if line.startswith("##")]
    assert headings == ["## the mean", "## pocket-faq, zero-shot, bert: nDCG@10", "## costs", "## the mean"]
