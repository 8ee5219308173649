"""Running text from both kinds of files."""

import json

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
