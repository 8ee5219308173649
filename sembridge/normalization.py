"""Decide once how texts are normalized: Unicode NFC, for every text that a tokenizer, an encoder or BM25 reads.

The same text has several spellings in Unicode: Korean syllables or their parts, Hindi letters with a nukta in one
character or in two. They look alike, but a vocabulary holds one of them, and the others are unknown tokens. Most text
is in NFC, as the W3C recommends. What a tokenizer's own normalizer does (NFD, NFKC, lower case) comes after.
"""

from __future__ import annotations

import unicodedata
from typing import Literal

FORM: Literal["NFC"] = "NFC"


def normalize(text: str) -> str:
    """Return the text in `FORM`. Text in this form is only scanned, and ASCII not even that."""
    return unicodedata.normalize(FORM, text)
