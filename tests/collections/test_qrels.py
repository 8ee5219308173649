"""A file of judgements read alone; defects of the judgements of whole collections are in test_beir.py."""

from __future__ import annotations

from pathlib import Path

import pytest

from harness.collections.collection import CollectionError
from harness.collections.qrels import Judgement, judgements

HEADER = "query-id\tcorpus-id\tscore\n"


@pytest.fixture
def read(tmp_path: Path):
    def read(content: str) -> list[Judgement]:
        path = tmp_path / "test.tsv"
        path.write_text(content, encoding="utf-8")
        return list(judgements(path))

    return read


def test_judgements_come_in_the_order_of_the_file_with_their_lines(read):
    assert read(HEADER + "q2\td1\t0\n\nq1\td2\t-1\nq1\td1\t3\n") == [
        (2, "q2", "d1", 0),
        (4, "q1", "d2", -1),
        (5, "q1", "d1", 3),
    ]
    assert read(HEADER) == read("") == []


def test_a_repeated_pair_comes_once(read):
    assert read(HEADER + "q1\td1\t1\nq2\td1\t1\nq1\td1\t1.0\n") == [(2, "q1", "d1", 1), (3, "q2", "d1", 1)]
    with pytest.raises(
        CollectionError, match=r"test\.tsv:3: query 'q1' and document 'd1' were judged 1 before: keep one judgement$"
    ):
        read(HEADER + "q1\td1\t1\nq1\td1\t2\n")


LINES = [("q1", "d1", "1"), ("q2", "d1", "0"), ("q1", "d2", "2.0")]


@pytest.mark.parametrize("end", ["\n", "\r\n"])
@pytest.mark.parametrize("separator", ["\t", " ", "   "])
@pytest.mark.parametrize("iteration", [None, "0", "Q0"])
@pytest.mark.parametrize("header", [True, False])
@pytest.mark.parametrize("mark", ["", "\ufeff"])
def test_every_published_form_gives_the_same_judgements(read, end, separator, iteration, header, mark):
    rows = [line if iteration is None else (line[0], iteration, *line[1:]) for line in LINES]
    written = [separator.join(row) for row in rows]
    if header:
        written.insert(0, separator.join(HEADER.split()))
    judged = read(mark + end.join(written) + end)
    assert [judgement[1:] for judgement in judged] == [("q1", "d1", 1), ("q2", "d1", 0), ("q1", "d2", 2)]
    assert [judgement.number for judgement in judged] == [1 + header, 2 + header, 3 + header]


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (
            "query_id\tdoc_id\tscore\n",
            ":1: the header is neither query-id, corpus-id, score nor left out: write these three names, ",
        ),
        (
            HEADER + "q1\td1\n",
            r":2: 2 columns instead of 3 \(query, document, score\) or 4 \(TREC\): separate query-id",
        ),
        (HEADER + "q1\t\td1\t1\n", ":2: the id '' is empty, has white space or is not text"),
        (HEADER + "q1\t0\td1\t1\t1\n", ":2: 5 columns instead of 3"),
        (HEADER + "q 1\td1\t1\n", ":2: the id 'q 1' is empty, has white space"),
        (HEADER + HEADER, ":2: the score 'score' is not a whole number: write 1 for relevant, 0 for not relevant$"),
    ],
)
def test_lines_that_are_not_judgements(read, content, message):
    with pytest.raises(CollectionError, match=rf"test\.tsv{message}"):
        read(content)


def test_judgements_before_a_defect_are_yielded(tmp_path):
    path = tmp_path / "test.tsv"
    path.write_text(HEADER + "q1\td1\t1\nq9\td1\n", encoding="utf-8")
    lines = judgements(path)
    assert next(lines) == (2, "q1", "d1", 1)
    with pytest.raises(CollectionError, match="2 columns"):
        next(lines)
