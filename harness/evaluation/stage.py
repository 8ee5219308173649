"""Stage: evaluate one encoder on one collection, from texts to a run and its scores."""

from __future__ import annotations

import json
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from harness.evaluation.encoder_run import search_with_encoder
from harness.evaluation.measurement import smaller_batches, write
from harness.evaluation.shards import SHARE
from harness.store.artifact import Location
from harness.store.stage import Stage


def build(out: Path, parameters: Mapping[str, Any], inputs: Mapping[str, Location], batch_divisor: int = 1) -> None:
    """Evaluate an encoder and write the run and its scores.

    parameters: k, max_length, precision, bias, special_ids.
    inputs: collection, either trained or encoder (+ tokenizer + initialization), and share-0, share-1, ... if the
    documents were searched in shards.
    """
    from harness.collections import beir
    from harness.evaluation.shards import largest_divisor, merge_shards

    start = time.perf_counter()
    shards = [inputs[name].path for name in sorted(inputs) if name.startswith(SHARE)]
    if shards:
        (best, activity), batch_divisor = merge_shards(shards), largest_divisor(shards)
    else:
        best, activity = search_with_encoder(parameters, inputs, batch_divisor=batch_divisor)
    collection = beir.load_queries(inputs["collection"].path)
    run = best.result(collection.query_ids, collection.document_ids)
    about = _about(inputs) | smaller_batches(batch_divisor)
    write(out, run, collection, activity.result(), time.perf_counter() - start, about)


EVALUATION = Stage("evaluation", version=4, seconds=3, build=build, shared=False)


def _about(inputs: Mapping[str, Location]) -> dict[str, Any]:
    """Return what the initialization, and the training on top of it, wrote about themselves."""
    about: dict[str, Any] = {}
    for name in ("initialization", "trained"):
        if name in inputs and (inputs[name].path / "about.json").is_file():
            stored = json.loads((inputs[name].path / "about.json").read_text(encoding="utf-8"))
            about |= {key: value for key, value in stored.items() if key != "origin"}
    return about
