"""Stage: search one shard of a collection's documents.

The shards of a cell may be computed on different nodes, or by a run that continues a killed one. Merged, they give the
same bits as one pass over all documents.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from harness.store.artifact import Location
from harness.store.stage import Stage
from sembridge.search.activity import Activity
from sembridge.search.activity import merge as merge_activity
from sembridge.search.ranking import Best, merge
from sembridge.search.unknown import UnknownTokens
from sembridge.search.unknown import merge as merge_unknown

FILE = "share.safetensors"
ABOUT = "about.json"  # written only if batches were smaller than usual
SHARE = "share-"  # inputs of `evaluation` whose names begin like this are shards


def build(out: Path, parameters: Mapping[str, Any], inputs: Mapping[str, Location], batch_divisor: int = 1) -> None:
    """Search a shard and write the best documents, the activity and the counts of tokens.

    parameters: those of `evaluation`, and share (the shard's number, from 0) and shares (how many shards there are).
    inputs: those of `evaluation`.
    """
    from safetensors.numpy import save_file

    from harness.evaluation.encoder_run import search_with_encoder
    from harness.evaluation.measurement import smaller_batches

    shard = parameters["share"], parameters["shares"]
    best, activity, unknown = search_with_encoder(parameters, inputs, shard, batch_divisor)
    counts = np.array([activity.queries, activity.documents])
    arrays = {"scores": best.scores, "positions": best.positions, "ranks": best.ranks, "counts": counts}
    arrays |= {"query_counts": activity.query_counts, "document_counts": activity.document_counts}
    save_file(arrays | {"unknown": unknown.counts}, out / FILE)
    if batch_divisor > 1:
        (out / ABOUT).write_text(json.dumps(smaller_batches(batch_divisor)), encoding="utf-8")


EVALUATION_SHARE = Stage("evaluation-share", version=3, seconds=3, build=build)


def largest_divisor(folders: Sequence[Path]) -> int:
    """Return the largest `batch_divisor` of any shard."""
    notes = [folder / ABOUT for folder in folders if (folder / ABOUT).is_file()]
    return max((json.loads(note.read_text(encoding="utf-8"))["batches_divided"] for note in notes), default=1)


def merge_shards(folders: Sequence[Path]) -> tuple[Best, Activity, UnknownTokens]:
    """Return the best documents, the activity and the counts of tokens of all shards together."""
    from safetensors.numpy import load_file

    shards = [load_file(folder / FILE) for folder in folders]
    activities = []
    for arrays in shards:
        activity = Activity.empty(len(arrays["query_counts"]))
        activity.queries, activity.documents = arrays["counts"].tolist()
        activity.query_counts, activity.document_counts = arrays["query_counts"], arrays["document_counts"]
        activities.append(activity)
    best = [Best(arrays["scores"], arrays["positions"], arrays["ranks"]) for arrays in shards]
    unknown = [UnknownTokens(arrays["unknown"]) for arrays in shards]
    return merge(best), merge_activity(activities), merge_unknown(unknown)
