"""Write what an evaluation leaves behind: the run, the measures of every query, and measurement.json."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from sembridge.extras import require

RUN, QUERIES, MEASUREMENT = "run.trec.gz", "queries.parquet", "measurement.json"


def smaller_batches(batch_divisor: int) -> dict[str, int]:
    """What measurement.json says under `about` of batches that were so many times smaller than usual; nothing if they were not."""
    return {"batches_divided": batch_divisor} if batch_divisor > 1 else {}


def write(
    out: Path, run: Any, collection: Any, activity: Mapping[str, float], seconds: float, about: Mapping[str, Any]
) -> None:
    """The run, the measures of every query, and measurement.json; `activity` is empty where active dimensions make no sense."""
    require("grid", "a measurement")
    import pandas as pd

    from harness.evaluation import measures, trec
    from harness.evaluation.provenance import provenance

    per_query = measures.evaluate(run, collection.qrels)
    trec.write(run, out / RUN, tag="sembridge-bench")
    query_ids = list(collection.qrels)
    columns: dict[str, list[Any]] = {"query_id": query_ids} | {
        name: [values[q] for q in query_ids] for name, values in per_query.items()
    }
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
    (out / MEASUREMENT).write_text(
        json.dumps(measurement, indent=1, sort_keys=True, ensure_ascii=False) + "\n", encoding="utf-8"
    )
