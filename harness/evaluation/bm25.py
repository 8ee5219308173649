"""BM25, the lexical yardstick: what shared words alone achieve on a collection.

Lucene's formula with k1 = 0.9 and b = 0.4, the defaults of pyserini (Kamphuis et al. 2020, "Which BM25 do you mean?", Lucene accurate):

    score(q, d) = sum over query words w of  ln(1 + (N - df + .5) / (df + .5)) * tf / (tf + k1 * (1 - b + b * |d| / avg|d|))

a word that stands twice in the query counts twice. Differences from pyserini, which make small differences in scores: no stemming, no
stop words, exact document lengths (Lucene stores them in one byte).
"""

from __future__ import annotations

import re
import sys
import unicodedata
from functools import cache

import numpy as np

from harness.collections.collection import Collection
from harness.evaluation.search import Run, id_order

K1, B = 0.9, 0.4
BIGRAMS = frozenset({"zh", "ja", "th"})
"""Languages that do not put spaces between words: their words are single characters and pairs of neighbours."""

# Han (with 々 and 〇, and the planes of rare characters), kana, Hangul, Thai letters and signs
_SCRIPTS = (
    "\u3005-\u3007\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff\U00020000-\U0003ffff\u3040-\u30ff\u31f0-\u31ff\uac00-\ud7a3\u0e01-\u0e3a\u0e40-\u0e4e"
)


def search(collection: Collection, language: str, k: int) -> Run:
    """The k best documents of every query by (score descending, document id ascending); documents with score 0 are not retrieved.

    Scores are float64. bm25s computes the formula's parts once per word and document and `get_scores` adds them up in the order of the
    query's words, over all documents, so they are exact and repeatable; its `retrieve` breaks ties arbitrarily and is not used.
    """
    import bm25s  # here, not above: it compiles on import, and only this row of the table needs it

    if k < 1:
        raise ValueError(f"k must be at least 1, got {k}")
    vocabulary: dict[str, int] = {}
    documents = [[vocabulary.setdefault(word, len(vocabulary)) for word in words(text, language)] for text in collection.document_texts]
    if not vocabulary:  # nothing but punctuation: bm25s would divide by an average length of 0
        return {query: [] for query in collection.query_ids}
    index = bm25s.BM25(k1=K1, b=B, method="lucene", dtype="float64", backend="numpy")
    # Ids instead of words: bm25s numbers words in the order of a set, which changes from process to process.
    index.index((documents, vocabulary), create_empty_token=False, show_progress=False)

    order = id_order(collection.document_ids)
    run: Run = {}
    for query, text in zip(collection.query_ids, collection.query_texts, strict=True):
        known = [vocabulary[word] for word in words(text, language) if word in vocabulary]
        run[query] = []
        if not known:  # get_scores cannot take an empty query
            continue
        scores = index.get_scores(known)
        found = np.flatnonzero(scores > 0)
        if len(found) > k:
            found = found[scores[found] >= np.partition(scores[found], len(found) - k)[len(found) - k]]
        found = found[np.lexsort((order[found], -scores[found]))][:k]
        run[query] = [(collection.document_ids[i], s) for i, s in zip(found.tolist(), scores[found].tolist(), strict=True)]
    return run


def words(text: str, language: str) -> list[str]:
    """The words of a text, in order: runs of letters, digits and their marks, NFKC, lower case.

    In one of the `BIGRAMS` languages every East Asian or Thai character is a word and so is every pair of neighbours; Latin words and
    numbers within the text stay whole.
    """
    text = unicodedata.normalize("NFKC", text).lower()
    if language.split("-")[0] not in BIGRAMS:
        return _word().findall(text)
    found: list[str] = []
    for match in _characters_or_word().finditer(text):
        run = match.group()
        if match.lastgroup == "characters":
            found += run
            found += [run[i : i + 2] for i in range(len(run) - 1)]
        else:
            found.append(run)
    return found


@cache
def _marks() -> str:
    r"""A character class of all combining marks and the joiners: \w lacks them and would break Hindi words at every vowel sign."""
    marks = [chr(c) for c in range(sys.maxunicode + 1) if unicodedata.category(chr(c)) in ("Mn", "Mc", "Me")]
    return "".join(marks) + "\u200c\u200d"


@cache
def _word() -> re.Pattern[str]:
    return re.compile(rf"[^\W_](?:[^\W_]|[{_marks()}])*")


@cache
def _characters_or_word() -> re.Pattern[str]:
    letter = rf"[^\W_{_SCRIPTS}]"
    return re.compile(rf"(?P<characters>[{_SCRIPTS}]+)|(?P<word>{letter}(?:{letter}|[{_marks()}])*)")
