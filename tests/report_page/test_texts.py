"""Texts of a collection: those that are asked for, whatever form their ids have in the file."""

from __future__ import annotations

import json

import pytest

from harness.collections.collection import CollectionError
from harness.report_page.texts import Shown, read


def write(folder, documents, judged, queries=({"_id": "q1", "text": "what"}, {"_id": "q2", "text": "other"})):
    folder.mkdir(exist_ok=True)
    (folder / "corpus.jsonl").write_text("".join(f"{line}\n" for line in documents), encoding="utf-8")
    (folder / "queries.jsonl").write_text("".join(f"{json.dumps(line)}\n" for line in queries), encoding="utf-8")
    (folder / "qrels.tsv").write_text("".join("\t".join(line) + "\n" for line in judged), encoding="utf-8")
    return folder


@pytest.mark.parametrize(
    ("line", "name"),
    [
        ('{"_id": "d1", "title": "a title", "text": "b"}', "d1"),
        ('{"text": "b", "title": "a title", "_id": "문서"}', "문서"),
        ('{"_id": "\\ubb38\\uc11c", "title": "a title", "text": "b"}', "문서"),
        ('{"_id": "a\\"b\\\\c", "title": "a title", "text": "b"}', 'a"b\\c'),
        ('{"_id": "d.+", "title": "a title", "text": "b"}', "d.+"),
    ],
)
def test_a_document_is_found_by_its_id_in_any_form(tmp_path, line, name):
    folder = write(tmp_path, ['{"_id": "d0", "text": "about d1"}', line], [("q1", name, "1")])
    assert read(folder, {"q1"}) == {"q1": Shown("what", "a title b")}


def test_the_first_of_the_most_relevant_documents_counts(tmp_path):
    documents = [f'{{"_id": "d{number}", "text": "{number}"}}' for number in range(4)]
    judged = [("q1", "d0", "1"), ("q1", "d1", "2"), ("q1", "d2", "2"), ("q2", "d3", "0")]
    assert read(write(tmp_path, documents, judged), {"q1", "q2"}) == {
        "q1": Shown("what", "1"),
        "q2": Shown("other", ""),
    }


def test_a_document_that_the_corpus_lacks_has_no_text(tmp_path):
    folder = write(tmp_path, ['{"_id": "d0", "text": "x"}'], [("q1", "d9", "1")])
    assert read(folder, {"q1", "q7"}) == {"q1": Shown("what", "")}


def test_a_corpus_that_is_missing_is_named(tmp_path):
    folder = write(tmp_path, [], [("q1", "d9", "1")])
    (folder / "corpus.jsonl").unlink()
    with pytest.raises(CollectionError, match=r"corpus\.jsonl: cannot be read \(No such file"):
        read(folder, {"q1"})
