"""Stage: one encoder (or BM25) on one collection, from texts to a run and its scores."""

from __future__ import annotations

import json
import time
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from harness.store.artifact import Location

if TYPE_CHECKING:
    from harness.retrieval.activity import Activity
    from harness.retrieval.search import Best

SHARE = "share-"
RUN, QUERIES, MEASUREMENT = "run.trec.gz", "queries.parquet", "measurement.json"


def build(out: Path, parameters: Mapping[str, Any], inputs: Mapping[str, Location], divided: int = 1) -> None:
    """parameters: k, max_length, precision, bias, special_ids; inputs: collection, and either trained or encoder (+ tokenizer + initialization);
    besides, where the documents were searched in shares, share-0, share-1, ..."""
    from harness.collections import beir
    from harness.evaluation.shards import divided_most, merged

    start = time.perf_counter()
    shares = [inputs[name].path for name in sorted(inputs) if name.startswith(SHARE)]
    best, activity = merged(shares) if shares else searched(parameters, inputs, divided=divided)
    divided = divided_most(shares) if shares else divided
    collection = beir.load_queries(inputs["collection"].path)
    run = best.result(collection.query_ids, collection.document_ids)
    write(out, run, collection, activity.result(), time.perf_counter() - start, _about(inputs) | smaller_batches(divided))


def searched(parameters: Mapping[str, Any], inputs: Mapping[str, Location], share: tuple[int, int] = (0, 1), divided: int = 1
             ) -> tuple[Best, Activity]:  # fmt: skip
    """What `retrieve` finds with the encoder that the inputs make."""
    from harness.collections import beir
    from harness.initialization.encoders import zero_shot_encoder
    from harness.retrieval.retrieval import retrieve
    from sembridge.encoder.loading import load_encoder

    folder = inputs["collection"].path
    collection = beir.load_queries(folder)
    encoder = load_encoder(*inputs["trained"]) if "trained" in inputs else zero_shot_encoder(parameters, inputs)
    options = {name: parameters[name] for name in ("k", "max_length", "precision")}
    return retrieve(encoder, folder, collection, **options, divided=divided, share=share)


def build_bm25(out: Path, parameters: Mapping[str, Any], inputs: Mapping[str, Location]) -> None:
    """parameters: k, language; inputs: collection."""
    from harness.collections import beir
    from harness.references import bm25

    start = time.perf_counter()
    collection = beir.load(inputs["collection"].path)
    run = bm25.search(collection, parameters["language"], parameters["k"])
    write(out, run, collection, {}, time.perf_counter() - start, {"label": "bm25"})


def smaller_batches(divided: int) -> dict[str, int]:
    """What measurement.json says under `about` of batches that were so many times smaller than usual; nothing if they were not."""
    return {"batches_divided": divided} if divided > 1 else {}


def _about(inputs: Mapping[str, Location]) -> dict[str, Any]:
    """What the initialization, or the training on top of it, says about itself."""
    about: dict[str, Any] = {}
    for name in ("initialization", "trained"):
        if name in inputs and (inputs[name].path / "about.json").is_file():
            stored = json.loads((inputs[name].path / "about.json").read_text(encoding="utf-8"))
            about |= {key: value for key, value in stored.items() if key != "origin"}
    return about


def write(out: Path, run: Any, collection: Any, activity: Mapping[str, float], seconds: float, about: Mapping[str, Any]) -> None:
    """The run, the measures of every query, and measurement.json; `activity` is empty where active dimensions make no sense."""
    import pandas as pd

    from harness.evaluation import measures, trec
    from harness.results.provenance import provenance

    per_query = measures.evaluate(run, collection.qrels)
    trec.write(run, out / RUN, tag="sembridge-bench")
    query_ids = list(collection.qrels)
    columns: dict[str, list[Any]] = {"query_id": query_ids} | {name: [values[q] for q in query_ids] for name, values in per_query.items()}
    pd.DataFrame(columns).to_parquet(out / QUERIES, index=False)
    measurement = {
        "scores": measures.means(per_query),
        "statistics": dict(activity),
        "documents": len(collection.document_ids),
        "queries": len(query_ids),
        "seconds": seconds,
        "about": dict(about),
        "provenance": provenance(),
    }
    (out / MEASUREMENT).write_text(json.dumps(measurement, indent=1, sort_keys=True, ensure_ascii=False) + "\n", encoding="utf-8")
