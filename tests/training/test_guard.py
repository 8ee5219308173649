"""A training that cannot recover stops with a message that names the option to change."""

from __future__ import annotations

import pytest

from harness.run.retries import FINAL, explain_error
from harness.training.guard import DensityGuard, TrainingStopped, check


@pytest.mark.parametrize("loss", [float("nan"), float("inf"), -float("inf")])
def test_a_loss_that_is_not_finite(loss):
    with pytest.raises(
        TrainingStopped, match=rf"step 3: the loss is {loss}.*--set training\.learning_rate=.*training\.scale"
    ):
        check(3, loss, 10.0, 10.0)


@pytest.mark.parametrize(("query_active", "document_active", "side"), [(0.0, 5.0, "queries"), (5.0, 0.0, "documents")])
def test_no_active_dimension(query_active, document_active, side):
    with pytest.raises(
        TrainingStopped,
        match=rf"step 7: all {side} .* 0 active dimensions.*training\.lambda_query.*training\.lambda_document",
    ):
        check(7, 1.0, query_active, document_active)


def test_a_sound_step_passes():
    check(0, 0.0, 0.01, 0.01)


def test_a_stopped_training_is_not_tried_again():
    with pytest.raises(TrainingStopped) as stopped:
        check(3, float("nan"), 1.0, 1.0)
    line, verdict = explain_error(stopped.value)
    assert verdict == FINAL and line.startswith("TrainingStopped: step 3: the loss is nan")


def stopped_at(active, steps, full_from, dimensions=100):
    """Return the step at which a training with these documents stops, None if it goes on to its end."""
    guard = DensityGuard(dimensions, steps, full_from)
    for step, documents in zip(range(steps), active, strict=True):
        try:
            guard.check(step, 5.0, documents)
        except TrainingStopped:
            return step
    return None


def test_a_training_that_stays_dense_stops():
    # 100 steps, the regularization full from step 34 on: dense in all 66 that remain.
    assert stopped_at([91.0] * 100, 100, 34) == 99
    # 1,000 steps: 200 at the full regularization. 5,000 steps: a tenth of them.
    assert stopped_at([100.0] * 1000, 1000, 334) == 334 + 199
    assert stopped_at([100.0] * 5000, 5000, 1667) == 1667 + 499


def test_a_training_that_gets_sparse_goes_on():
    assert stopped_at([100.0] * 99 + [90.0], 100, 34) is None, "90% is not more than 90%"
    assert stopped_at([100.0] * 500 + [10.0] * 500, 1000, 334) is None, "166 dense steps at the full regularization"
    assert stopped_at(([100.0] * 199 + [10.0]) * 5, 1000, 0) is None
    assert stopped_at([100.0] * 13, 13, 4) is None, "too short for a judgement"


def test_a_training_that_stays_dense_says_what_to_change():
    guard = DensityGuard(193, 20, 7)
    for step in range(19):
        guard.check(step, 193.0, 5.0)
    with pytest.raises(TrainingStopped) as stopped:
        guard.check(19, 193.0, 5.0)
    assert str(stopped.value) == (
        "step 19: queries have 193 of 193 dimensions active, and above 90% in the last 13 steps, at the full "
        "regularization; raise training.lambda_query (--set training.lambda_query=...), train longer, or choose an "
        "initializer whose zero-shot representations are sparse"
    )
