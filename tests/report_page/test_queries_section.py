"""The queries on which two rows differ most: which they are, their order, and their texts."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from harness.report_page.folder import ResultsFolder
from harness.report_page.queries_section import compared, pieces
from harness.report_page.query_scores import QueryScores
from harness.report_page.store_files import StoreFiles
from tests.helpers.results_made import record_of, results_of

FIRST = [1.0, 0.5, 0.0, 0.63, 0.0, 1.0, 0.9, 0.8, 0.7, 0.6, 0.5, 0.9]
SECOND = [0.0, 0.5, 1.0, 0.0, 0.5, 0.0, 0.8, 0.6, 0.4, 0.2, 0.45, 0.88]
#         +1    =   -1   +.63 -.5  +1   +.1  +.2  +.3  +.4  +.05  +.02
HOSTILE = "<script>alert('비밀번호')</script>"


@pytest.fixture
def folder(tmp_path) -> ResultsFolder:
    shares = {"q00": 0.25, "q02": None}
    cells = [(record_of("signet", "ko", FIRST), FIRST), (record_of("ofa", "ko", SECOND), SECOND)]
    return ResultsFolder(results_of(tmp_path, cells, shares))


def collection(folder: Path, document: str = "the answer") -> Path:
    (folder / "qrels").mkdir(parents=True)
    queries = [{"_id": f"q{number:02d}", "text": f"question {number} {HOSTILE}"} for number in range(12)]
    rows = {"corpus": [{"_id": "d0", "title": "wrong", "text": "x"}, {"_id": "d1", "title": "자리", "text": document}]}
    for name, lines in (rows | {"queries": queries}).items():
        content = "".join(f"{json.dumps(line)}\n" for line in lines)
        (folder / f"{name}.jsonl").write_text(content, encoding="utf-8")
    judged = "".join(f"q{number:02d}\td0\t1\nq{number:02d}\td1\t2\n" for number in range(12))
    (folder / "qrels" / "test.tsv").write_text(f"query-id\tcorpus-id\tscore\n{judged}", encoding="utf-8")
    return folder


def shown(folder: ResultsFolder, store: StoreFiles = StoreFiles()) -> str:  # noqa: B008 - it has no state
    return "".join(pieces(folder, QueryScores(folder.path), store))


def test_the_largest_differences_in_turns_of_both_directions(folder):
    [group] = folder.groups
    differences, counts = compared(group, QueryScores(folder.path), "signet", "ofa")
    order = ["q00", "q02", "q05", "q03", "q04", "q09", "q08", "q07", "q06", "q10"]
    assert [each.query for each in differences] == order and counts == (9, 1, 2)
    assert [each.size for each in differences[:4]] == [1.0, -1.0, 1.0, 0.63]
    assert (differences[0].share, differences[1].share) == (0.25, None)
    assert differences[0].ranks == ("rank 1", "not in the first 10") and differences[4].ranks[1] == "rank 2"


def test_without_texts_there_are_ids(folder):
    page = shown(folder)
    assert "signet is above ofa on 9 queries, equal on 1, below it on 2. The 10 largest differences:" in page
    assert '<td class="text" dir="auto">q00</td>' in page and "25%" in page


def test_texts_of_query_and_of_the_most_relevant_document_are_shown_as_they_are(folder, tmp_path):
    store = StoreFiles(None, {("faq", "ko"): collection(tmp_path / "c")})
    page = shown(folder, store)
    assert "question 0 &lt;script&gt;alert(&#x27;비밀번호&#x27;)" in page and "<script" not in page
    assert '<td class="text" lang="ko" dir="auto">자리 the answer</td>' in page and "wrong" not in page


def test_of_a_long_document_the_first_words_are_shown(folder, tmp_path):
    store = StoreFiles(None, {("faq", "ko"): collection(tmp_path / "c", "word " * 100)})
    assert f"자리{' word' * 39} …</td>" in shown(folder, store)


def test_a_collection_that_cannot_be_read_is_said_and_ids_are_shown(folder, tmp_path):
    place = collection(tmp_path / "c")
    (place / "queries.jsonl").write_text("not JSON\n", encoding="utf-8")
    page = shown(folder, StoreFiles(None, {("faq", "ko"): place}))
    assert "Texts of ko are missing: queries.jsonl:1: malformed JSON" in page and ">q00</td>" in page


def test_a_single_row_is_compared_with_nothing(tmp_path):
    folder = ResultsFolder(results_of(tmp_path, [(record_of("signet", "ko", FIRST), FIRST)]))
    assert shown(folder) == ""
