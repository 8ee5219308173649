"""Encoders after a shortened training, for tests of what does not depend on its length."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from harness.pocket import encoder_training, static_embeddings

FEW = 2  # steps, which is enough to change every weight


@contextmanager
def cut_short(steps: int = FEW, cases: int = 2, static_steps: int = FEW) -> Iterator[None]:
    """Within it, encoders train for `steps` steps of `cases` families of each kind, static ones for `static_steps`."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(static_embeddings, "STEPS", static_steps)
        patch.setattr(encoder_training, "STEPS", steps)
        patch.setattr(encoder_training, "CASES", cases)
        yield
