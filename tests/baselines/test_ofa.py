"""OFA against an independent oracle in plain NumPy, with and without factorization."""

from __future__ import annotations

import logging

import numpy as np
import pytest

from baselines.ofa import OFA, factorized
from baselines.vectors.words import COLEXNET, SubwordVectors, WordVectors, subword_vectors
from sembridge.initializer import MIXED, SAMPLED, Transfer
from sembridge.vocabulary.vocabulary import Vocabulary
from tests.helpers.tokenizers_made import made_tokenizer
from tests.helpers.transfers_made import made_transfer

WORDS = ["password", "window", "кот", "зима", "train", "поезд", "cat", "teacher", "учитель", "river", "река", "новый"]


def made_words(label: str = "bridge vectors") -> WordVectors:
    vectors = np.random.default_rng(3).standard_normal((len(WORDS), 5)).astype(np.float32)
    return WordVectors(tuple(WORDS), vectors, label)


def oracle(transfer: Transfer, subwords: SubwordVectors, k: int, temperature: float) -> np.ndarray:
    """[T, S] weights of the missing tokens that have a vector, one token at a time."""
    weights = np.zeros((len(transfer.target), len(transfer.source)))
    able = [v for v in range(len(transfer.source)) if transfer.donors[v] and subwords.source[v].any()]
    for x in transfer.missing:
        query = subwords.target[x].astype(float)
        if not query.any():
            continue
        cosine = {
            v: query @ subwords.source[v] / np.linalg.norm(query) / np.linalg.norm(subwords.source[v].astype(float))
            for v in able
        }
        chosen = sorted(able, key=lambda v: (-round(cosine[v], 10), transfer.source.tokens[v]))[:k]
        total = sum(np.exp(cosine[v] / temperature) for v in chosen)
        for v in chosen:
            weights[x, v] = np.exp(cosine[v] / temperature) / total
    return weights


def example(source: int = 40, target: int = 50, dimension: int = 8) -> tuple[Transfer, SubwordVectors]:
    """Return a transfer that copies 20 tokens, and subword vectors; every third source vector repeats another (a tie).

    Some subwords have no vector, one source token has no text.
    """
    rng = np.random.default_rng(6)
    copied = np.where(np.arange(target) < 20, np.arange(target), -1)
    tokens = [f"s{i}" for i in rng.permutation(source - 1)] + ["\x00byte"]
    rows = rng.standard_normal((source, dimension)) * np.linspace(0.2, 2, dimension) + 0.5
    transfer = made_transfer(copied, rows, source_tokens=tokens)
    vectors = [rng.standard_normal((size, 4)).astype(np.float32) for size in (source, target)]
    vectors[0][2::3] = vectors[0][1::3][: len(vectors[0][2::3])]
    vectors[0][rng.random(source) < 0.15], vectors[1][[22, 31, 49]] = 0, 0
    vectors[0][-1] = vectors[1][25]  # the nearest of all, if it were a donor
    return transfer, SubwordVectors(*vectors)


@pytest.mark.parametrize(("k", "temperature"), [(10, 0.1), (1, 0.1), (3, 1.0), (1000, 0.3)])
def test_equals_the_definition(k, temperature):
    transfer, subwords = example()
    answer = OFA(words=subwords, neighbours=k, temperature=temperature)(transfer)
    expected = oracle(transfer, subwords, k, temperature)
    mixed = answer.origin == MIXED
    assert np.flatnonzero(answer.origin == SAMPLED).tolist() == [22, 31, 49] and mixed.sum() == 27
    np.testing.assert_allclose(answer.mixture.toarray()[mixed], expected[mixed], atol=1e-6)
    np.testing.assert_allclose(answer.rows[mixed], expected[mixed] @ transfer.rows, atol=1e-5)
    assert answer.statistics["without_vector"] == 3


