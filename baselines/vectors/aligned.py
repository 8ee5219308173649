"""Word vectors of two languages turned into one space, and what they say about the subwords of both vocabularies (WECHSEL, section 3)."""

from __future__ import annotations

import logging
import unicodedata
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from scipy.linalg import orthogonal_procrustes

from baselines.vectors.words import SubwordVectors
from sembridge.vocabulary.vocabulary import Vocabulary

LABEL = "aligned fastText"

logger = logging.getLogger(__name__)


def read_dictionary(path: str | Path) -> list[tuple[str, str]]:
    """(source word, target word) of each line of a bilingual dictionary: two columns, a tab between them, UTF-8, empty lines left out.

    A word with several translations has several lines. Words are brought to Unicode's form NFKC. Raises ValueError for any other line and for a
    file without words.
    """
    found = []
    try:
        lines = Path(path).read_text(encoding="utf-8").splitlines()
    except UnicodeDecodeError as error:
        raise ValueError(
            f"{str(path)!r} is no UTF-8 text (byte {error.start}); convert it, e.g. with iconv -t UTF-8"
        ) from None
    for number, line in enumerate(lines, 1):
        if not line.strip():
            continue
        source, _, target = (part.strip() for part in unicodedata.normalize("NFKC", line).partition("\t"))
        if not (source and target) or "\t" in target:
            raise ValueError(
                f"{str(path)!r}, line {number}: expected a source word, a tab and a target word, found {line[:60]!r}"
            )
        found.append((source, target))
    if not found:
        raise ValueError(
            f"{str(path)!r} is empty: a bilingual dictionary has a source word, a tab and a target word on each line"
        )
    return found


def rotation(source: Any, target: Any, dictionary: Iterable[tuple[str, str]]) -> np.ndarray:
    """[A, A] float64, the orthogonal W that minimizes the sum of |s W - t|^2 over the dictionary's pairs of words (Schönemann 1966).

    source, target  gensim's KeyedVectors of the two languages

    A pair counts for each of the nine combinations of its words as they stand, in lower case and in title case that both sides know, also where
    these are the same: so does the published code. Raises ValueError if the dimensions differ or no pair is known.
    """
    if source.vector_size != target.vector_size:
        raise ValueError(
            f"source word vectors have {source.vector_size} dimensions, target word vectors {target.vector_size}; they must have as many"
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
            "no pair of the dictionary has word vectors on both sides; check that it has the source language in its first column and the target "
            "language in its second, and that the word vectors are those of these languages"
        )
    if len(set(pairs)) < source.vector_size:
        logger.warning(
            "only %d pairs of the dictionary have word vectors, too few to align %d dimensions",
            len(set(pairs)),
            source.vector_size,
        )
    lefts, rights = (list(side) for side in zip(*pairs, strict=True))
    return orthogonal_procrustes(source.vectors[lefts].astype(np.float64), target.vectors[rights].astype(np.float64))[0]


def token_vectors(words: Any, vocabulary: Vocabulary) -> np.ndarray:
    """[V, A] float32 fastText vectors of a vocabulary's tokens by their text, without `##` and the like; zero for tokens without text.

    words  gensim's FastTextKeyedVectors

    A text that is a word of the model has the vector of this word, any other the mean of its character n-grams' vectors, zero where it is too short
    to have one. A text the model does not have as a word is looked up in lower case.
    """
    vectors = np.zeros((len(vocabulary), words.vector_size), dtype=np.float32)
    for token_id, text in enumerate(vocabulary.texts):
        if text is None:
            continue
        word = text if text in words.key_to_index else unicodedata.normalize("NFKC", text).lower()
        if word in words.key_to_index or _has_ngram(words, word):
            vectors[token_id] = words.get_vector(word)
    return vectors


def aligned_subwords(
    source_words: Any, target_words: Any, dictionary: Iterable[tuple[str, str]], source: Vocabulary, target: Vocabulary
) -> SubwordVectors:
    """Vectors of both vocabularies in the target language's space: source subwords are turned by `rotation`, target subwords stay."""
    turn = rotation(source_words, target_words, dictionary)
    turned = token_vectors(source_words, source).astype(np.float64) @ turn
    return SubwordVectors(turned.astype(np.float32), token_vectors(target_words, target), LABEL)


def _cases(word: str) -> Sequence[str]:
    return word, word.lower(), word.title()


def _has_ngram(words: Any, word: str) -> bool:
    """Whether fastText can make a vector of a text it does not have as a word; gensim answers zeros and a warning where it cannot."""
    from gensim.models.fasttext import ft_ngram_hashes

    return words.bucket > 0 and len(ft_ngram_hashes(word, words.min_n, words.max_n, words.bucket)) > 0
