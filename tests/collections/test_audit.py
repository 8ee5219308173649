"""Streams of documents that are watched: counts, fingerprints, and what an expected dataset must not be."""

from __future__ import annotations

import hashlib

import pytest

from harness.collections.audit import Audit, check_expected
from harness.collections.collection import CollectionError

ADVICE = "choose another dataset or revision$"


def documents(count: int) -> list[tuple[str, str, str]]:
    return [(f"d{number}", "", f"text {number}") for number in range(1, count + 1)]


def sha256(line: str) -> str:
    return hashlib.sha256(line.encode()).hexdigest()


def test_documents_without_a_text_are_counted_and_left_out():
    audit = Audit("a/set")
    texts = [("a", "T", ""), ("b", " ", "\n"), ("c", "", "x"), ("d", "", "")]
    watched = []
    for document in audit.watch(texts):
        assert audit.current == document[0]
        watched.append(document)
    assert watched == [texts[0], texts[2]]
    assert (audit.read, audit.empty, audit.current) == (4, 2, "d")


def test_fingerprints_are_of_the_first_the_tenth_and_the_last_line():
    audit = Audit("a/set")
    list(audit.watch([("물", "T", 'a "b"'), *documents(10)]))
    assert audit.fingerprints() == {
        "first": sha256('{"_id": "물", "title": "T", "text": "a \\"b\\""}'),
        "tenth": sha256('{"_id": "d9", "title": "", "text": "text 9"}'),
        "last": sha256('{"_id": "d10", "title": "", "text": "text 10"}'),
    }


def test_a_short_corpus_has_no_tenth_line_and_one_document_is_first_and_last():
    audit = Audit("a/set")
    assert list(audit.watch([("a", "", "")])) == []
    line = sha256('{"_id": "a", "title": "", "text": ""}')
    assert audit.fingerprints() == {"first": line, "last": line}


def test_a_bad_corpus_is_refused():
    with pytest.raises(CollectionError, match=rf"^a/set: the corpus is empty: {ADVICE}"):
        list(Audit("a/set").watch([]))
    for identifier in ("a b", "", "a\u2028"):
        watched = Audit("a/set").watch([("first", "", "x"), (identifier, "", "x")])
        assert next(watched)[0] == "first"
        with pytest.raises(
            CollectionError, match=rf"^a/set: the document id '.*' is empty or has white space: {ADVICE}"
        ):
            next(watched)


def test_repeated_ids_are_counted_at_the_end():
    repeated = [("x", "", "1"), *documents(5), ("x", "", "2"), ("d3", "", "other"), ("x", "", "")]
    watched = []
    with pytest.raises(CollectionError, match=rf"^a/set: 3 document ids occur a second time: {ADVICE}"):
        watched.extend(Audit("a/set").watch(repeated))
    assert len(list(Audit("a/set").watch(documents(1000)))) == 1000


def test_every_difference_from_what_is_expected_is_named():
    counts = {"documents": 3, "queries": 2, "first": "abc"}
    check_expected("a/set", counts, {})
    check_expected("a/set", counts, {"queries": 2, "first": "abc"})
    with pytest.raises(CollectionError) as error:
        check_expected("a/set", counts, {"documents": 4, "queries": 2, "tenth": "def"})
    assert str(error.value) == (
        "a/set is not what was expected: documents expected 4, found 3; tenth expected def, found none: "
        "check revision and config, or correct what is expected"
    )