def test_factorized_rows_are_coordinates_times_primitives():
    transfer, subwords = example()
    answer = OFA(words=subwords, factorize=3)(transfer)
    u, s, vt = np.linalg.svd(transfer.rows.astype(float), full_matrices=False)
    coordinates, primitives = u[:, :3], np.diag(s[:3]) @ vt[:3]
    weights, mixed = oracle(transfer, subwords, 10, 0.1), answer.origin == MIXED
    np.testing.assert_allclose(answer.rows[mixed], weights[mixed] @ coordinates @ primitives, atol=1e-5)
    np.testing.assert_allclose(answer.mixture.toarray()[mixed], weights[mixed], atol=1e-6)
    # The factorization loses something; copies stay whole; other rows, sampled ones too, lie in the primitives' span.
    assert np.abs(answer.rows[mixed] - weights[mixed] @ transfer.rows).max() > 0.05
    assert (answer.rows[:20] == transfer.rows[:20]).all()
    np.testing.assert_allclose(answer.rows[20:] @ vt[3:].T, 0, atol=1e-5)


def test_the_factorized_fallback_has_the_moments_of_the_coordinates():
    transfer = made_transfer([0] + [-1] * 20_000, example()[0].rows)
    subwords = SubwordVectors(np.ones((40, 2), dtype=np.float32), np.zeros((20_001, 2), dtype=np.float32))
    answer = OFA(words=subwords, factorize=3)(transfer)
    coordinates, primitives = factorized(transfer.rows, 3)
    sampled = answer.rows[1:].astype(float) @ np.linalg.pinv(primitives)
    mean, deviation, tolerance = coordinates.mean(axis=0), coordinates.std(axis=0), 5 / np.sqrt(20_000)
    np.testing.assert_allclose((sampled.mean(axis=0) - mean) / deviation, 0, atol=tolerance)
    np.testing.assert_allclose(sampled.std(axis=0) / deviation, 1, atol=tolerance)


def test_rows_do_not_depend_on_the_signs_of_the_decomposition(monkeypatch):
    """A singular vector may have either sign; coordinates, primitives and sampled rows must be the same with both."""
    transfer, subwords = example()
    expected, before = OFA(words=subwords, factorize=3)(transfer).rows, factorized(transfer.rows, 3)
    svd, flips = np.linalg.svd, np.where(np.arange(8) % 2, 1.0, -1.0)

    def flipped(rows, **options):
        u, s, v = svd(rows, **options)
        return u * flips, s, v * flips[:, None]

    monkeypatch.setattr(np.linalg, "svd", flipped)
    assert OFA(words=subwords, factorize=3)(transfer).rows.tobytes() == expected.tobytes()
    after = factorized(transfer.rows, 3)
    assert [array.tobytes() for array in after] == [array.tobytes() for array in before]
    largest = np.abs(before[1]).argmax(axis=1)
    assert (before[1][np.arange(3), largest] > 0).all()


def test_opposite_vectors_are_far_not_near():
    """Cosine, not its square or absolute value; lengths do not count."""
    transfer = made_transfer([-1], np.eye(3))
    source = np.array([[-5.0, 0.0], [0.1, 0.05], [0.0, 3.0]])
    answer = OFA(words=SubwordVectors(source, np.array([[2.0, 0.0]])), neighbours=2)(transfer)
    weights = np.exp(np.array([2 / np.sqrt(5), 0.0]) / 0.1)  # cosines .894 and 0; the opposite one, -1, is left out
    np.testing.assert_allclose(answer.rows[0], [0, *(weights / weights.sum())], atol=1e-6)


def test_the_published_settings_are_the_defaults():
    transfer, subwords = example()
    published = OFA(words=subwords, neighbours=10, temperature=0.1, factorize=None, seed=114514)
    assert OFA(words=subwords)(transfer).rows.tobytes() == published(transfer).rows.tobytes()
    for other in ({"neighbours": 9}, {"temperature": 0.11}, {"seed": 42}, {"factorize": 7}):
        assert OFA(words=subwords, **other)(transfer).rows.tobytes() != published(transfer).rows.tobytes()


def test_factorizing_to_the_full_dimension_is_the_plain_mixture():
    transfer, subwords = example()
    assert OFA(words=subwords, factorize=8)(transfer).rows.tobytes() == OFA(words=subwords)(transfer).rows.tobytes()
    coordinates, primitives = factorized(transfer.rows, 8)
    np.testing.assert_allclose(coordinates @ primitives, transfer.rows, atol=1e-6)


