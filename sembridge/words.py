"""Split text into words, by language, for everything lexical: the BM25 row, word vectors and pieces."""

from __future__ import annotations

import re
import sys
import unicodedata
from functools import cache

from sembridge.normalization import normalize

UNSPACED = frozenset({"zh", "ja", "th"})
"""Languages without spaces between words; their words are single characters and pairs of neighbours."""

GLUED = frozenset({"ko"})
"""Languages that glue particles to words: exact matching works better on pairs of characters, as in Lucene's CJK
analyzer."""

# Han (with 々 and 〇, and the planes of rare characters), kana, Thai letters and signs
_UNSPACED_SCRIPTS = (
    "\u3005-\u3007\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff\U00020000-\U0003ffff"
    "\u3040-\u30ff\u31f0-\u31ff\u0e01-\u0e3a\u0e40-\u0e4e"
)
_SCRIPTS = _UNSPACED_SCRIPTS + "\uac00-\ud7a3"  # and Hangul


def is_spaced(language: str) -> bool:
    """Return whether a language puts spaces between its words; a language that is not known does."""
    return language.split("-")[0] not in UNSPACED


def has_unspaced_script(word: str) -> bool:
    """Return whether a word has a character of a script that is written without spaces between words."""
    return _unspaced_character().search(word) is not None


def words(text: str, language: str) -> list[str]:
    """Return the words of a text, in order: runs of letters, digits and their marks, NFKC, lower case.

    In an `UNSPACED` language every East Asian or Thai character is a word, and so is every pair of neighbours; Latin
    words and numbers within the text stay whole.
    """
    return _split(_folded(text), not is_spaced(language))


def written_words(text: str, language: str) -> list[str]:
    """Return the same words as the text writes them: NFC, upper and lower case, as a tokenizer reads them."""
    return _split(normalize(text), not is_spaced(language))


def terms(text: str, language: str) -> list[str]:
    """Return the units of exact matching: words, but characters and pairs in `GLUED` languages too."""
    return _split(_folded(text), language.split("-")[0] in UNSPACED | GLUED)


def _folded(text: str) -> str:
    return unicodedata.normalize("NFKC", text).lower()


def _split(text: str, into_pairs: bool) -> list[str]:
    if not into_pairs:
        return _word().findall(text)
    units: list[str] = []
    for match in _characters_or_word().finditer(text):
        run = match.group()
        if match.lastgroup == "characters":
            units += run
            units += [run[i : i + 2] for i in range(len(run) - 1)]
        else:
            units.append(run)
    return units


@cache
def _unspaced_character() -> re.Pattern[str]:
    return re.compile(f"[{_UNSPACED_SCRIPTS}]")


@cache
def _marks() -> str:
    r"""Return all combining marks and the joiners: \w lacks them and would break Hindi words at every vowel sign."""
    marks = [chr(c) for c in range(sys.maxunicode + 1) if unicodedata.category(chr(c)) in ("Mn", "Mc", "Me")]
    return "".join(marks) + "\u200c\u200d"


@cache
def _word() -> re.Pattern[str]:
    return re.compile(rf"[^\W_](?:[^\W_]|[{_marks()}])*")


@cache
def _characters_or_word() -> re.Pattern[str]:
    letter = rf"[^\W_{_SCRIPTS}]"
    return re.compile(rf"(?P<characters>[{_SCRIPTS}]+)|(?P<word>{letter}(?:{letter}|[{_marks()}])*)")
