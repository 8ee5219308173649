"""Mixtures at alpha 1 that are computed on demand, against the same ones stored."""

from __future__ import annotations

from typing import cast

import numpy as np
import pytest
import torch

import sembridge.bridging.method as module
from sembridge.bridge import BridgeVectors, TokenVectors
from sembridge.initializer import Initialization, Transfer
from sembridge.mixture.softmax import SoftmaxMixture
from sembridge.model_card.recipe import Recipe
from sembridge.model_card.record import TransferRecord, best_cosines
from sembridge.semantic_bridge import SemBridge
from tests.helpers.transfers_made import made_transfer

SOURCE, TARGET = 150, 90


@pytest.fixture(scope="module")
def task() -> tuple[Transfer, BridgeVectors]:
    """Return a task with copied and mixed tokens, tokens and donors unknown to the bridge, and some equal donors."""
    rng = np.random.default_rng(0)
    copied = [int(rng.integers(SOURCE)) if i % 4 == 0 else -1 for i in range(TARGET)]
    sides = [rng.standard_normal((count, 24)).astype(np.float32) + 1 for count in (SOURCE, TARGET)]
    sides[0][40:80] = sides[0][:40]
    known = [rng.random(count) < 0.9 for count in (SOURCE, TARGET)]
    transfer = made_transfer(copied, rng.standard_normal((SOURCE, 7)).astype(np.float32))
    return transfer, BridgeVectors(*(TokenVectors(vectors, flags) for vectors, flags in zip(sides, known, strict=True)))


def answer(task: tuple[Transfer, BridgeVectors], monkeypatch: pytest.MonkeyPatch, stored: int) -> Initialization:
    monkeypatch.setattr(module, "HELD", stored)
    return SemBridge(task[1], alpha=1.0)(task[0])


@pytest.fixture
def both(task, monkeypatch) -> tuple[Initialization, Initialization]:
    return answer(task, monkeypatch, 0), answer(task, monkeypatch, 10**9)


def test_the_same_answer(both):
    streamed, stored = both
    assert isinstance(streamed.mixture, SoftmaxMixture) and not isinstance(stored.mixture, SoftmaxMixture)
    assert streamed.mixture.shape == stored.mixture.shape == (TARGET, SOURCE)
    np.testing.assert_allclose(streamed.rows, stored.rows, atol=1e-7)
    assert streamed.origin.tolist() == stored.origin.tolist() and len(set(streamed.origin)) == 3
    assert streamed.statistics == stored.statistics and streamed.statistics["max_support"] > 100
    assert np.array_equal(streamed.support, stored.support) and set(np.unique(stored.support)) == {
        0,
        1,
        stored.statistics["max_support"],
    }


def test_the_same_numbers_move_with_it(both):
    streamed, stored = both
    values = np.random.default_rng(1).standard_normal(SOURCE)
    np.testing.assert_allclose(streamed.carry(values), stored.carry(values), atol=1e-7)
    np.testing.assert_allclose(streamed.mixture @ np.eye(SOURCE), stored.mixture.toarray(), atol=1e-9)


@pytest.mark.parametrize("k", [1, 5, 10_000])
def test_the_same_heaviest_donors(both, k):
    (starts, ids, weights), (other_starts, other_ids, other_weights) = (side.heaviest(k) for side in both)
    assert np.array_equal(starts, other_starts) and np.diff(starts).max() == min(k, both[0].support.max())
    np.testing.assert_allclose(weights, other_weights, atol=1e-9)
    dense = both[1].mixture.toarray()
    for row in range(TARGET):
        piece = slice(starts[row], starts[row + 1])
        expected = sorted(np.flatnonzero(dense[row]), key=lambda j: (-dense[row, j], j))[:k]
        assert other_ids[piece].tolist() == expected
        np.testing.assert_allclose(dense[row, ids[piece]], dense[row, expected], atol=1e-9)


def test_the_same_record(task, both):
    recipe = cast(Recipe, None)  # the record only keeps it
    records = [TransferRecord.of(task[0], side, recipe) for side in both]
    assert records[0].mean_support() == records[1].mean_support() and np.array_equal(
        records[0].starts, records[1].starts
    )
    vectors = task[1].source.vectors, task[1].target.vectors
    cosines = [best_cosines(side, *vectors) for side in both]
    np.testing.assert_allclose(*cosines, atol=1e-6)
    assert np.isfinite(cosines[0]).sum() == (both[0].origin == "mixed").sum()


def test_threads_change_no_bit(task, monkeypatch):
    count = torch.get_num_threads()
    try:
        rows = []
        for threads in (1, 2):
            torch.set_num_threads(threads)
            rows.append(answer(task, monkeypatch, 0).rows.tobytes())
    finally:
        torch.set_num_threads(count)
    assert rows[0] == rows[1]
