"""Multilingual word vectors, and subword vectors computed from them (OFA, section 3.1)."""

from __future__ import annotations

import codecs
import logging
import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from itertools import chain
from pathlib import Path
from typing import Any

import numpy as np
import scipy.sparse as sp

from sembridge.extras import require
from sembridge.normalization import normalize
from sembridge.vocabulary.token_ids import token_ids

logger = logging.getLogger(__name__)

COLEXNET = "ColexNet+"
BRIDGE = "bridge vectors"
OWN = "own word vectors"
_LANGUAGE = re.compile(r"^[a-z]{3}:(?=.)")
_BLOCK = 16_384  # words tokenized at a time

_FORMS: tuple[Callable[[str], str], ...] = (
    lambda word: word,
    lambda word: " " + word,
    lambda word: " " + word[:1].upper() + word[1:],
)


@dataclass(frozen=True, eq=False)
class WordVectors:
    """Vectors of words of many languages in one space.

    words    W plain words; the same word may occur once per language
    vectors  [W, A] float32
    label    their source: `ColexNet+`, or what replaces it (`bridge vectors`)
    """

    words: tuple[str, ...]
    vectors: np.ndarray
    label: str = BRIDGE

    def __post_init__(self) -> None:
        if len(self.words) != len(self.vectors):
            raise ValueError(f"{len(self.words):,} words but {len(self.vectors):,} vectors")

    @classmethod
    def load(cls, path: str | Path, label: str | None = None) -> WordVectors:
        """Read word2vec TEXT format (a line `W A`, then `word v1 ... vA` lines); pickled gensim files are refused.

        label  None: see `label_of`. ColexNet+ writes `eng:$hand$`; its language prefix and `$` word boundaries are
        removed. Words are normalized to NFC, as texts are.

        A word that occurs a second time keeps its first vector, with a warning that counts them. Raises ValueError for
        a file that is not in this format.
        """
        require("focus", "reading word vectors")
        from gensim.models import KeyedVectors

        encoding = _check_header(Path(path))
        per_word = logging.getLogger("gensim.models.keyedvectors")  # it would log a line for each repeated word
        level = per_word.level
        per_word.setLevel(logging.ERROR)
        try:
            keyed = KeyedVectors.load_word2vec_format(str(path), binary=False, encoding=encoding)
        except (ValueError, EOFError, UnicodeDecodeError, MemoryError, IndexError) as error:
            advice = "a gensim file is converted with KeyedVectors.save_word2vec_format"
            raise ValueError(f"{str(path)!r} is not in word2vec text format ({error}); {advice}") from error
        finally:
            per_word.setLevel(level)
        known = len(keyed.key_to_index)  # the lists of gensim keep room for the repeated words, at their ends
        if repeated := len(keyed.index_to_key) - known:
            logger.warning("%s: %d words occur a second time; the first vector of each is used", path, repeated)
        vectors = np.asarray(keyed.vectors[:known], dtype=np.float32)
        if len(broken := np.flatnonzero(~np.isfinite(vectors).all(axis=1))):
            example = keyed.index_to_key[broken[0]][:80]
            problem = f"has values that are not finite in {len(broken):,} vectors (such as that of {example!r})"
            raise ValueError(f"{str(path)!r} {problem}; remove these lines and correct the number in the first one")
        label = label_of(path) if label is None else label
        words: Iterable[str] = map(normalize, keyed.index_to_key[:known])
        if label == COLEXNET:
            words = (_LANGUAGE.sub("", word).replace("$", " ").strip() for word in words)
        return cls(tuple(words), vectors, label)


def _check_header(path: Path) -> str:
    """Return the encoding: UTF-8 with or without a byte order mark.

    Raises ValueError if the file cannot hold the numbers its first line promises, as gensim allocates them first, and
    if it has more lines than the words promised, as gensim leaves out the others.
    """
    with path.open("rb") as file:
        line = file.readline(100)
    columns = line.removeprefix(codecs.BOM_UTF8).split()
    if len(columns) == 2 and all(column.isdigit() for column in columns) and path.suffix not in (".gz", ".bz2"):
        words, dimension = (int(column) for column in columns)
        if 2 * words * dimension > path.stat().st_size:  # at least a digit and a blank per number
            size = f"{words:,} words of {dimension:,} numbers"
            raise ValueError(f"{str(path)!r} is cut off: its first line promises {size}; get the file again")
        with path.open("rb") as file:
            further = sum(1 for line in file if line.strip()) - 1
        if not words or further > words:
            problem = f"promises {words:,} words in its first line and has {further:,} further lines"
            raise ValueError(f"{str(path)!r} {problem}; correct the first line, or get the file again")
    return "utf-8-sig" if line.startswith(codecs.BOM_UTF8) else "utf-8"


@dataclass(frozen=True, eq=False)
class SubwordVectors:
    """Subword vectors of the source [S, A] and target [T, A] vocabulary, float32, zero if no word has the subword.

    statistics  figures of how they were made, to show to a person
    """

    source: np.ndarray
    target: np.ndarray
    label: str = BRIDGE
    statistics: Mapping[str, float] = field(default_factory=dict)


def label_of(path: str | Path) -> str:
    """Return `ColexNet+` for a file whose name says so, `own word vectors` for any other."""
    return COLEXNET if "colexnet" in Path(path).name.lower() else OWN


def subword_vectors(
    words: WordVectors, source_tokenizer: Any, target_tokenizer: Any, source_size: int, target_size: int
) -> SubwordVectors:
    """Return as the vector of a subword the plain mean of the vectors of the words whose tokenization contains it.

    Every word is tokenized three times: bare, after a space, and capitalized after a space. As in the reference
    implementation, each tokenization that contains the subword counts, so a word counts up to three times; a subword
    that occurs twice in one tokenization counts once.
    """
    source = _subword_means(words, source_tokenizer, source_size)
    return SubwordVectors(source, _subword_means(words, target_tokenizer, target_size), words.label)


def _subword_means(words: WordVectors, tokenizer: Any, size: int) -> np.ndarray:
    """Return [size, A] the mean vector of the tokenizations that contain each token id, zero where there are none."""
    sums = np.zeros((size, words.vectors.shape[1]))
    counts = np.zeros(size, dtype=np.int64)
    for start in range(0, len(words.words), _BLOCK):
        block = words.words[start : start + _BLOCK]
        vectors = words.vectors[start : start + _BLOCK].astype(np.float64)
        for form in _FORMS:
            encoded = token_ids(tokenizer, [form(word) for word in block])
            subwords = np.fromiter(chain.from_iterable(encoded), dtype=np.int64)
            word_of = np.repeat(np.arange(len(block)), [len(ids) for ids in encoded])
            # Each pair once, words in order: subwords of the same words get the same bits.
            pairs = np.unique(subwords * len(block) + word_of)
            coordinates = (pairs // len(block), pairs % len(block))
            contains = sp.csr_array((np.ones(len(pairs)), coordinates), shape=(size, len(block)))
            touched = np.flatnonzero(np.diff(contains.indptr))
            sums[touched] += contains[touched] @ vectors
            counts[touched] += np.diff(contains.indptr)[touched]
    return (sums / np.maximum(counts, 1)[:, None]).astype(np.float32)
