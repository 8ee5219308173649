"""Whole results folders, made from scores of queries as `write_results` makes them of a grid, without running one."""

from __future__ import annotations

import gzip
from collections.abc import Mapping, Sequence
from pathlib import Path
from statistics import fmean

import pyarrow as pa
import pyarrow.parquet as pq

from harness.results.export import write_results
from harness.results.record import OK, Identity, Record

REFERENCES = ("base", "bm25")


def record_of(
    initializer: str, language: str, scores: Sequence[float], *, collection: str = "faq", seed: int = 1,
    alpha: float | None = None, label: str = "", active: float = 80.0, regime: str = "zero-shot", vectors: str = "",
) -> Record:  # fmt: skip
    """Return the record of a cell whose queries have these scores."""
    bridge = "" if alpha is None else "bridge"
    identity = Identity(language, "bert", collection, initializer, bridge, alpha, regime, seed, vectors)
    mean = fmean(scores)
    return Record(
        identity,
        f"key-{identity.name}",
        label or initializer,
        initializer in REFERENCES,
        OK,
        scores={"ndcg@10": mean, "recall@100": mean, "mrr@10": mean},
        statistics={} if initializer == "bm25" else {"query_active": 12.0, "doc_active": active, "flops": 1.25},
        seconds=3.5,
        provenance={"documents": 100, "queries": len(scores), "about": {}},
    )


def results_of(
    folder: Path, cells: Sequence[tuple[Record, Sequence[float]]],
    shares: Mapping[str, float | None] | None = None, others: Sequence[Record] = (),
) -> Path:  # fmt: skip
    """Write the results of these cells into folder/results; queries are called q00, q01, ...; return that folder.

    others  records without scores: failed cells, and those that are not computed
    """
    artifacts = {}
    for record, scores in cells:
        artifact = artifacts[record.key] = folder / "artifacts" / record.key
        artifact.mkdir(parents=True, exist_ok=True)
        (artifact / "run.trec.gz").write_bytes(gzip.compress(b"q00 Q0 d1 1 1.0 x\n"))
        columns = {measure: [float(score) for score in scores] for measure in ("ndcg@10", "recall@100", "mrr@10")}
        names = [f"q{number:02d}" for number in range(len(scores))]
        pq.write_table(pa.table({"query_id": names, **columns}), artifact / "queries.parquet")
    records = [*(record for record, _ in cells), *others]
    write_results(folder / "results", records, lambda record: artifacts.get(record.key), lambda record: shares or None)
    return folder / "results"
