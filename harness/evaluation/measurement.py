"""Write the files of an evaluation: the run, the measures of every query, and measurement.json."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from sembridge.extras import require

RUN, QUERIES, MEASUREMENT = "run.trec.gz", "queries.parquet", "measurement.json"


def smaller_batches(batch_divisor: int) -> dict[str, int]:
    """Return the note for `about` in measurement.json that batches were smaller than usual, empty if they were not."""
    return {"batches_divided": batch_divisor} if batch_divisor > 1 else {}


def write(
    out: Path,
    run: Any,
    collection: Any,
    activity: Mapping[str, float],
    seconds: float,
    about: Mapping[str, Any],
    parameters: Mapping[str, Any],
    unknown: Mapping[str, float],
    warnings: Sequence[str],
) -> None:
    """Write the files of an evaluation into `out`.

    run         with one document more than k where own documents are left out; see `own_documents`
    activity    empty where active dimensions have no meaning
    parameters  those of the stage
    unknown     shares of unknown tokens of documents, queries and pairs, as far as there are tokens
    warnings    sentences (see `evaluation.warnings`) that tables repeat
    """
    require("grid", "a measurement")
    import pandas as pd

    from harness.evaluation import measures, trec
    from harness.evaluation.own_documents import RULE, ranked
    from harness.evaluation.provenance import provenance

    run = ranked(run, parameters)
    per_query = measures.evaluate(run, collection.qrels)
    trec.write(run, out / RUN, tag="sembridge-bench")
    query_ids = list(collection.qrels)
    columns: dict[str, list[Any]] = {"query_id": query_ids}
    columns |= {name: [values[query] for query in query_ids] for name, values in per_query.items()}
    pd.DataFrame(columns).to_parquet(out / QUERIES, index=False)
    notes = dict(collection.gaps)
    if own := len(collection.own_documents):
        notes |= {"own_documents": own} | ({RULE: True} if parameters.get(RULE) else {})
    measurement = {
        "scores": measures.means(per_query),
        "statistics": dict(activity),
        "unknown": dict(unknown),
        "warnings": list(warnings),
        "documents": len(collection.document_ids),
        "queries": len(query_ids),
        "seconds": seconds,
        "about": {**about, **({"collection": notes} if notes else {})},
        "provenance": provenance(),
    }
    content = json.dumps(measurement, indent=1, sort_keys=True, ensure_ascii=False)
    (out / MEASUREMENT).write_text(content + "\n", encoding="utf-8")
