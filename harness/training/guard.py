"""Stop a training that cannot recover, and say why."""

from __future__ import annotations

import math


class TrainingStopped(ValueError):
    """The guard stopped the training; the message says what to change. An unchanged retry would stop again."""


def check(step: int, loss: float, query_active: float, document_active: float) -> None:
    """Raise TrainingStopped if the loss is not finite, or all queries or documents of a batch have no active dimension.

    A representation of zeros has no gradient through its ReLU, so the training cannot leave either state.
    """
    if not math.isfinite(loss):
        advice = "lower the learning rate (--set training.learning_rate=...) or the scale (training.scale)"
        raise TrainingStopped(f"step {step}: the loss is {loss}; {advice}")
    for side, active in (("queries", query_active), ("documents", document_active)):
        if active == 0:
            raise TrainingStopped(
                f"step {step}: all {side} of the batch have 0 active dimensions, so no gradient can revive them; "
                "lower training.lambda_query and training.lambda_document, lower the learning rate, "
                "or choose an initializer whose zero-shot representations are not empty"
            )
