"""Wechsel and its vectors against `wechsel`, by its authors: the same of the same models; intended differences."""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from gensim.models import KeyedVectors

from baselines.vectors.aligned import aligned_subwords, read_dictionary, rotation, token_vectors
from baselines.vectors.fasttext import load, save, train_words
from baselines.vectors.words import SubwordVectors
from baselines.wechsel import Wechsel
from sembridge.initializer import MIXED, SAMPLED, SPECIAL, Transfer
from sembridge.vocabulary.vocabulary import Vocabulary
from tests.helpers.published import Model, package
from tests.helpers.tokenizers_made import KINDS, english, made_tokenizer, russian

DIMENSION = 20
ENGLISH = (
    "teacher cat password window song river mountain letter question answer market bread water winter summer garden"
)
RUSSIAN = "учитель кот пароль окно песня река гора письмо вопрос ответ рынок хлеб вода зима лето сад"
DICTIONARY = dict(zip(ENGLISH.split(), RUSSIAN.split(), strict=True))
DICTIONARY |= {"bridge": "мост", "street": "улица", "station": "станция", "train": "поезд", "unheard": "неслыханный"}


@dataclass(frozen=True, eq=False)
class Pair:
    """Two tokenizers, their vocabularies, fastText models of two languages, source rows, a dictionary."""

    source: Any
    target: Any
    vocabularies: tuple[Vocabulary, Vocabulary]
    words: tuple[Any, Any]
    rows: np.ndarray
    dictionary: Path

    def transfer(self, overlap: str = "special") -> Transfer:
        return Transfer.between(*self.vocabularies, self.rows, overlap=overlap)

    def aligned(self) -> SubwordVectors:
        return aligned_subwords(*self.words, read_dictionary(self.dictionary), *self.vocabularies)

    def theirs(self) -> Any:
        return package("wechsel").WECHSEL(*map(Model, self.words), bilingual_dictionary=str(self.dictionary))


@pytest.fixture(scope="module")
def words(tmp_path_factory):
    """fastText models of both languages, which mix English and Russian words as real text does, read from files."""
    folder = tmp_path_factory.mktemp("fasttext")
    loaded = []
    training = {"dimension": 12, "epochs": 4, "min_n": 4, "max_n": 5, "buckets": 400, "sample": 0}
    for name, lines in (("en", english()), ("ru", russian())):
        save(train_words((line.split() for line in lines), **training), folder / f"{name}.bin")
        loaded.append(load(folder / f"{name}.bin"))
    return tuple(loaded)


@pytest.fixture(params=KINDS, scope="module")
def pair(request, words, tmp_path_factory):
    source, target = made_tokenizer(request.param, "english"), made_tokenizer(request.param, "russian")
    vocabularies = Vocabulary.from_tokenizer(source), Vocabulary.from_tokenizer(target)
    rows = (np.random.default_rng(3).standard_normal((len(source), DIMENSION)) + 0.3).astype(np.float32)
    dictionary = tmp_path_factory.mktemp("dictionary") / "en-ru.tsv"
    dictionary.write_text("".join(f"{left}\t{right}\n" for left, right in DICTIONARY.items()), encoding="utf-8")
    return Pair(source, target, vocabularies, words, rows, dictionary)


def published_rows(
    pair: Pair, vectors: SubwordVectors, neighbours: int = 10, temperature: float = 0.1
) -> tuple[np.ndarray, set[int]]:
    """Return ([T, D] rows that the package mixes, ids that it samples) of vectors scaled to length 1, as it does."""
    unit = [
        side / (np.linalg.norm(side, axis=1, keepdims=True) + 1e-8)
        for side in (vectors.source.astype(float), vectors.target.astype(float))
    ]
    inputs = (*unit, pair.source, pair.target, pair.rows.copy())
    rows, missing, _ = package("wechsel").create_target_embeddings(*inputs, neighbours, temperature, verbose=False)
    return rows, set(pair.target.convert_tokens_to_ids(missing))


