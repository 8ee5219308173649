"""Word vectors of two languages rotated into one space, and subword vectors computed from them (WECHSEL, section 3).

This is our reading; `published_alignment` has that of the published code.
"""

from __future__ import annotations

import unicodedata
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from scipy.linalg import orthogonal_procrustes

from baselines.vectors.conditioning import measured, warn
from baselines.vectors.words import SubwordVectors
from sembridge.vocabulary.vocabulary import Vocabulary

LABEL = "aligned fastText"


def read_dictionary(path: str | Path, *, normalized: bool = True) -> list[tuple[str, str]]:
    """Return (source word, target word) of each line of a bilingual dictionary: UTF-8, two columns, a tab between them.

    A byte order mark at the beginning is dropped. A word with several translations has several lines; empty lines are
    skipped. Words are normalized to NFKC, as those of our word vectors are; with `normalized=False` they stay as they
    are written, as in the published code. Raises ValueError for any other line and for a file without words.
    """
    pairs = []
    try:
        content = Path(path).read_text(encoding="utf-8-sig")
    except UnicodeDecodeError as error:
        advice = "convert it, e.g. with iconv -t UTF-8"
        raise ValueError(f"{str(path)!r} is not UTF-8 text (byte {error.start}); {advice}") from None
    if "\0" in content:  # UTF-16 without a byte order mark is valid UTF-8, and means something else
        raise ValueError(f"{str(path)!r} has a NUL, as UTF-16 has; convert it, e.g. with iconv -f UTF-16LE -t UTF-8")
    layout = "a source word, a tab and a target word"
    for number, line in enumerate(content.splitlines(), 1):
        if not line.strip():
            continue
        written = unicodedata.normalize("NFKC", line) if normalized else line
        source, _, target = (part.strip() for part in written.partition("\t"))
        if not (source and target) or "\t" in target:
            raise ValueError(f"{str(path)!r}, line {number}: expected {layout}, found {line[:60]!r}")
        pairs.append((source, target))
    if not pairs:
        raise ValueError(f"{str(path)!r} is empty: a bilingual dictionary has {layout} on each line")
    return pairs


def known_pairs(source: Any, target: Any, dictionary: Iterable[tuple[str, str]]) -> tuple[list[int], list[int]]:
    """Return the places (source [n], target [n]) of the dictionary's word pairs that both models know.

    source, target  gensim's KeyedVectors of the two languages

    Both words of a pair are tried unchanged, in lower case and in title case; each of the nine combinations that both
    sides know counts, also where these are equal, as in the published code. Raises ValueError if the dimensions differ
    or no pair is known.
    """
    if source.vector_size != target.vector_size:
        raise ValueError(
            f"source word vectors have {source.vector_size} dimensions, target word vectors {target.vector_size}; "
            "they must have as many"
        )
    pairs = [
        (source.key_to_index[left], target.key_to_index[right])
        for source_word, target_word in dictionary
        for left in _cases(source_word)
        if left in source.key_to_index
        for right in _cases(target_word)
        if right in target.key_to_index
    ]
    if not pairs:
        raise ValueError(
            "no pair of the dictionary has word vectors on both sides; check that its first column has the source "
            "language and its second the target language, and that the word vectors are those of these languages"
        )
    lefts, rights = (list(side) for side in zip(*pairs, strict=True))
    return lefts, rights


def rotation(source: Any, target: Any, dictionary: Iterable[tuple[str, str]]) -> np.ndarray:
    """Return [A, A] float64, the orthogonal W that minimizes the sum of |s W - t|^2 over the dictionary's word pairs.

    source, target  gensim's KeyedVectors of the two languages

    Schönemann 1966, over the pairs of `known_pairs`. Directions that the pairs do not determine (`conditioning`) are
    rotated arbitrarily. Raises ValueError if the dimensions differ or no pair is known.
    """
    lefts, rights = known_pairs(source, target, dictionary)
    return orthogonal_procrustes(source.vectors[lefts].astype(np.float64), target.vectors[rights].astype(np.float64))[0]


def token_vectors(words: Any, vocabulary: Vocabulary) -> np.ndarray:
    """Return [V, A] float32 fastText vectors of a vocabulary's tokens by their text (without `##` and the like).

    words  gensim's FastTextKeyedVectors

    A text that is a word of the model, as is or in lower case, has the vector of this word; any other has the mean of
    the vectors of its n-grams in lower case. Tokens without text, and texts too short for an n-gram, have zeros.
    """
    vectors = np.zeros((len(vocabulary), words.vector_size), dtype=np.float32)
    for token_id, text in enumerate(vocabulary.texts):
        if text is None:
            continue
        word = text if text in words.key_to_index else unicodedata.normalize("NFKC", text).lower()
        if word in words.key_to_index or has_ngram(words, word):
            vectors[token_id] = words.get_vector(word)
    return vectors


def aligned_subwords(
    source_words: Any, target_words: Any, dictionary: Iterable[tuple[str, str]], source: Vocabulary, target: Vocabulary
) -> SubwordVectors:
    """Return vectors of both vocabularies in the target language's space: `rotation` is applied to the source's.

    Warns if the dictionary's pairs do not determine the rotation.
    """
    dictionary = list(dictionary)
    rotated = token_vectors(source_words, source).astype(np.float64) @ rotation(source_words, target_words, dictionary)
    conditioning = measured(source_words, target_words, *known_pairs(source_words, target_words, dictionary))
    warn(conditioning)
    return SubwordVectors(rotated.astype(np.float32), token_vectors(target_words, target), LABEL, conditioning)


def _cases(word: str) -> Sequence[str]:
    return word, word.lower(), word.title()


def has_ngram(words: Any, word: str) -> bool:
    """Return whether a text that is not a word has n-grams; without them gensim returns zeros and warns."""
    from gensim.models.fasttext import ft_ngram_hashes

    return words.bucket > 0 and len(ft_ngram_hashes(word, words.min_n, words.max_n, words.bucket)) > 0
