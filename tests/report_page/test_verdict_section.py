"""The verdict of a page: each sentence stands once, below its table; warnings stand in a section of their own."""

from __future__ import annotations

import re
from dataclasses import replace

import pytest

from harness.report_page.folder import ResultsFolder
from harness.report_page.page import page
from harness.report_page.verdict_section import pieces, warnings
from tests.helpers.results_made import record_of, results_of

HIGH, LOW = [0.9, 0.7] * 20, [0.1, 0.2] * 20


@pytest.fixture
def folder(tmp_path) -> ResultsFolder:
    cells = [
        (record_of(name, "ko", own, collection=collection), own)
        for collection, signet in (("faq", HIGH), ("faq*2", LOW))
        for name, own in (("signet", signet), ("mean", [0.0] * 40), ("bm25", [0.4] * 40))
    ]
    warned = replace(cells[0][0], warnings=["3% of the tokens are <unknown>"])
    return ResultsFolder(results_of(tmp_path, [(warned, HIGH), *cells[1:]]))


def texts(markup: str, tag: str) -> list[str]:
    return re.findall(rf"<{tag}[^>]*>(.*?)</{tag}>", markup)


def test_each_table_has_its_lead_and_the_sentence_of_the_summary(folder):
    verdict = "".join(pieces(folder))
    assert texts(verdict, "dt") == ["faq, zero-shot, bert", "faq*2, zero-shot, bert"]
    above, of_bm25, below, of_other = texts(verdict, "dd")
    assert above.startswith("signet has nDCG@10 0.800 in ko, the best: 0.800 [")
    assert of_bm25.startswith("the best row, signet, is above bm25 by 0.400 [") and of_bm25.endswith("] in ko.")
    assert below.startswith("signet has nDCG@10 0.150 in ko")
    assert of_other.startswith("the best row, signet, is below bm25 by 0.250 [")
    of_others, of_baselines = texts(verdict, "p")
    assert "significance.csv" in of_others and "against.csv" in of_baselines


def test_warnings_are_a_section_and_not_a_part_of_the_verdict(folder):
    warning = "ko_bert_faq_signet_zero-shot_s1: 3% of the tokens are &lt;unknown&gt;"
    assert list(warnings(folder)) == [f"<p>{warning}</p>"]
    whole = page(folder)
    assert "<li>" not in texts(whole, "section")[0] and "unknown" not in texts(whole, "section")[0]
    assert re.findall(r'<section id="([^"]*)"', whole)[:3] == ["verdict", "warnings", "tables"]
    assert whole.count(warning) == 1 and whole.count("is above bm25 by") == 1
