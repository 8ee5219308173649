"""How a bridge sees tokens, on vectors in a plane whose cosines are known by hand."""

from __future__ import annotations

import numpy as np
import pytest
import scipy.sparse as sp

from harness.advice.bridge_measures import distinct_rows, measure_bridge
from harness.advice.vocabulary_part import part_of_transfer
from sembridge.bridge import BridgeVectors, TokenVectors
from sembridge.semantic_bridge import SemBridge
from tests.helpers.transfers_made import made_transfer


def at(*degrees):
    """Vectors in a plane; their length does not matter."""
    angles = np.radians(degrees)
    return (3 * np.stack([np.cos(angles), np.sin(angles)], axis=1)).astype(np.float32)


def measured(target, source, known=None):
    task = made_transfer([-1] * len(target), np.eye(len(source)))
    is_known = np.ones(len(target), dtype=bool) if known is None else np.array(known)
    vectors = BridgeVectors(TokenVectors(source, np.ones(len(source), dtype=bool)), TokenVectors(target, is_known))
    return measure_bridge(task, vectors, 40, 20)


def test_mutual_neighbors_and_cosines():
    """Donors at 0 and 90 degrees. Targets at 0 and 20 share the donor at 0, which is nearer to the first; the one at 90
    has its own. So two of three are mutual."""
    measures = measured(at(0, 20, 90), at(0, 90))
    cosines = [np.cos(np.radians(a - b)) for a in (0, 20, 90) for b in (0, 90)]
    assert measures.mutual == pytest.approx(2 / 3)
    assert measures.mean == pytest.approx(np.mean(cosines), abs=1e-6)
    assert measures.sd == pytest.approx(np.std(cosines), abs=1e-6)
    assert (measures.targets, measures.donors, measures.known) == ((3, 40), (2, 20), 1.0)


def test_tokens_that_the_bridge_does_not_know_count_in_known_alone():
    measures = measured(np.vstack([at(0, 90), np.zeros((2, 2), np.float32)]), at(0, 90), [True, True, False, False])
    assert (measures.known, measures.mutual, measures.distinct) == (0.5, 1.0, 1.0)
    assert measured(np.zeros((2, 2), np.float32), at(0, 90), [False, False]) is None


def test_equal_mixtures_are_not_distinct():
    """The first two targets have one vector: neither has a mixture of its own."""
    assert measured(at(10, 10, 60), at(0, 90)).distinct == pytest.approx(1 / 3)
    rows = sp.csr_array(np.array([[0.5, 0.5, 0], [0.5, 0.5, 0], [0.5, 0, 0.5], [0.4, 0.6, 0]], dtype=np.float32))
    assert distinct_rows(rows) == 0.5


def test_the_mean_support_is_that_of_the_method():
    rng = np.random.default_rng(0)
    target, source = rng.standard_normal((30, 8)).astype(np.float32), rng.standard_normal((50, 8)).astype(np.float32)
    measures = measured(target, source)
    task = made_transfer([-1] * 30, np.eye(50))
    known = np.ones(50, dtype=bool)
    vectors = BridgeVectors(TokenVectors(source, known), TokenVectors(target, known[:30]))
    for alpha in (2.0, 4.0, 16.0):
        assert measures.supports[alpha] == pytest.approx(SemBridge(vectors, alpha)(task).support.mean())
    others = [abs(np.log(mean / 2.1)) for mean in measures.supports.values()]
    assert abs(np.log(measures.supports[measures.alpha] / 2.1)) == min(others)


def test_a_part_of_a_transfer_mixes_as_the_whole_does():
    """With all donors, the rows of some targets are those they have in the whole."""
    rng = np.random.default_rng(1)
    target, source = rng.standard_normal((6, 4)).astype(np.float32), rng.standard_normal((9, 4)).astype(np.float32)
    task = made_transfer([-1, 2, -1, -1, 0, -1], np.eye(9))
    known = np.ones(9, dtype=bool)
    whole = SemBridge(BridgeVectors(TokenVectors(source, known), TokenVectors(target, known[:6])))(task).mixture
    ids = np.array([2, 5])
    part = part_of_transfer(task, np.arange(9), ids)
    vectors = BridgeVectors(TokenVectors(source, known), TokenVectors(target[ids], known[:2]))
    assert np.array_equal(SemBridge(vectors)(part).mixture.toarray(), whole.toarray()[ids])
    assert part.target.tokens == ("t2", "t5")
