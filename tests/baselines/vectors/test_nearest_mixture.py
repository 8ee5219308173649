"""Nearest donors and their softmax weights, by hand; OFA and WECHSEL use them, see test_ofa.py."""

from __future__ import annotations

import logging
from math import exp

import numpy as np
import pytest

from baselines.vectors.nearest_mixture import check, neighbour_mixture
from baselines.vectors.words import SubwordVectors
from tests.helpers.transfers_made import made_transfer

# Cosines of the target direction (1, 0) with the source tokens: 1, .8, .6, 0, and none for s4.
SOURCE = np.array([[2, 0], [0.8, 0.6], [3, 4], [0, 1], [0, 0]], dtype=np.float32)


def mixed(copied: list[int], target: list[list[float]], neighbours: int, temperature: float = 1.0, **options):
    transfer = made_transfer(copied, np.eye(5), **options)
    return neighbour_mixture(transfer, SubwordVectors(SOURCE, np.array(target, np.float32)), neighbours, temperature)


def test_weights_by_hand():
    """The length of a vector does not count, a lower temperature sharpens, and copied tokens are not among the rows."""
    weights = mixed([3, -1], [[0, 1], [5, 0]], neighbours=2, temperature=0.1).toarray()
    total = exp(10) + exp(8)
    np.testing.assert_allclose(weights, [[exp(10) / total, exp(8) / total, 0, 0, 0]], rtol=1e-6)


def test_fewer_donors_than_neighbours():
    """All four with a vector, the orthogonal one too; the zero vector is not a donor."""
    weights = mixed([-1], [[1, 0]], neighbours=10).toarray()[0]
    expected = np.exp([1, 0.8, 0.6, 0])
    np.testing.assert_allclose(weights[:4], expected / expected.sum(), rtol=1e-6)
    assert weights[4] == 0


def test_tokens_without_a_text_do_not_donate():
    tokens = ["\x00byte", "s1", "s2", "s3", "s4"]
    assert mixed([-1], [[1, 0]], 1, source_tokens=tokens).toarray()[0].tolist() == [0, 1, 0, 0, 0]


def test_a_token_without_a_vector_has_no_weights(caplog):
    with caplog.at_level(logging.WARNING):
        weights = mixed([-1, -1], [[0, 0], [1, 0]], 1)
    assert np.diff(weights.indptr).tolist() == [0, 1] and weights.shape == (2, 5) and not caplog.text
    with caplog.at_level(logging.WARNING):
        assert mixed([-1, -1], [[0, 0], [0, 0]], 1).nnz == 0
    assert "none of the 2 new tokens has a vector (bridge vectors), so all of them are sampled" in caplog.text


def test_nothing_missing():
    assert mixed([0, 1], [[0, 0], [1, 0]], 1).shape == (0, 5)


def test_ties_go_to_the_first_token_in_string_order():
    """All donors point the same way but for the last bits; the ids are in no order."""
    direction = np.random.default_rng(1).standard_normal(7)
    tokens = [f"s{i:02d}" for i in np.random.default_rng(2).permutation(60)]
    transfer = made_transfer([-1], np.eye(60), source_tokens=tokens)
    source = np.arange(1, 61)[:, None] * direction
    weights = neighbour_mixture(transfer, SubwordVectors(source, direction[None] + 0.1), 4, 0.1).toarray()[0]
    assert sorted(tokens[i] for i in np.flatnonzero(weights)) == ["s00", "s01", "s02", "s03"]
    np.testing.assert_allclose(weights[weights > 0], 0.25, atol=1e-9)


def test_vectors_that_do_not_fit_are_refused():
    transfer = made_transfer([-1, 0], np.eye(5))
    with pytest.raises(ValueError, match="for 5 and 3 tokens, but the vocabularies have 5 and 2"):
        neighbour_mixture(transfer, SubwordVectors(SOURCE, np.ones((3, 2))), 1, 1.0)
    with pytest.raises(ValueError, match=r"none of the source subwords has a vector \(mine\); the word vectors"):
        neighbour_mixture(transfer, SubwordVectors(SOURCE * 0, np.ones((2, 2)), "mine"), 1, 1.0)


@pytest.mark.parametrize(
    ("neighbours", "temperature", "message"),
    [
        (0, 1.0, "neighbours 0 must be at least 1"),
        (1, 0.0, r"temperature 0\.0 must be positive"),
        (1, -1.0, r"temperature -1\.0 must be positive"),
        (1, float("nan"), "temperature nan must be positive"),
    ],
)
def test_settings_that_define_no_mixture(neighbours, temperature, message):
    with pytest.raises(ValueError, match=message):
        check(neighbours, temperature)
    check(1, 1e-3)
