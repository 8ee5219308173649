"""Multilingual word vectors, and what they say about the subwords of a vocabulary (OFA, section 3.1)."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from itertools import chain
from pathlib import Path
from typing import Any

import numpy as np
import scipy.sparse as sp

from baselines.vectors.pieces import token_ids
from sembridge.extras import require

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
    label    where they come from: `ColexNet+`, or whatever stands in for it (`bridge vectors`)
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

        label  None: see `label_of`. ColexNet+ writes `eng:$hand$`; its language prefix and `$` word boundaries are taken off.

        Raises ValueError for a file that is not in this format.
        """
        require("focus", "reading word vectors")
        from gensim.models import KeyedVectors

        _check_header(Path(path))
        try:
            keyed = KeyedVectors.load_word2vec_format(str(path), binary=False)
        except (ValueError, EOFError, UnicodeDecodeError, MemoryError, IndexError) as error:
            raise ValueError(
                f"{str(path)!r} is not in word2vec text format ({error}); a gensim file is converted with KeyedVectors.save_word2vec_format"
            ) from error
        label = label_of(path) if label is None else label
        words: Iterable[str] = keyed.index_to_key
        if label == COLEXNET:
            words = (_LANGUAGE.sub("", word).replace("$", " ").strip() for word in words)
        return cls(tuple(words), np.asarray(keyed.vectors, dtype=np.float32), label)


def _check_header(path: Path) -> None:
    """ValueError if the first line promises more numbers than the file can hold: the reader makes room for them before it reads."""
    with path.open("rb") as file:
        columns = file.readline(100).split()
    if len(columns) == 2 and all(column.isdigit() for column in columns) and path.suffix not in (".gz", ".bz2"):
        words, dimension = (int(column) for column in columns)
        if 2 * words * dimension > path.stat().st_size:  # a digit and a blank each
            raise ValueError(
                f"{str(path)!r} is cut off: its first line promises {words:,} words of {dimension:,} numbers; get the file again"
            )


@dataclass(frozen=True, eq=False)
class SubwordVectors:
    """Subword vectors of the source [S, A] and target [T, A] vocabularies, float32, zero where no word contains the subword."""

    source: np.ndarray
    target: np.ndarray
    label: str = BRIDGE


def label_of(path: str | Path) -> str:
    """`ColexNet+` for a file whose name says so, `own word vectors` for any other."""
    return COLEXNET if "colexnet" in Path(path).name.lower() else OWN


def subword_vectors(
    words: WordVectors, source_tokenizer: Any, target_tokenizer: Any, source_size: int, target_size: int
) -> SubwordVectors:
    """The vector of a subword is the plain mean of the vectors of the words whose tokenization contains it.

    Every word is encoded three times: bare, after a space, and capitalized after a space. Each encoding that contains the subword counts (as in
    the reference implementation), so a word counts up to three times; a subword that occurs twice in one encoding counts once.
    """
    return SubwordVectors(
        _contained(words, source_tokenizer, source_size), _contained(words, target_tokenizer, target_size), words.label
    )


def _contained(words: WordVectors, tokenizer: Any, size: int) -> np.ndarray:
    """[size, A] mean vector of the encodings that contain each token id, zero where there are none."""
    sums = np.zeros((size, words.vectors.shape[1]))
    counts = np.zeros(size, dtype=np.int64)
    for start in range(0, len(words.words), _BLOCK):
        block = words.words[start : start + _BLOCK]
        vectors = words.vectors[start : start + _BLOCK].astype(np.float64)
        for form in _FORMS:
            encoded = token_ids(tokenizer, [form(word) for word in block])
            subwords = np.fromiter(chain.from_iterable(encoded), dtype=np.int64)
            holders = np.repeat(np.arange(len(block)), [len(ids) for ids in encoded])
            pairs = np.unique(
                subwords * len(block) + holders
            )  # each once, words in order: subwords of the same words get the same bits
            contains = sp.csr_array(
                (np.ones(len(pairs)), (pairs // len(block), pairs % len(block))), shape=(size, len(block))
            )
            touched = np.flatnonzero(np.diff(contains.indptr))
            sums[touched] += contains[touched] @ vectors
            counts[touched] += np.diff(contains.indptr)[touched]
    return (sums / np.maximum(counts, 1)[:, None]).astype(np.float32)
