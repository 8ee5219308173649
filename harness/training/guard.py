"""Stop a training that cannot recover, and say why."""

from __future__ import annotations

import math

MOST_ACTIVE = 0.9
"""Share of the vocabulary above which representations are not sparse at all."""

PATIENCE = 200
"""Steps that a training may stay above it at its full regularization; a tenth of all steps, if that is more."""

FEWEST = 10
"""Steps at its full regularization below which a training is too short for a judgement."""


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


class DensityGuard:
    """Stop a training whose representations stay dense although the regularization has reached its full weight.

    dimensions  size of the vocabulary, V
    steps       of the whole training
    full_from   the first step with the full weight of the regularization and a learning rate that no longer rises

    Many encoders are dense at first and get sparse, so earlier steps do not count, and one sparse batch starts the
    count again (so does a training that resumes from a checkpoint). A training stops if in PATIENCE consecutive steps
    the mean share of active dimensions of a side is above MOST_ACTIVE, or in all its remaining steps, if these are
    fewer but at least FEWEST.
    """

    def __init__(self, dimensions: int, steps: int, full_from: int) -> None:
        self._dimensions, self._steps, self._full_from = dimensions, steps, full_from
        rest = steps - full_from
        self._patience = min(max(PATIENCE, math.ceil(steps / 10)), rest) if rest >= FEWEST else steps + 1
        self._dense = {"query": 0, "document": 0}

    def check(self, step: int, query_active: float, document_active: float) -> None:
        """Raise TrainingStopped at the step that ends the patience."""
        if step < self._full_from:
            return
        plural = {"query": "queries", "document": "documents"}
        for side, active in (("query", query_active), ("document", document_active)):
            self._dense[side] = self._dense[side] + 1 if active > MOST_ACTIVE * self._dimensions else 0
            if self._dense[side] >= self._patience:
                raise TrainingStopped(
                    f"step {step}: {plural[side]} have {active:,.0f} of {self._dimensions:,} dimensions active, and "
                    f"above {MOST_ACTIVE:.0%} in the last {self._patience} steps, at the full regularization; raise "
                    f"training.lambda_{side} (--set training.lambda_{side}=...), train longer, "
                    "or choose an initializer whose zero-shot representations are sparse"
                )
