"""Ids, texts and scores of single records, whatever kind of file they are in."""

from __future__ import annotations

import pytest

from harness.collections.collection import CollectionError
from harness.collections.fields import LARGEST, Where, identifier, is_identifier, judgement, score, text, word

OWN, DOWNLOAD = Where("f:2", number=2), Where("f:2", own=False, number=2)


def test_identifiers():
    assert all(map(is_identifier, ("a", "7", "a:b/c", "물", "\u200b")))
    assert not any(map(is_identifier, ("", " ", "a b", "a ", "\ta", "a\u2028b", "a\u3000", 7, None)))


def test_a_whole_number_is_an_id_and_its_names_have_an_order():
    assert word(7, OWN) == "7" and word("7 ".strip(), OWN) == "7"
    assert identifier({"doc_id": "d", "docid": "c", "id": "b", "_id": "a"}, OWN) == "a"
    assert identifier({"doc_id": "d", "docid": "c"}, OWN) == "c"
    with pytest.raises(CollectionError, match=r"^f:2: the id True is empty, has white space or is not text: give it"):
        word(True, OWN)


@pytest.mark.parametrize(
    ("value", "number"),
    [("1", 1), ("1.0", 1), (2.0, 2), (True, 1), ("-2.00", -2), ("1e3", 1000), (str(LARGEST), 2**31 - 1)],
)
def test_scores_that_are_whole_numbers(value, number):
    assert score(value, OWN) == number and type(score(value, OWN)) is int


@pytest.mark.parametrize(
    "value", ["", "0.5", "one", "nan", "inf", str(LARGEST + 1), f"-{LARGEST + 1}", None, [1], 10**400]
)
def test_scores_that_are_not(value):
    with pytest.raises(CollectionError, match=r"^f:2: the score .* is not a whole number: write 1 for relevant, 0 for"):
        score(value, OWN)


def test_who_downloads_a_file_is_not_told_to_mend_it():
    for where, advice in ((OWN, "write 1 for relevant, 0 for not relevant"), (DOWNLOAD, "check config and split")):
        with pytest.raises(CollectionError) as error:
            score("one", where)
        assert str(error.value) == f"f:2: the score 'one' is not a whole number: {advice}"


def test_columns_of_a_judgement():
    """Tabs, with spaces around ids, or white space; TREC's second column is dropped, and may not be empty."""
    assert judgement("q\t d \t1", OWN) == judgement("q  d 1", OWN) == judgement("q 0 d 1.0", OWN) == ("q", "d", 1)
    with pytest.raises(CollectionError, match="the id '' is empty"):
        judgement("q\t\td\t1", OWN)


def test_half_a_surrogate_pair_is_no_character():
    whole = {"text": "\U0001f600 물"}
    assert text(whole, "text", OWN) == "\U0001f600 물" and text(whole, "title", OWN) == ""
    with pytest.raises(CollectionError, match=r"^f:2: 'text' has half a surrogate pair, .*: choose another revision$"):
        text({"text": "\ud83d"}, "text", DOWNLOAD)
    with pytest.raises(CollectionError, match=r"^f:2: its id has half a surrogate pair, .*: repair it$"):
        word("d\ud800", OWN)
