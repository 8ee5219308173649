"""Lines of corpus and query files read alone; defects of whole collections are in test_beir.py."""

from __future__ import annotations

import gzip
import os
from pathlib import Path

import pytest

from harness.collections.collection import CollectionError
from harness.collections.jsonl import defect, documents, numbered, queries


@pytest.fixture
def file(tmp_path: Path):
    def write(content: str | bytes) -> Path:
        path = tmp_path / "corpus.jsonl"
        path.write_bytes(content if isinstance(content, bytes) else content.encode())
        return path

    return write


def test_the_text_of_a_document_is_title_and_text_stripped(file):
    path = file(
        '{"_id": "a", "title": "T ", "text": " x\\n"}\n'
        '{"_id": "b", "text": " y "}\n'
        '{"_id": "c", "title": "only", "text": ""}\n'
        '{"_id": "d", "title": "", "text": "z", "metadata": {"url": null}}\n'
    )
    assert list(documents(path)) == [(1, "a", "T   x"), (2, "b", "y"), (3, "c", "only"), (4, "d", "z")]


def test_a_query_has_no_title(file):
    path = file('{"_id": "a", "title": "T", "text": " x "}\n')
    assert list(queries(path)) == [(1, "a", "x")]
    assert list(queries(file('{"_id": "a", "title": "T", "text": " "}\n{"_id": "b", "text": null}\n'))) == []


def test_a_repeated_id_is_refused_unless_the_file_was_checked_before(file):
    path = file('{"_id": "a", "text": "x"}\n{"_id": "a", "text": "y"}\n')
    assert [line.text for line in documents(path, unique=False)] == ["x", "y"]
    with pytest.raises(
        CollectionError, match=r"jsonl:2: document id 'a' occurs a second time: remove or rename one of the two$"
    ):
        list(documents(path))
    with pytest.raises(CollectionError, match="jsonl:2: query id 'a' occurs a second time, with another text: remove"):
        list(queries(path))
    assert list(queries(file('{"_id": 1, "text": "x"}\n{"_id": "1", "text": "x "}\n'))) == [
        (1, "1", "x"),
        (2, "1", "x"),
    ]


def test_documents_as_published_ones_are(file):
    """Ids that are numbers, titles and texts that are null or not there, other names of the id, empty documents."""
    path = file(
        '\ufeff{"_id": 7, "title": null, "text": "x"}\r\n'
        '{"id": "b", "title": "only"}\r\n'
        '{"docid": "c", "title": " ", "text": "\\n"}\r\n'
        '{"doc_id": "d", "text": null}\r\n'
    )
    empty: list[str] = []
    assert list(documents(path, empty=empty)) == [(1, "7", "x"), (2, "b", "only")]
    assert empty == ["c", "d"]


def test_texts_under_another_name_are_not_taken_for_titles_alone(file):
    title = '{"_id": "a", "title": "T"}\n'
    contents = '{"_id": "b", "title": "U", "contents": "y"}\n'
    text = '{"_id": "c", "text": "z", "url": null}\n'
    for content, number, columns in (
        (title + contents, 1, "_id, title"),
        (contents + text, 1, "_id, title, contents"),
        (text + title + contents, 3, "_id, title, contents"),
    ):
        for read in (documents, queries):
            with pytest.raises(CollectionError, match=rf"jsonl:{number}: no 'text': its columns are {columns}: a line"):
                list(read(file(content)))
    with_url = '{"_id": "d", "title": "V", "url": "u"}\n'  # a text has a url, too, so it is no text of another name
    assert [line.text for line in documents(file(text + title + with_url))] == ["z", "T", "V"]


def test_titles_under_another_name_are_not_dropped(file):
    lines = '{"_id": "a", "Title": "T", "text": "x"}\n{"_id": "b", "text": "y"}\n'
    with pytest.raises(
        CollectionError, match=r"jsonl:2: the titles are in the field 'Title', which is not read: call it title$"
    ):
        list(documents(file(lines)))
    both = '{"_id": "a", "Title": "T", "title": "t", "text": "x"}\n'
    assert [line.text for line in documents(file(both))] == ["t x"]


def test_packed_files_are_named(file, tmp_path):
    with pytest.raises(CollectionError, match=r"corpus\.jsonl: is packed with gzip: unpack it$"):
        list(numbered(file(gzip.compress(b"{}\n"))))
    (tmp_path / "queries.jsonl.gz").touch()
    with pytest.raises(CollectionError, match=r"queries\.jsonl: no such file: unpack queries\.jsonl\.gz beside it$"):
        list(numbered(tmp_path / "queries.jsonl"))


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ('["a"]', "a JSON list, not an object: write one JSON object per line"),
        ("{", r"malformed JSON \(.*\): write one JSON object per line"),
        ('{"text": "x"}', r"no '_id': its columns are text: a line needs _id and text \(and a title, for a document"),
        ('{"_id": null, "text": "x"}', "no '_id': its columns are _id, text"),
        ('{"_id": 7.0, "text": "x"}', "the id 7.0 is empty, has white space or is not text"),
        ('{"_id": "a", "text": 7}', "'text' is not text but 7: put it in quotes"),
        ('{"_id": "a", "title": ["b"], "text": "x"}', r"""'title' is not text but \['b'\]: put"""),
        ('{"_id": "", "text": "x"}', "the id '' is empty, has white space or is not text: give it an id without"),
    ],
)
def test_defects_name_file_and_line(file, line, message):
    with pytest.raises(CollectionError, match=rf"corpus\.jsonl:2: {message}"):
        list(documents(file(f'\n{line}\n{{"_id": "b", "text": "y"}}\n')))


def test_only_a_line_feed_ends_a_line_and_blank_lines_are_counted(file):
    assert list(numbered(file("\ufeffa\u2028b\r\n \t\n\r\nc\x0bd\x85"))) == [(1, "a\u2028b"), (4, "c\x0bd\x85")]
    assert list(numbered(file("a\n\ufeffb\n"))) == [(1, "a"), (2, "\ufeffb")]  # a byte order mark only begins a file
    assert list(numbered(file(""))) == []


def test_a_file_that_is_not_one_says_so(file, tmp_path):
    for path, message in (
        (
            tmp_path / "none.jsonl",
            r"no such file: a collection needs corpus\.jsonl, queries\.jsonl and qrels/test\.tsv",
        ),
        (tmp_path, "is a folder: expected a file of that name"),
    ):
        with pytest.raises(CollectionError, match=f"{path}: {message}$"):
            list(numbered(path))
    os.mkfifo(tmp_path / "pipe")
    with pytest.raises(CollectionError, match=r"pipe: is a pipe or a device: expected a file of that name$"):
        list(numbered(tmp_path / "pipe"))
    with pytest.raises(CollectionError, match=r"jsonl:2: byte 2 is not UTF-8: save the file as UTF-8$"):
        list(numbered(file(b"a\nb\xff\n")))


def test_a_defect_is_named_by_its_place():
    assert str(defect(Path("f"), 3, "x")) == "f:3: x"
