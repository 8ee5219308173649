"""Place pieces by words: a piece such as "송" means little to a bridge by itself, the words that contain it do.

Shapes: T target vocabulary, W words, K dimensions of the bridge.
"""

from __future__ import annotations

from collections.abc import Iterable
from itertools import chain
from os import PathLike
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import scipy.sparse as sp

from sembridge.bridge import BridgeVectors, TokenVectors, embed_vocabulary, embed_words
from sembridge.bridging.counted_words import CountedWords, count_words
from sembridge.prompt import prompt_of
from sembridge.vocabulary.token_ids import token_ids
from sembridge.vocabulary.vocabulary import Vocabulary

_BLOCK = 16_384  # words tokenized at a time
_COLUMNS = 64  # dimensions averaged at a time


class Containment(NamedTuple):
    """Which words the tokenizer builds of which tokens, [T, W] of zeros and ones, float64.

    contains  the tokenization of the word contains the token
    alone     it is the token alone
    """

    contains: sp.csr_array
    alone: sp.csr_array


def embed_by_words(
    model: Any,
    vocabulary: Vocabulary,
    tokenizer: Any,
    texts: Iterable[str],
    *,
    language: str = "",
    prompt: str | None = None,
    batch_size: int = 1024,
    progress: bool = False,
) -> TokenVectors:
    """Embed a vocabulary as `embed_vocabulary` does, and place its pieces by the words of texts of its language.

    tokenizer  that of the vocabulary
    texts      are read once; their frequent words are embedded as well, see `count_words`
    language   code of the texts, e.g. "ko"; zh, ja and th have no spaces between words
    others     as in `embed_vocabulary`

    Raises ValueError if the texts have no word.
    """
    options: dict[str, Any] = {"prompt": prompt, "batch_size": batch_size, "progress": progress}
    words = count_words(texts, language)
    own, word_vectors = embed_vocabulary(model, vocabulary, **options), embed_words(model, words.words, **options)
    return place_pieces(own, vocabulary, tokenizer, words, word_vectors)


def embed_both(
    model: Any,
    source: Vocabulary,
    target: Vocabulary,
    *,
    text: str | PathLike[str] | None = None,
    tokenizer: Any = None,
    language: str = "",
    prompt: str | None = None,
) -> BridgeVectors:
    """Embed both vocabularies, the target's pieces by the words of a text where there is one.

    text       a UTF-8 file of target-language text, one passage a line; None: pieces keep their own texts' vectors
    tokenizer  that of the target, to split the words
    language   code of the text, as for `embed_by_words`
    prompt     as for `embed_vocabulary`

    Raises ValueError for a text without a tokenizer, and for one without words.
    """
    if text is None:
        placed = embed_vocabulary(model, target, prompt=prompt)
    elif tokenizer is None:
        raise ValueError(
            f"pieces are to be placed by the words of {str(text)!r}, but there is no tokenizer to split them with: "
            "give that of the target"
        )
    else:
        with Path(text).open(encoding="utf-8-sig") as lines:
            placed = embed_by_words(model, target, tokenizer, lines, language=language, prompt=prompt)
    own = embed_vocabulary(model, source, prompt=prompt)
    return BridgeVectors(own, placed, prompt_of(model) if prompt is None else prompt)


def place_pieces(
    own: TokenVectors, vocabulary: Vocabulary, tokenizer: Any, words: CountedWords, word_vectors: np.ndarray
) -> TokenVectors:
    """Return the vectors of a vocabulary in which pieces are placed by the words that contain them.

    own           the plain vectors of the vocabulary, each of its token's own text
    vocabulary    that of the tokenizer
    words         of target-language text
    word_vectors  [W, K] the bridge's, zero for a word that the bridge does not know (see `bridge.embed_words`)

    The rule is `word_means`. All vectors are unit vectors. A mean of unit vectors is shorter, the more its words
    differ; left so, centering would move a token of many words to the far side of the center. A token without a text
    stays as it was.

    Raises ValueError if the vectors are not those of these words and tokens.
    """
    if len(word_vectors) != len(words) or len(own.known) != len(vocabulary):
        raise ValueError(
            f"{len(word_vectors):,} vectors for {len(words):,} words, {len(own.known):,} for {len(vocabulary):,} "
            "tokens; embed these words and this vocabulary"
        )
    known = np.flatnonzero(np.abs(word_vectors).max(axis=1, initial=0) > 0)
    containment = Containment(*(matrix[:, known] for matrix in _containment(vocabulary, tokenizer, words)))
    vectors = _unit(own.vectors)
    placed, means = word_means(containment, words.counts[known], _unit(word_vectors[known]))
    vectors[placed] = _unit(means)
    is_placed = np.zeros(len(vocabulary), dtype=bool)
    is_placed[placed] = True
    return TokenVectors(vectors, own.known | is_placed, is_placed)


