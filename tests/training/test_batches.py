"""Which pairs a step sees: decided by the seed and the settings, by nothing else."""

from __future__ import annotations

import random
from itertools import chain

import numpy as np
import pytest
import torch

from harness.training.loop import batches
from harness.training.settings import TrainingSettings


def together(steps):
    return list(chain.from_iterable(steps))


def drawn(count, seed=1, **settings):
    return [step.tolist() for step in batches(count, TrainingSettings(**settings), seed)]


def test_every_epoch_sees_every_pair_once_in_an_order_of_its_own():
    steps = drawn(24, batch_size=8, epochs=3)
    assert [len(step) for step in steps] == [8] * 9
    epochs = [together(steps[start : start + 3]) for start in (0, 3, 6)]
    assert all(sorted(epoch) == list(range(24)) for epoch in epochs)
    assert len({tuple(epoch) for epoch in epochs}) == 3
    assert epochs[0] != list(range(24))


def test_the_seed_decides_and_no_global_generator():
    random.seed(1), np.random.seed(1), torch.manual_seed(1)
    first = drawn(50, batch_size=8, epochs=2)
    before = torch.get_rng_state()
    assert drawn(50, batch_size=8, epochs=2) == first
    assert torch.equal(torch.get_rng_state(), before)
    random.seed(2), np.random.seed(2), torch.manual_seed(2)
    assert drawn(50, batch_size=8, epochs=2) == first
    assert drawn(50, seed=2, batch_size=8, epochs=2) != first


def test_an_incomplete_batch_is_left_out_in_every_epoch():
    steps = drawn(23, batch_size=8, epochs=4)
    assert [len(step) for step in steps] == [8] * 8
    assert len(set(together(steps))) > 16  # other pairs are left out in other epochs


@pytest.mark.parametrize("count", [5, 8])
def test_the_only_batch_may_be_incomplete(count):
    steps = drawn(count, batch_size=8, epochs=2)
    assert [sorted(step) for step in steps] == [list(range(count))] * 2


def test_max_pairs_takes_the_first_of_a_seeded_order_and_keeps_to_them():
    few, more = (drawn(100, batch_size=4, epochs=3, max_pairs=n) for n in (12, 40))
    assert len(few) == 9 and len(more) == 30
    few_pairs, more_pairs = set(together(few)), set(together(more))
    assert len(few_pairs) == 12 and len(more_pairs) == 40
    assert few_pairs < more_pairs and few_pairs != set(range(12))
    assert set(together(drawn(100, seed=2, batch_size=4, max_pairs=12))) != few_pairs


def test_more_max_pairs_than_pairs_changes_nothing():
    assert drawn(20, batch_size=4, max_pairs=1000) == drawn(20, batch_size=4)