def random_vectors(pair: Pair) -> SubwordVectors:
    """Return aligned vectors on which both agree: none for tokens without text, all distinct, cosines above 0.

    A fifth of the tokens has none.
    """
    rng = np.random.default_rng(5)
    sides = []
    for vocabulary in pair.vocabularies:
        vectors = (rng.standard_normal((len(vocabulary), 12)) + 1).astype(np.float32)
        vectors[~vocabulary.has_text | (rng.random(len(vocabulary)) < 0.2)] = 0
        sides.append(vectors)
    return SubwordVectors(*sides)


@pytest.mark.parametrize(("neighbours", "temperature"), [(10, 0.1), (1, 0.1), (25, 0.5)])
def test_the_same_rows_of_the_same_vectors(pair, neighbours, temperature):
    vectors = random_vectors(pair)
    answer = Wechsel(aligned=vectors, neighbours=neighbours, temperature=temperature)(pair.transfer("special"))
    theirs, sampled = published_rows(pair, vectors, neighbours, temperature)
    special = answer.origin == SPECIAL
    assert special.sum() == 5
    np.testing.assert_array_equal(answer.rows[special], theirs[special])
    assert sampled - set(np.flatnonzero(special)) == set(np.flatnonzero(answer.origin == SAMPLED)) and len(sampled) > 5
    mixed = answer.origin == MIXED
    assert mixed.sum() > 80
    np.testing.assert_allclose(answer.rows[mixed], theirs[mixed], atol=1e-5)


def test_the_same_rotation():
    """Every word in its three spellings, without those the models do not know, repetitions counted."""
    rng = np.random.default_rng(6)
    sides = [KeyedVectors(12), KeyedVectors(12)]
    for side, names in zip(sides, (DICTIONARY.keys(), DICTIONARY.values()), strict=True):
        forms = [form for name in sorted(names)[1:] for form in (name, name.title())[: 1 + len(name) % 2]]
        side.add_vectors(forms, rng.standard_normal((len(forms), 12)).astype(np.float32))
    dictionary = [*DICTIONARY.items(), ("CAT", "кот"), ("teacher", "Кот"), ("teacher", "Кот")]
    embeddings = [package("wechsel").WordEmbedding(Model(side)) for side in sides]
    theirs = package("wechsel").WECHSEL._compute_align_matrix_from_dictionary(None, *embeddings, dictionary)
    np.testing.assert_allclose(rotation(*sides, dictionary), theirs, atol=1e-5)
    for fewer in (dictionary[:-1], dictionary[:-3], [*dictionary[:-3], *dictionary[-2:]]):  # each entry counts
        assert np.abs(rotation(*sides, fewer) - theirs).max() > 0.01


def test_the_same_vectors_of_lower_case_tokens(pair):
    """A word of the model, and a token of n-grams alone. The package decodes a token; we take its text."""
    subwords = package("wechsel").get_subword_embeddings_in_word_embedding_space
    for tokenizer, vocabulary, words in zip((pair.source, pair.target), pair.vocabularies, pair.words, strict=True):
        theirs, _ = subwords(tokenizer, package("wechsel").WordEmbedding(Model(words)), verbose=False)
        same = [
            i
            for i, text in enumerate(vocabulary.texts)
            if text and text == text.lower() and tokenizer.decode(i).strip() == text
        ]
        assert len(same) > 60 and any(vocabulary.texts[i] in words.key_to_index for i in same)
        np.testing.assert_array_equal(token_vectors(words, vocabulary)[same], theirs[same].astype(np.float32))


def test_the_whole_method_from_models_and_dictionary(pair):
    """Words without n-grams: both read them alike, and special tokens have no vectors that could be mixed."""
    source, target = made_tokenizer("wordlevel", "english"), made_tokenizer("wordlevel", "russian")
    training = {"dimension": 12, "epochs": 4, "min_n": 1, "max_n": 0, "sample": 0, "min_count": 45}
    words = tuple(train_words((line.split() for line in lines), **training).wv for lines in (english(), russian()))
    vocabularies = Vocabulary.from_tokenizer(source), Vocabulary.from_tokenizer(target)
    whole = Pair(source, target, vocabularies, words, pair.rows[: len(source)], pair.dictionary)
    answer = Wechsel(aligned=whole.aligned())(whole.transfer("special"))
    theirs, information = whole.theirs().apply(source, target, whole.rows)
    assert (answer.origin == MIXED).sum() > 20 and (answer.origin == SAMPLED).sum() > 5
    rest = np.flatnonzero(np.isin(answer.origin, (SAMPLED, SPECIAL)))
    assert set(target.convert_tokens_to_ids(information.not_found)) == set(rest)
    decided = answer.origin != SAMPLED
    np.testing.assert_allclose(answer.rows[decided], theirs[decided], atol=1e-3)


