"""Make one artifact in a worker process."""

from __future__ import annotations

import logging
import os
import time
from pathlib import Path

from harness.run.retries import Outcome, raised
from harness.store.artifact import Artifact
from harness.store.store import Store

logger = logging.getLogger(__name__)


def make_artifact(artifact: Artifact, root: str, threads: int, batch_divisor: int) -> Outcome:
    """One artifact, in a worker process, whose imports are no part of what the artifact takes."""
    import sentence_transformers  # noqa: F401
    import torch

    _quiet()
    torch.set_num_threads(threads)
    start = time.perf_counter()
    store = None
    try:
        store = Store(Path(root))
        computed = store.make(artifact, batch_divisor)
        return Outcome(computed, time.perf_counter() - start, notes=tuple(store.damage_notes))
    except Exception as error:  # a failed piece is a result: it is recorded and the others go on
        logger.exception("%s failed", artifact.stage)
        line, verdict = raised(error)
        return Outcome(False, time.perf_counter() - start, line, verdict, tuple(store.damage_notes) if store else ())


def _quiet() -> None:
    """Worker processes report through their result, not through progress bars."""
    os.environ["HF_HUB_DISABLE_PROGRESS_BARS"] = "1"
    from transformers.utils import logging as transformers_logging

    transformers_logging.disable_progress_bar()
    transformers_logging.set_verbosity_error()
