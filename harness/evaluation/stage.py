"""Stage: evaluate one encoder on one collection, from texts to a run and its scores."""

from __future__ import annotations

import json
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from harness.evaluation import warnings
from harness.evaluation.encoder_run import search_with_encoder
from harness.evaluation.measurement import smaller_batches, write
from harness.evaluation.shards import SHARE
from harness.evaluation.vectors import shards_among
from harness.store.artifact import Location
from harness.store.stage import Stage


def build(out: Path, parameters: Mapping[str, Any], inputs: Mapping[str, Location], batch_divisor: int = 1) -> None:
    """Evaluate an encoder and write the run and its scores.

    parameters: k, max_length, precision, bias, special_ids, ignore_identical_ids where the collection sets it, and the
    `VectorOptions` that differ from their defaults.
    inputs: collection, either trained or encoder (+ tokenizer + initialization), and share-0, share-1, ... if the
    documents were searched in shards, or vectors-0, vectors-1, ... if options of vectors are set.
    """
    from harness.collections import beir
    from harness.evaluation.own_documents import searched
    from harness.evaluation.shards import largest_divisor, merge_shards
    from harness.retrieval.vector_files import search_vectors, stored_about
    from harness.retrieval.vector_options import VectorOptions

    start = time.perf_counter()
    collection = beir.load_queries(inputs["collection"].path)
    options, about = VectorOptions.of(parameters), _about(inputs)
    shards = [inputs[name].path for name in sorted(inputs) if name.startswith(SHARE)]
    if stored := shards_among(inputs):
        best, activity, tokens = search_vectors(stored, collection, searched(parameters), options)
        about |= {"vectors": options.parameters, **stored_about(stored)}
        about.pop("curve", None)  # which was measured with vectors as the encoder gives them
    elif shards:
        (best, activity, tokens), batch_divisor = merge_shards(shards), largest_divisor(shards)
    else:
        best, activity, tokens = search_with_encoder(parameters, inputs, batch_divisor=batch_divisor)
    run = best.result(collection.query_ids, collection.document_ids)
    about |= {} if stored else smaller_batches(batch_divisor)
    statistics, unknown = activity.result(), tokens.rates()
    if "unknown_pairs" in about.get("training", {}):
        unknown["pairs"] = about["training"]["unknown_pairs"]
    # The row `base` keeps the source's tokenizer, which a reader expects not to know the language.
    transplanted = "statistics" in about
    warned = warnings.of_unknown(unknown, warnings.TOKENIZER) if transplanted else []
    warned += warnings.of_precision(parameters)
    warned += warnings.of_activity(statistics, activity.dimensions)
    write(out, run, collection, statistics, time.perf_counter() - start, about, parameters, unknown, warned)


EVALUATION = Stage("evaluation", version=4, seconds=3, build=build, shared=False)


def _about(inputs: Mapping[str, Location]) -> dict[str, Any]:
    """Return what the initialization, and the training on top of it, wrote about themselves."""
    about: dict[str, Any] = {}
    for name in ("initialization", "trained"):
        if name in inputs and (inputs[name].path / "about.json").is_file():
            stored = json.loads((inputs[name].path / "about.json").read_text(encoding="utf-8"))
            about |= {key: value for key, value in stored.items() if key != "origin"}
    return about
