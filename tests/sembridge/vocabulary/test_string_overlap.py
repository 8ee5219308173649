"""Matching by string alone, on vocabularies written by hand; what it costs on real tokenizers is in test_compat.py."""

from __future__ import annotations

import numpy as np
import pytest

from sembridge.vocabulary.string_overlap import canonical, copied_by_string, match_strings
from sembridge.vocabulary.vocabulary import Vocabulary

NEITHER = {"exact": False, "fuzzy": False, "symbols": False}


def wordpiece(*tokens: str | None, specials: tuple[str, ...] = ()) -> Vocabulary:
    """Return a WordPiece vocabulary as the compat profile reads it: texts keep their hashes; None is a hole."""
    initial = np.array([token is not None and not token.startswith("##") for token in tokens])
    roles = tuple("special" if token in specials else None for token in tokens)
    return Vocabulary("wordpiece", tokens, tokens, initial, roles, "compat")


def test_canonical_forms():
    vocabulary = wordpiece("play", "##play", "##", None)
    forms = [canonical(vocabulary, token_id) for token_id in range(4)]
    assert forms == [("play", True), ("play", False), ("", False), None]
    as_bytes = Vocabulary("byte-bpe", ("##play",), ("##play",), np.array([False]), (None,), "compat")
    assert canonical(as_bytes, 0) == ("##play", False), "hashes are a mark in WordPiece only"


def test_the_switches():
    source, target = wordpiece("cat", "Dog", "7"), wordpiece("cat", "dog", "##7", "bird")
    switches = {"exact": [0, -1, -1, -1], "fuzzy": [0, 1, 2, -1], "symbols": [-1, -1, 2, -1]}
    for switch, expected in switches.items():
        assert copied_by_string(source, target, **{**NEITHER, switch: True}).tolist() == expected, switch
    assert copied_by_string(source, target, **NEITHER).tolist() == [-1] * 4


def test_fuzzy_prefers_the_lower_case_continuation_then_the_first_id():
    assert copied_by_string(
        wordpiece("PLAY", "play", "##play"), wordpiece("Play"), **{**NEITHER, "fuzzy": True}
    ).tolist() == [2]
    assert copied_by_string(
        wordpiece("PLAY", "play", "##PLAY"), wordpiece("Play"), **{**NEITHER, "fuzzy": True}
    ).tolist() == [0]


def test_the_last_of_equal_forms_wins_and_holes_match_nothing():
    """Two source tokens with one text happen where a tokenizer decodes them alike, for example lone bytes."""
    texts = ("\ufffd", "\ufffd", None)
    source = Vocabulary("byte-bpe", ("a", "b", None), texts, np.zeros(3, dtype=bool), (None,) * 3, "compat")
    target = Vocabulary("byte-bpe", ("c", None), ("\ufffd", None), np.zeros(2, dtype=bool), (None,) * 2, "compat")
    assert copied_by_string(source, target, exact=True, fuzzy=True, symbols=True).tolist() == [1, -1]


@pytest.mark.parametrize("symbol", ["12", "\u00bd", "...", "(!)", " "])
def test_symbols_are_digits_punctuation_and_white_space(symbol):
    for token, expected in ((symbol, 0), (f"a{symbol}", -1)):
        copied = copied_by_string(wordpiece(token), wordpiece(f"##{token}"), **{**NEITHER, "symbols": True})
        assert copied.tolist() == [expected]


def test_rules_name_what_two_tokens_have_in_common():
    source = wordpiece("cat", "##dog", "BIRD", "Fish", "[CLS]", specials=("[CLS]",))
    target = wordpiece("cat", "dog", "bird", "##fish", "[CLS]", "cow", specials=("[CLS]",))
    overlap = match_strings(source, target)
    assert overlap.copied.tolist() == [0, 1, 2, 3, 4, -1] and overlap.copied.dtype == np.int64
    assert overlap.rule == ("exact", "boundary", "case", "case+boundary", "token", "")


def test_specials_only_match_specials_of_the_same_string():
    """[SEP] is ordinary in the source, and `cat` in both: neither is copied."""
    source = wordpiece("cat", "[SEP]", "[CLS]", specials=("[CLS]",))
    target = wordpiece("[CLS]", "cat", "[SEP]", "[cls]", specials=("[CLS]", "[SEP]", "[cls]"))
    overlap = match_strings(source, target, specials_only=True)
    assert overlap.copied.tolist() == [2, -1, -1, -1] and overlap.rule == ("token", "", "", "")
