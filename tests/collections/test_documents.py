"""Documents without queries: a corpus or a folder of texts, and what cannot be one."""

from __future__ import annotations

import gzip
import os
import unicodedata

import pytest

from harness.collections.collection import CollectionError
from harness.collections.documents import find

CORPUS = '{"_id": "a", "title": "T", "text": "x"}\n{"_id": "b", "text": ""}\n{"_id": "c", "text": "y"}\n'


@pytest.mark.parametrize("name", ["corpus.jsonl", "mine.jsonl"])
def test_a_corpus_by_its_file(tmp_path, name):
    (tmp_path / name).write_text(CORPUS)
    documents = find(tmp_path / name)
    assert list(documents.stream()) == [("a", "T x"), ("c", "y")]
    assert documents.check() == (2, 1)


def test_a_corpus_by_its_folder_even_beside_texts(tmp_path):
    (tmp_path / "corpus.jsonl").write_text(CORPUS)
    (tmp_path / "readme.txt").write_text("about this corpus")
    assert [name for name, _ in find(tmp_path).stream()] == ["a", "c"]


def test_a_folder_of_texts(tmp_path):
    (tmp_path / "b").mkdir()
    (tmp_path / ".hidden").mkdir()
    contents = {"z.txt": "last\n", "b/one.txt": "\n a  b\n", "b/empty.txt": " \n", "notes.md": "no", ".x.txt": "no"}
    contents |= {".hidden/y.txt": "no", "가.txt": unicodedata.normalize("NFD", "한국어")}
    for name, text in contents.items():
        (tmp_path / name).write_text(text, encoding="utf-8")
    documents = find(tmp_path)
    assert list(documents.stream()) == [("b/one.txt", "a  b"), ("z.txt", "last"), ("가.txt", "한국어")]
    assert documents.check() == (3, 1)


def test_what_is_no_collection_is_refused(tmp_path):
    (tmp_path / "empty").mkdir()
    (tmp_path / "thesis.tex").write_text("x")
    advice = "give a corpus.jsonl, a folder that holds one, or a folder of .txt files, one document a file"
    for name, problem in (
        ("gone", "no such file or folder"),
        ("empty", "holds neither corpus.jsonl nor .txt files"),
        ("thesis.tex", "is not a file of JSON lines"),
    ):
        with pytest.raises(CollectionError) as refused:
            find(tmp_path / name)
        assert str(refused.value) == f"{tmp_path / name}: {problem}: {advice}"


BAD = {
    "twice": ('{"_id": "a", "text": "x"}\n' * 2, "corpus.jsonl:2: document id 'a' occurs a second time"),
    "no json": ('{"_id": "a", "text": "x"}\n{', "corpus.jsonl:2: malformed JSON"),
    "nothing": ("\n", "corpus.jsonl: there is no document with a text: add one"),
    "only empty ones": ('{"_id": "a", "text": " "}', "corpus.jsonl: there is no document with a text: add one"),
}


@pytest.mark.parametrize("name", BAD)
def test_a_corpus_with_a_defect_is_refused(tmp_path, name):
    content, message = BAD[name]
    (tmp_path / "corpus.jsonl").write_text(content)
    with pytest.raises(CollectionError, match=message):
        find(tmp_path).check()


def test_a_packed_corpus_is_refused(tmp_path):
    (tmp_path / "corpus.jsonl.gz").write_bytes(gzip.compress(CORPUS.encode()))
    for path in (tmp_path, tmp_path / "corpus.jsonl.gz"):
        with pytest.raises(CollectionError, match="unpack"):
            find(path).check()


def test_texts_with_defects_are_refused_by_name(tmp_path, monkeypatch):
    cases = {b"\xff": "byte 1 is not UTF-8", b"x\0": "character 2 is NUL, as in UTF-16", b"x" * 40: "is longer than 32"}
    monkeypatch.setattr("harness.files.bounded.LINE", 32)
    for content, message in cases.items():
        (tmp_path / "a.txt").write_bytes(content)
        with pytest.raises(CollectionError, match=f"a.txt: .*{message}"):
            find(tmp_path).check()


def test_a_name_that_is_not_utf8_is_refused(tmp_path):
    path = os.fsencode(tmp_path) + b"/\xe9.txt"
    try:
        with open(path, "wb") as file:
            file.write(b"x")
    except OSError:
        pytest.skip("this file system takes no such names")
    with pytest.raises(CollectionError, match=r"\\udce9.txt: the name of the file is not UTF-8: rename it"):
        find(tmp_path).check()
