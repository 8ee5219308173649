"""Subword vectors of two vocabularies in one space, read and aligned as WECHSEL's published code does it.

For the profile `compat`. It differs from `aligned`, our reading: a token's text is what the tokenizer decodes its id
to, so with the hashes of "##ing", and special and unused tokens have vectors of their names; nothing is lower-cased or
normalized; the rotation is computed in float32. Where the dictionary leaves directions of the rotation undetermined
(`conditioning`), float32 decides about them, so rows differ from ours even for equal texts.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import numpy as np
from scipy.linalg import orthogonal_procrustes

from baselines.vectors.aligned import has_ngram, known_pairs
from baselines.vectors.conditioning import measured, warn
from baselines.vectors.words import SubwordVectors

LABEL = "aligned fastText, as published"


def published_rotation(source: Any, target: Any, dictionary: Iterable[tuple[str, str]]) -> np.ndarray:
    """Return [A, A] float32, the orthogonal Procrustes rotation of the dictionary's word pairs.

    source, target  gensim's KeyedVectors of the two languages

    The same call on the same numbers in the same order as in the published code: the same bits with the same linear
    algebra library, in as many threads. Raises ValueError as `known_pairs` does.
    """
    lefts, rights = known_pairs(source, target, dictionary)
    pairs = np.stack([source.vectors[lefts], target.vectors[rights]], axis=1)  # strided as there
    return orthogonal_procrustes(pairs[:, 0], pairs[:, 1])[0]


def decoded_vectors(words: Any, tokenizer: Any, size: int) -> np.ndarray:
    """Return [size, A] float32 fastText vectors of what a tokenizer decodes each id to, without white space around it.

    words  gensim's FastTextKeyedVectors

    A text that the model does not have as a word gets the mean of its n-grams, with the marks and capitals that it has.
    Texts too short for an n-gram have zeros.
    """
    vectors = np.zeros((size, words.vector_size), dtype=np.float32)
    for token_id in range(size):
        text = tokenizer.decode([token_id]).strip()
        if text in words.key_to_index or has_ngram(words, text):
            vectors[token_id] = words.get_vector(text)
    return vectors


def published_subwords(
    source_words: Any,
    target_words: Any,
    dictionary: Iterable[tuple[str, str]],
    tokenizers: tuple[Any, Any],
    sizes: tuple[int, int],
) -> SubwordVectors:
    """Return vectors of both vocabularies in the target language's space: the rotation is applied to the source's.

    dictionary  word pairs as they are written
    tokenizers  of the source and the target
    sizes       S, T: ids that have a row

    Warns if the dictionary's pairs do not determine the rotation.
    """
    dictionary = list(dictionary)
    source, target = (
        decoded_vectors(words, tokenizer, size)
        for words, tokenizer, size in zip((source_words, target_words), tokenizers, sizes, strict=True)
    )
    rotated = source.astype(np.float64) @ published_rotation(source_words, target_words, dictionary)
    conditioning = measured(source_words, target_words, *known_pairs(source_words, target_words, dictionary))
    warn(conditioning)
    return SubwordVectors(rotated.astype(np.float32), target, LABEL, conditioning)
