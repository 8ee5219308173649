"""Wechsel by hand; see `test_against_wechsel` for the published package, `test_edges` for its edges."""

from __future__ import annotations

import numpy as np
import pytest

from baselines.vectors.words import SubwordVectors
from baselines.wechsel import Wechsel
from sembridge.assembly import univariate_rows
from sembridge.initializer import SAMPLED
from tests.helpers.transfers_made import made_transfer


def test_two_neighbours_by_hand():
    transfer = made_transfer([0, -1, -1], np.diag([1.0, 2.0, 4.0, 8.0]), target_roles=["cls", None, None])
    source = np.array([[0, 1], [3, 0], [4, 3], [-1, 0]])
    target = np.array([[1, 0], [2, 0], [0, 0]])
    answer = Wechsel(aligned=SubwordVectors(source, target), neighbours=2, temperature=0.5)(transfer)
    weights = np.exp(np.array([1.0, 0.8]) / 0.5)  # cosines of (2, 0) with (3, 0) and (4, 3)
    weights /= weights.sum()
    np.testing.assert_allclose(answer.rows[1], [0, 2 * weights[0], 4 * weights[1], 0], rtol=1e-6)
    np.testing.assert_array_equal(answer.rows[2], univariate_rows(transfer)[1])  # no vector
    assert answer.origin[2] == SAMPLED
    assert answer.statistics["without_vector"] == 1 and answer.statistics["mean_support"] == 2


def test_the_published_settings_are_the_defaults():
    rng = np.random.default_rng(0)
    transfer = made_transfer([-1] * 20, rng.standard_normal((40, 5)))
    vectors = SubwordVectors(rng.standard_normal((40, 3)), rng.standard_normal((20, 3)))
    rows = Wechsel(aligned=vectors)(transfer).rows
    assert rows.tobytes() == Wechsel(aligned=vectors, neighbours=10, temperature=0.1)(transfer).rows.tobytes()
    for other in ({"neighbours": 11}, {"temperature": 0.11}):
        assert rows.tobytes() != Wechsel(aligned=vectors, **other)(transfer).rows.tobytes()


def test_wrong_settings_and_missing_vectors_are_named():
    transfer = made_transfer([0, -1], np.eye(2))
    with pytest.raises(ValueError, match="WECHSEL needs aligned vectors: set `aligned` to what"):
        Wechsel()(transfer)
    with pytest.raises(ValueError, match="for 2 and 3 tokens, but the vocabularies have 2 and 2"):
        Wechsel(aligned=SubwordVectors(np.eye(2), np.ones((3, 2))))(transfer)
    for settings in ({"neighbours": 0}, {"temperature": 0.0}, {"temperature": float("nan")}):
        with pytest.raises(ValueError, match=next(iter(settings))):
            Wechsel(**settings)
