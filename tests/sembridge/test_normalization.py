"""Spellings of one text become one, by hand."""

from __future__ import annotations

import pytest

from sembridge.normalization import normalize

SYLLABLE, PARTS = "\ud55c", "\u1112\u1161\u11ab"  # 한, in one character and in three
QA, QA_IN_TWO = "\u0958", "\u0915\u093c"  # क़: NFC has the two


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (PARTS, SYLLABLE),
        (SYLLABLE, SYLLABLE),
        (QA, QA_IN_TWO),
        (QA_IN_TWO, QA_IN_TWO),
        ("cafe\u0301", "caf\u00e9"),
        ("\ufb01 \u2460", "\ufb01 \u2460"),  # a ligature and a circled digit: NFKC would change them
        ("plain text", "plain text"),
        ("", ""),
    ],
)
def test_spellings(text, expected):
    assert normalize(text) == expected and normalize(normalize(text)) == expected
