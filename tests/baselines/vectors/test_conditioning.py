"""How well word pairs determine a rotation: figures by hand, and a warning that says what helps."""

from __future__ import annotations

import logging

import numpy as np
import pytest
from gensim.models import KeyedVectors

from baselines.vectors.conditioning import measured, warn


def figures(source: np.ndarray, target: np.ndarray, repeated: int = 1) -> dict[str, float]:
    sides = []
    for vectors in (source, target):
        side = KeyedVectors(vectors.shape[1])
        side.add_vectors([f"w{i}" for i in range(len(vectors))], vectors.astype(np.float32))
        sides.append(side)
    places = [*range(len(source))] * repeated
    return measured(*sides, places, places)


def test_figures_by_hand():
    """S^T T is diag(6, 12, 0.25): each pair counts as often as it is there, but is one pair."""
    answer = figures(np.diag([1.0, 2.0, 0.5]), np.diag([3.0, 3.0, 0.25]), repeated=2)
    assert answer == {
        "alignment_pairs": 3,
        "alignment_dimensions": 3,
        "alignment_determined": 3,
        "alignment_largest": pytest.approx(12),
        "alignment_smallest": pytest.approx(0.25),
    }


def test_a_full_rotation_needs_no_warning(caplog):
    vectors = np.random.default_rng(0).standard_normal((30, 6))
    with caplog.at_level(logging.WARNING):
        warn(figures(vectors, vectors))
    assert not caplog.records


@pytest.mark.parametrize(
    ("vectors", "message"),
    [
        (np.eye(2, 4), "the 2 pairs of the dictionary that have word vectors determine 2 of 4 dimensions"),
        (np.diag([1e3, 1e3, 1e-1, 1.0]), "the 4 pairs of the dictionary that have word vectors determine 3 of 4 dim"),
        (np.zeros((3, 2)), "the 3 pairs of the dictionary that have word vectors determine 0 of 2 dimensions"),
    ],
    ids=["fewer pairs than dimensions", "a direction within rounding", "no vectors"],
)
def test_what_is_arbitrary_is_said_with_what_helps(caplog, vectors, message):
    with caplog.at_level(logging.WARNING):
        warn(figures(vectors, vectors))
    (record,) = caplog.records
    assert message in record.getMessage() and "its rotation is arbitrary in the others" in record.getMessage()
    assert "More dictionary entries, more text for the word vectors or fewer dimensions" in record.getMessage()
