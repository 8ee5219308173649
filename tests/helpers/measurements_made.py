"""The files of a measurement of one query, and artifacts that hold them, without computing their inputs."""

from __future__ import annotations

import gzip
import json
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from harness.files.atomic import write_json
from harness.store.artifact import Artifact
from harness.store.integrity import MANIFEST, digest_of
from harness.store.store import Store


def write_measurement(out: Path, score: float, **about: Any) -> None:
    scores = {"ndcg@10": score, "recall@100": score, "mrr@10": score}
    (out / "run.trec.gz").write_bytes(gzip.compress(f"q1 Q0 d1 1 {score} x\n".encode()))
    columns = {name: [value] for name, value in scores.items()}
    pq.write_table(pa.table({"query_id": ["q1"], **columns}), out / "queries.parquet")
    statistics = {"query_active": 1.0, "doc_active": 2.0, "flops": 3.0}
    measurement = {"scores": scores, "statistics": statistics, "seconds": 1.0, "about": about, "provenance": {}}
    measurement |= {"unknown": {}, "warnings": []}
    content = json.dumps(measurement | {"documents": 3, "queries": 1})
    (out / "measurement.json").write_text(content, encoding="utf-8")


def publish(store: Store, artifact: Artifact, files: dict[str, str] | None = None, score: float | None = None) -> None:
    """Put an artifact of these files, or of a measurement, into the store."""
    folder = store.path(artifact)
    folder.mkdir(parents=True)
    for name, content in (files or {}).items():
        (folder / name).write_text(content, encoding="utf-8")
    if score is not None:
        write_measurement(folder, score)
    sizes = {path.name: {"bytes": path.stat().st_size, "sha256": digest_of(path)} for path in folder.iterdir()}
    write_json(folder / MANIFEST, {"key": artifact.key, "seconds": 1.0, "files": sizes})
