"""A training that cannot recover stops with a message that names the option to change."""

from __future__ import annotations

import pytest

from harness.run.retries import FINAL, explain_error
from harness.training.guard import TrainingStopped, check


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
