"""WECHSEL as a whole against `wechsel`, by its authors, on vocabularies of thousands of tokens with their marks.

Under the profile compat the rows are the package's. Under fixed they are not, and the row's label says so. The
alignment is as badly determined as on real text: few pairs, vectors of short texts.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import pytest

from baselines.vectors.aligned import aligned_subwords, read_dictionary
from baselines.vectors.published_alignment import published_subwords
from baselines.vectors.words import SubwordVectors
from baselines.wechsel import Wechsel
from sembridge.initializer import MIXED, SAMPLED, SPECIAL, Initialization, Transfer
from sembridge.vocabulary.vocabulary import Vocabulary
from tests.helpers.published import Model, package
from tests.helpers.tokenizers_made import KINDS
from tests.helpers.vocabularies_made import real_kind

SOURCE, TARGET, DIMENSION = 3000, 1500, 16


@dataclass(frozen=True, eq=False)
class Whole:
    """Tokenizers, word vectors, dictionary and source rows, and what the package makes of them."""

    tokenizers: tuple[Any, Any]
    words: tuple[Any, Any]
    dictionary: Any
    rows: np.ndarray
    theirs: np.ndarray
    sampled: np.ndarray

    def answer(self, profile: str, vectors: SubwordVectors | None = None, seed: int = 42) -> Initialization:
        vocabularies = [Vocabulary.from_tokenizer(tokenizer, profile) for tokenizer in self.tokenizers]
        transfer = Transfer.between(*vocabularies, self.rows, overlap="special", seed=seed)
        if vectors is None and profile == "compat":
            dictionary = read_dictionary(self.dictionary, normalized=False)
            vectors = published_subwords(*self.words, dictionary, self.tokenizers, (SOURCE, TARGET))
        elif vectors is None:
            vectors = aligned_subwords(*self.words, read_dictionary(self.dictionary), *vocabularies)
        return Wechsel(aligned=vectors)(transfer)

    def cosines(self, answer: Initialization) -> np.ndarray:
        lengths = np.linalg.norm(answer.rows, axis=1) * np.linalg.norm(self.theirs, axis=1)
        return (answer.rows * self.theirs).sum(axis=1) / lengths


@pytest.fixture(params=KINDS, scope="module")
def whole(request, models, dictionary):
    tokenizers = real_kind(request.param, "latin", SOURCE), real_kind(request.param, "hangul", TARGET)
    rows = (np.random.default_rng(3).standard_normal((SOURCE, DIMENSION)) + 0.3).astype(np.float32)
    wechsel = package("wechsel").WECHSEL(*map(Model, models), bilingual_dictionary=str(dictionary))
    theirs, information = wechsel.apply(*tokenizers, rows)
    sampled = np.zeros(TARGET, dtype=bool)
    sampled[tokenizers[1].convert_tokens_to_ids(information.not_found)] = True
    return Whole(tokenizers, models, dictionary, rows, theirs, sampled)


def test_compat_gives_the_rows_of_the_package(whole):
    answer = whole.answer("compat")
    special = answer.origin == SPECIAL
    np.testing.assert_array_equal(answer.origin == SAMPLED, whole.sampled & ~special)
    copied = (answer.origin == SAMPLED) | special
    np.testing.assert_array_equal(answer.rows[copied], whole.theirs[copied])
    assert (answer.origin == MIXED).sum() > 600 and whole.sampled.sum() > 100
    # Tokens that decode to one text ("Ġriver", "river") are tied: the package takes any of them as the tenth neighbour.
    assert whole.cosines(answer).mean() > 0.999
    assert np.median(np.abs(answer.rows - whole.theirs)[answer.origin == MIXED]) < 1e-6
    assert answer.statistics["label"] == "wechsel"
    assert answer.rows.tobytes() == whole.answer("compat", seed=7).rows.tobytes()  # as the package's: one seed


def test_our_reading_has_other_rows_and_another_name(whole):
    answer = whole.answer("fixed")
    both = (answer.origin == MIXED) & ~whole.sampled
    assert both.sum() > 300 and whole.cosines(answer)[both].mean() < 0.95
    assert answer.statistics["label"] == "wechsel (own reading)"
    assert answer.statistics["alignment_determined"] < answer.statistics["alignment_dimensions"] == 24


def test_published_vectors_need_published_vocabularies(whole):
    empty = SubwordVectors(np.zeros((SOURCE, 2)), np.zeros((TARGET, 2)), "aligned fastText, as published")
    with pytest.raises(ValueError, match="vectors read as published but vocabularies of the profile 'fixed'"):
        whole.answer("fixed", empty)


def test_tokens_without_a_vector_donate_in_the_published_code(whole):
    """With three vectors, ten neighbours are filled up with tokens without one, as cosine 0."""
    rng = np.random.default_rng(1)
    source, target = np.zeros((SOURCE, 8)), rng.random((TARGET, 8)) + 0.1
    source[[100, 200, 300]] = -rng.random((3, 8)) - 0.1  # opposite: those without a vector are nearer
    vectors = SubwordVectors(source.astype(np.float32), target.astype(np.float32), "aligned fastText, as published")
    answer = whole.answer("compat", vectors)
    assert (np.diff(answer.mixture.indptr)[answer.origin == MIXED] == 10).all()
    assert not answer.mixture[:, [100, 200, 300]].count_nonzero()