def test_the_fallback_has_its_own_seed():
    transfer, subwords = example()
    rows = {seed: OFA(words=subwords, seed=seed)(transfer).rows[[22, 31, 49]] for seed in (114514, 1)}
    assert (rows[114514] != rows[1]).all()
    other_seed = made_transfer(transfer.copied, transfer.rows, seed=9)
    assert (rows[1] == OFA(words=subwords, seed=1)(other_seed).rows[[22, 31, 49]]).all()


@pytest.mark.parametrize("block", [1, 200])
def test_does_not_depend_on_the_block_size(block, monkeypatch):
    transfer, subwords = example()
    whole = OFA(words=subwords)(transfer)
    monkeypatch.setattr("baselines.vectors.nearest_mixture._BLOCK", block)
    np.testing.assert_allclose(OFA(words=subwords)(transfer).rows, whole.rows, atol=1e-6)


def test_word_vectors_and_tokenizers_are_enough(tmp_path):
    sides = {"source": made_tokenizer("unigram", "english"), "target": made_tokenizer("byte-bpe", "russian")}
    tokenizers = {f"{side}_tokenizer": tokenizer for side, tokenizer in sides.items()}
    source, target = (Vocabulary.from_tokenizer(tokenizer) for tokenizer in tokenizers.values())
    transfer = Transfer.between(source, target, np.random.default_rng(0).standard_normal((len(source), 6)))
    expected = OFA(words=subword_vectors(made_words(), *tokenizers.values(), len(source), len(target)))(transfer)
    path = tmp_path / "words.txt"
    lines = [
        f"{word} {' '.join(str(float(value)) for value in vector)}\n"
        for word, vector in zip(WORDS, made_words().vectors, strict=True)
    ]
    path.write_text(f"{len(WORDS)} 5\n{''.join(lines)}", encoding="utf-8")
    assert (expected.origin == MIXED).sum() > 20
    for words in (made_words(), path, str(path)):
        assert OFA(words=words, **tokenizers)(transfer).rows.tobytes() == expected.rows.tobytes()
    with pytest.raises(ValueError, match="not both tokenizers"):
        OFA(words=path, target_tokenizer=tokenizers["target_tokenizer"])(transfer)


def test_only_the_published_word_vectors_are_called_ofa(tmp_path):
    assert OFA(words=made_words(COLEXNET)).label == "ofa"
    assert OFA(words=SubwordVectors(np.ones((1, 1)), np.ones((1, 1)), COLEXNET)).label == "ofa"
    assert OFA(words="vectors/colexnet_vectors_minlang_50.txt").label == "ofa"
    assert OFA(words=made_words()).label == "ofa (bridge vectors)"
    assert OFA(words=tmp_path / "other.txt").label == "ofa (own word vectors)"
    assert OFA(words=made_words("fastText")).label == "ofa (fastText)"
    assert OFA().label == "ofa (no word vectors)"
    transfer, subwords = example()
    assert OFA(words=subwords)(transfer).statistics["label"] == "ofa (bridge vectors)"


def test_bad_inputs_are_named():
    transfer, subwords = example()
    with pytest.raises(ValueError, match="set `words`"):
        OFA()(transfer)
    with pytest.raises(ValueError, match="factorize 9 exceeds 8"):
        OFA(words=subwords, factorize=9)(transfer)
    for settings in ({"neighbours": 0}, {"temperature": 0.0}, {"factorize": 0}):
        with pytest.raises(ValueError, match=next(iter(settings))):
            OFA(words=subwords, **settings)


def test_only_sampled_rows_are_worth_a_warning(caplog):
    transfer, subwords = example()
    with caplog.at_level(logging.WARNING):
        answer = OFA(words=SubwordVectors(subwords.source, np.zeros_like(subwords.target)))(transfer)
    assert "none of the 30 new tokens" in caplog.text and answer.statistics["sampled"] == 30
