"""Stop a training that cannot recover, and say why, instead of spending hours on zeros."""

from __future__ import annotations

import math


class TrainingStopped(ValueError):
    """The training was stopped by the guard; the message says what was seen and what to change. Tried again as it is, it would stop again."""


def check(step: int, loss: float, query_active: float, document_active: float) -> None:
    """Raise TrainingStopped if the loss is not finite, or a whole batch of queries or documents has no active dimension left.

    A representation of zeros has no gradient through its ReLU, so neither state heals by itself.
    """
    if not math.isfinite(loss):
        raise TrainingStopped(
            f"step {step}: the loss is {loss}; lower the learning rate (--set training.learning_rate=...) or the scale (training.scale)"
        )
    for side, active in (("queries", query_active), ("documents", document_active)):
        if active == 0:
            raise TrainingStopped(
                f"step {step}: all {side} of the batch have 0 active dimensions, so no gradient can revive them; lower training.lambda_query and "
                "training.lambda_document, lower the learning rate, or choose an initializer whose zero-shot representations are not empty"
            )
