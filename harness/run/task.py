"""Make one artifact in a worker process."""

from __future__ import annotations

import logging
import os
import time
from pathlib import Path

from harness.run.retries import Outcome, explain_error
from harness.store.artifact import Artifact
from harness.store.store import Store

logger = logging.getLogger(__name__)


def make_artifact(artifact: Artifact, root: str, threads: int, batch_divisor: int) -> Outcome:
    """Compute one artifact; the seconds of the outcome leave out the worker's imports."""
    import sentence_transformers  # noqa: F401
    import torch

    _silence_libraries()
    torch.set_num_threads(threads)
    start = time.perf_counter()
    store = None
    try:
        store = Store(Path(root))
        computed = store.make(artifact, batch_divisor)
        return Outcome(computed, time.perf_counter() - start, notes=tuple(store.damage_notes))
    except Exception as error:  # a failure is recorded, and the other pieces go on
        logger.exception("%s failed", artifact.stage)
        notes = tuple(store.damage_notes) if store else ()
        return Outcome(False, time.perf_counter() - start, *explain_error(error), notes)


def _silence_libraries() -> None:
    """Switch progress bars off: worker processes report through their outcome."""
    os.environ["HF_HUB_DISABLE_PROGRESS_BARS"] = "1"
    from transformers.utils import logging as transformers_logging

    transformers_logging.disable_progress_bar()
    transformers_logging.set_verbosity_error()