# Intended differences.


def test_special_tokens_are_mixed_by_the_package_only(pair):
    vectors = random_vectors(pair)
    new = int(np.flatnonzero(Wechsel(aligned=vectors)(pair.transfer()).origin == MIXED)[0])
    role = pair.vocabularies[0].role_ids["mask"]
    vectors.source[role] = vectors.target[new]
    ours = Wechsel(aligned=vectors, neighbours=1)(pair.transfer()).rows[new]
    theirs, _ = published_rows(pair, vectors, neighbours=1)
    np.testing.assert_allclose(theirs[new], pair.rows[role], atol=1e-5)
    assert np.abs(ours - pair.rows[role]).max() > 0.1


def test_shared_tokens_are_copied_here(pair):
    """The package mixes a row for every ordinary token; here shared tokens keep theirs, unless overlap is `special`."""
    vectors = random_vectors(pair)
    theirs, _ = published_rows(pair, vectors)
    fuzzy = pair.transfer("fuzzy")
    answer = Wechsel(aligned=vectors)(fuzzy)
    shared = np.flatnonzero((fuzzy.copied >= 0) & (answer.origin != SPECIAL))
    assert len(shared) > 10
    np.testing.assert_array_equal(answer.rows[shared], pair.rows[fuzzy.copied[shared]])
    assert np.abs(answer.rows[shared] - theirs[shared]).max(axis=1).min() > 0.01
    mixed = answer.origin == MIXED
    np.testing.assert_allclose(answer.rows[mixed], theirs[mixed], atol=1e-5)  # the rest is untouched by it


def test_capitals_are_looked_up_in_lower_case_where_the_model_has_none(pair):
    model = package("wechsel").WordEmbedding(Model(pair.words[1]))
    words = pair.words[1]
    assert "Учитель" not in words.key_to_index and "The" in words.key_to_index
    vocabulary = Vocabulary("wordlevel", ("Учитель", "The"), ("Учитель", "The"), np.ones(2, dtype=bool), (None, None))
    ours = token_vectors(words, vocabulary)
    np.testing.assert_array_equal(ours[0], words.get_vector("учитель"))
    assert np.abs(ours[0] - model.get_word_vector("Учитель")).max() > 1e-3  # n-grams of other characters
    np.testing.assert_array_equal(ours[1], model.get_word_vector("The"))


def test_continuation_marks_are_not_text_here(words):
    tokenizer = made_tokenizer("wordpiece", "english")
    vocabulary = Vocabulary.from_tokenizer(tokenizer)
    token_id = next(i for i, token in enumerate(vocabulary.tokens) if token[:2] == "##" and len(token) > 4)
    model = package("wechsel").WordEmbedding(Model(words[0]))
    theirs, _ = package("wechsel").get_subword_embeddings_in_word_embedding_space(tokenizer, model)
    text = vocabulary.texts[token_id]
    np.testing.assert_array_equal(token_vectors(words[0], vocabulary)[token_id], words[0].get_vector(text))
    np.testing.assert_array_equal(theirs[token_id].astype(np.float32), words[0].get_vector(f"##{text}"))


def test_fewer_donors_than_neighbours_are_all_taken_here(pair):
    vectors = random_vectors(pair)
    few = np.flatnonzero(vectors.source.any(axis=1))[:3]
    source = np.zeros_like(vectors.source)
    source[few] = vectors.source[few]
    answer = Wechsel(aligned=dataclasses.replace(vectors, source=source))(pair.transfer())
    assert (np.diff(answer.mixture.indptr)[answer.origin == MIXED] == 3).all()
    theirs, _ = published_rows(pair, dataclasses.replace(vectors, source=source))
    mixed = answer.origin == MIXED
    # The package adds tokens that have no vector.
    assert np.abs(answer.rows[mixed] - theirs[mixed]).max() > 1e-3
