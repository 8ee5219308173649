"""Stage: one share of a collection's documents. The shares of a cell may be computed on different nodes, or by a run that goes on where another was
killed; merged, they are the same bits as one pass over all documents."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from harness.retrieval.activity import Activity
from harness.retrieval.activity import merge as merge_activity
from harness.retrieval.ranking import Best, merge
from harness.store.artifact import Location
from harness.store.stage import Stage

FILE = "share.safetensors"
ABOUT = "about.json"  # there only if batches were smaller than usual


def build(out: Path, parameters: Mapping[str, Any], inputs: Mapping[str, Location], batch_divisor: int = 1) -> None:
    """parameters: those of `evaluation`, and share, shares: the share-th (from 0) of so many; inputs: those of `evaluation`."""
    from safetensors.numpy import save_file

    from harness.evaluation.encoder_run import search_with_encoder
    from harness.evaluation.measurement import smaller_batches

    best, activity = search_with_encoder(parameters, inputs, (parameters["share"], parameters["shares"]), batch_divisor)
    counts = np.array([activity.queries, activity.documents])
    arrays = {"scores": best.scores, "positions": best.positions, "ranks": best.ranks, "counts": counts}
    save_file(arrays | {"query_counts": activity.query_counts, "document_counts": activity.document_counts}, out / FILE)
    if batch_divisor > 1:
        (out / ABOUT).write_text(json.dumps(smaller_batches(batch_divisor)), encoding="utf-8")


EVALUATION_SHARE = Stage("evaluation-share", version=2, seconds=3, build=build)


def divided_most(folders: Sequence[Path]) -> int:
    """How many times smaller than usual the smallest batches of all shares were."""
    told = [
        json.loads((folder / ABOUT).read_text(encoding="utf-8")) for folder in folders if (folder / ABOUT).is_file()
    ]
    return max((about["batches_divided"] for about in told), default=1)


def merged(folders: Sequence[Path]) -> tuple[Best, Activity]:
    """What all shares together found."""
    from safetensors.numpy import load_file

    found = [load_file(folder / FILE) for folder in folders]
    activities = []
    for arrays in found:
        activity = Activity.empty(len(arrays["query_counts"]))
        activity.queries, activity.documents = arrays["counts"].tolist()
        activity.query_counts, activity.document_counts = arrays["query_counts"], arrays["document_counts"]
        activities.append(activity)
    return merge([Best(arrays["scores"], arrays["positions"], arrays["ranks"]) for arrays in found]), merge_activity(
        activities
    )


SHARE = "share-"