def word_means(containment: Containment, counts: np.ndarray, words: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Decide which tokens are placed by words, and where: return (ids [n], their vectors [n, K] float32).

    counts  [W] of the words
    words   [W, K] unit vectors

    A token that is the whole of some word is not placed. Any other token that a word contains gets the mean of the
    words that contain it, each weighted by its count.
    """
    placed = np.flatnonzero((containment.contains @ counts > 0) & (containment.alone @ counts == 0))
    weighted = sp.csr_array(containment.contains[placed].multiply(counts.astype(np.float64)[None, :]))
    shares = sp.csr_array(sp.diags_array(1 / weighted.sum(axis=1)) @ weighted)
    means = np.empty((len(placed), words.shape[1]), dtype=np.float32)
    for start in range(0, words.shape[1], _COLUMNS):
        part = slice(start, start + _COLUMNS)
        means[:, part] = shares @ words[:, part].astype(np.float64)
    return placed, means


def _containment(vocabulary: Vocabulary, tokenizer: Any, words: CountedWords) -> Containment:
    """Return which tokens with a text are in which words, tokenized as in running text.

    That is after a space, in a language without spaces between words at once; where no word contains a token so, in
    the other form: a word at the beginning of a line has no space before it, and some tokenizers have tokens for that.
    """
    usual, other = (" ", "") if words.spaced else ("", " ")
    first, second = (_contained(vocabulary, tokenizer, words, before) for before in (usual, other))
    uncovered = sp.diags_array((np.diff(first[0].indptr) == 0).astype(np.float64))
    return Containment(*(sp.csr_array(a + uncovered @ b) for a, b in zip(first, second, strict=True)))


def _contained(
    vocabulary: Vocabulary, tokenizer: Any, words: CountedWords, before: str
) -> tuple[sp.csr_array, sp.csr_array]:
    """Return (contains, alone) of `Containment`, for words with something before them."""
    may_be_whole = vocabulary.word_initial if words.spaced else np.ones(len(vocabulary), dtype=bool)
    pairs, alone = [], []  # token * W + word, each once
    for start in range(0, len(words), _BLOCK):
        encoded = token_ids(tokenizer, [before + word for word in words.words[start : start + _BLOCK]])
        tokens = np.fromiter(chain.from_iterable(encoded), dtype=np.int64)
        word_of = start + np.repeat(np.arange(len(encoded)), [len(ids) for ids in encoded])
        with_text = vocabulary.has_text[tokens]  # not the unknown token, not a lone space mark
        tokens, word_of = tokens[with_text], word_of[with_text]
        is_alone = may_be_whole[tokens] & (np.bincount(word_of, minlength=1)[word_of] == 1)
        keys = tokens * len(words) + word_of
        pairs.append(keys)
        alone.append(keys[is_alone])
    return _matrix(pairs, vocabulary, words), _matrix(alone, vocabulary, words)


def _matrix(pairs: list[np.ndarray], vocabulary: Vocabulary, words: CountedWords) -> sp.csr_array:
    keys = np.unique(np.concatenate([np.empty(0, dtype=np.int64), *pairs]))
    coordinates = np.divmod(keys, max(1, len(words)))
    return sp.csr_array((np.ones(len(keys)), coordinates), shape=(len(vocabulary), len(words)))


def _unit(vectors: np.ndarray) -> np.ndarray:
    """Return vectors [n, K] at length 1, float32; zero stays zero."""
    lengths = np.sqrt(np.einsum("ij,ij->i", vectors, vectors, dtype=np.float64))
    lengths[lengths == 0] = 1
    return np.divide(vectors, lengths[:, None], dtype=np.float32, casting="same_kind")
