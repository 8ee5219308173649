"""Running text from both kinds of files."""

import json

import pytest

from harness.collections.collection import CollectionError
from harness.collections.text import lines


def test_plain_file_and_corpus(tmp_path):
    (tmp_path / "a.txt").write_text("eins\n\n  zwei \n", encoding="utf-8")
    assert list(lines(tmp_path / "a.txt")) == ["eins", "zwei"]
    rows = [{"_id": "d1", "title": "Titel", "text": "Text"}, {"_id": "d2", "text": "nur Text"}]
    (tmp_path / "corpus.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")
    assert list(lines(tmp_path / "corpus.jsonl")) == ["Titel Text", "nur Text"]


def test_a_byte_order_mark_is_no_part_of_the_first_text(tmp_path):
    (tmp_path / "a.txt").write_bytes(b"\xef\xbb\xbfeins\r\nzwei\r\n")
    assert list(lines(tmp_path / "a.txt")) == ["eins", "zwei"]
    (tmp_path / "corpus.jsonl").write_bytes(b'\xef\xbb\xbf{"_id": 1, "title": null, "text": "drei"}\r\n')
    assert list(lines(tmp_path / "corpus.jsonl")) == ["drei"]


@pytest.mark.parametrize(("encoding", "place"), [("utf-16-le", 2), ("utf-16-be", 1)])
def test_utf_16_without_a_mark_is_not_taken_for_text(tmp_path, encoding, place):
    (tmp_path / "a.txt").write_bytes("one\nдва\n".encode(encoding))
    with pytest.raises(CollectionError, match=rf"a\.txt:1: byte {place} is NUL, as in UTF-16: save the file as UTF-8"):
        list(lines(tmp_path / "a.txt"))
