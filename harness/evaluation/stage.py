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
    """parameters: k, max_length, precision, bias, special_ids; inputs: collection, and either trained or encoder (+ tokenizer + initialization);
    besides, where the documents were searched in shares, share-0, share-1, ..."""
    from harness.collections import beir
    from harness.evaluation.shards import divided_most, merged

    start = time.perf_counter()
    shares = [inputs[name].path for name in sorted(inputs) if name.startswith(SHARE)]
    best, activity = merged(shares) if shares else search_with_encoder(parameters, inputs, batch_divisor=batch_divisor)
    batch_divisor = divided_most(shares) if shares else batch_divisor
    collection = beir.load_queries(inputs["collection"].path)
    run = best.result(collection.query_ids, collection.document_ids)
    write(
        out,
        run,
        collection,
        activity.result(),
        time.perf_counter() - start,
        _about(inputs) | smaller_batches(batch_divisor),
    )


EVALUATION = Stage("evaluation", version=3, seconds=3, build=build, shared=False)


def _about(inputs: Mapping[str, Location]) -> dict[str, Any]:
    """What the initialization, or the training on top of it, says about itself."""
    about: dict[str, Any] = {}
    for name in ("initialization", "trained"):
        if name in inputs and (inputs[name].path / "about.json").is_file():
            stored = json.loads((inputs[name].path / "about.json").read_text(encoding="utf-8"))
            about |= {key: value for key, value in stored.items() if key != "origin"}
    return about
