"""Real engines, in this process or beside it: each loads an export as its page says, and answers the queries in it."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Callable, Iterator
from importlib.metadata import version
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from harness.export.check import read_documents, read_queries
from harness.export.engine import Engine
from harness.export.weights import csr

Found = list[list[str]]
"""The ids of the first ten documents of each query, best first."""


class Loaded(NamedTuple):
    """An engine that holds the documents: what answers all queries of the export, and the files of its index."""

    ask: Callable[[], Found]
    files: list[Path]


class Loader(NamedTuple):
    """How an engine is tried.

    name      in the table
    format    what `export --to` calls its format
    package   the distribution that brings the engine; a server: its name
    load      loads the export in a folder
    exact     whether it has to find the documents of an exact search
    release   the version of a server; None: that of the package
    """

    name: str
    format: str
    package: str
    load: Callable[[Path, Engine], Loaded]
    exact: bool
    release: str | None = None

    @property
    def version(self) -> str:
        """Return the name and the version of what brings the engine."""
        return f"{self.package} {self.release or version(self.package)}"


def qdrant(folder: Path, engine: Engine) -> Loaded:
    """Give Qdrant's own engine the bodies of the requests, point by point, search by search."""
    import qdrant_edge as edge

    body = json.loads((folder / "collection.json").read_text(encoding="utf-8"))
    if body["vectors"] != {} or any(body["sparse_vectors"].values()):
        raise ValueError(f"{folder / 'collection.json'}: has parameters that this loader does not know")
    parameters = {name: edge.EdgeSparseVectorParams() for name in body["sparse_vectors"]}
    (folder / "shard").mkdir()
    shard = edge.EdgeShard.create(str(folder / "shard"), edge.EdgeConfig(sparse_vectors=parameters))
    for part in engine.facts.parts:
        points = json.loads((folder / part).read_text(encoding="utf-8"))["points"]
        shard.update(edge.UpdateOperation.upsert_points([_point(edge, point) for point in points]))
    shard.optimize()
    shard.flush()

    def ask() -> Found:
        found = []
        for search in json.loads((folder / "queries.json").read_text(encoding="utf-8"))["searches"]:
            query = edge.Query.Nearest(edge.SparseVector(**search["query"]), using=search["using"])
            request = edge.QueryRequest(limit=search["limit"], query=query, with_payload=search["with_payload"])
            found.append([point.payload["doc_id"] for point in shard.query(request)])
        return found

    return Loaded(ask, [folder / "shard"])


def seismic(folder: Path, engine: Engine) -> Loaded:
    """Run build.py, and ask with all tokens of a query, as the page says."""
    return _seismic(folder, engine, None, 0.9)


def seismic_cut(folder: Path, engine: Engine) -> Loaded:
    """Run build.py, and ask as is usual for short queries: their 10 heaviest tokens, heap_factor 0.7."""
    return _seismic(folder, engine, 10, 0.7)


def pisa(folder: Path, engine: Engine) -> Loaded:
    """Run build.py, and ask with the lines of queries.jsonl."""
    import pandas
    from pyterrier_pisa import PisaIndex

    _build(folder)
    index = PisaIndex(str(folder / "index"), stemmer="none").quantized(num_results=10, toks_scale=1.0)
    queries = [json.loads(line) for line in (folder / "queries.jsonl").open(encoding="utf-8")]

    def ask() -> Found:
        answers = index(pandas.DataFrame(queries))
        found = {name: rows.sort_values("rank").docno.tolist() for name, rows in answers.groupby("qid")}
        return [found.get(query["qid"], []) for query in queries]

    return Loaded(ask, [folder / "index"])


def kannolo(folder: Path, engine: Engine) -> Loaded:
    """Give kANNolo's index that scores every document the vectors of an export to jsonl; it halves their precision."""
    return _kannolo(folder, engine, "SparseFlatIndex")


def kannolo_graph(folder: Path, engine: Engine) -> Loaded:
    """Give kANNolo's graph (HNSW), with its defaults, the vectors of an export to jsonl."""
    return _kannolo(folder, engine, "SparsePlainHNSW")


LOADERS = (
    Loader("Qdrant (Edge: the engine in the process)", "qdrant", "qdrant-edge-py", qdrant, True),
    Loader("kANNolo, every document", "jsonl", "kannolo", kannolo, False),
    Loader("kANNolo, graph, defaults", "jsonl", "kannolo", kannolo_graph, False),
    Loader("Seismic, all tokens, heap_factor 0.9", "seismic", "pyseismic-lsr", seismic, False),
    Loader("Seismic, 10 tokens, heap_factor 0.7", "seismic", "pyseismic-lsr", seismic_cut, False),
    Loader("PISA, scale 1000", "pisa", "pyterrier-pisa", pisa, False),
)


def _point(edge: Any, point: dict[str, Any]) -> Any:
    vectors = {name: edge.SparseVector(**vector) for name, vector in point["vector"].items()}
    return edge.Point(point["id"], vectors, point["payload"])


def _seismic(folder: Path, engine: Engine, query_cut: int | None, heap_factor: float) -> Loaded:
    import seismic as package

    _build(folder)
    name = "SeismicIndexLV" if "SeismicIndexLV" in (folder / "build.py").read_text(encoding="utf-8") else "SeismicIndex"
    index = getattr(package, name).load(str(folder / "documents.index.seismic"))
    made: dict[str, Any] = {}
    exec(engine.request(), made)
    queries = [made["request"](vector) for vector in _vectors(folder, engine)]

    def ask() -> Found:
        settings = {"k": 10, "heap_factor": heap_factor}
        found = []
        for names, weights in queries:
            hits = index.search("q", names, weights, query_cut=query_cut or len(names), **settings)
            found.append([document for _, _, document in hits])
        return found

    return Loaded(ask, [folder / "documents.index.seismic"])


def _kannolo(folder: Path, engine: Engine, kind: str) -> Loaded:
    import kannolo as package

    names: list[str] = []
    rows: list[tuple[np.ndarray, np.ndarray]] = []
    for ids, vectors in read_documents(folder, engine):
        names += ids
        rows += [(vectors.indices[start:end], vectors.data[start:end]) for start, end in _ends(vectors)]
    documents = csr(rows, engine.facts.dimensions)
    arrays = documents.indices.astype(np.int32), documents.data, documents.indptr.astype(np.int64)
    index = getattr(package, kind).build_from_arrays(*arrays)
    index.save(str(folder / "kannolo.index"))
    queries = read_queries(folder, engine)

    def ask() -> Found:
        found = []
        for start, end in _ends(queries):
            _, positions = index.search(queries.indices[start:end].astype(np.int32), queries.data[start:end], 10)
            found.append([names[position] for position in positions])
        return found

    return Loaded(ask, [folder / "kannolo.index"])


def _ends(matrix: Any) -> Iterator[tuple[int, int]]:
    return zip(matrix.indptr[:-1].tolist(), matrix.indptr[1:].tolist(), strict=True)


def _vectors(folder: Path, engine: Engine) -> Iterator[dict[int, float]]:
    matrix = read_queries(folder, engine)
    for start, end in _ends(matrix):
        yield dict(zip(matrix.indices[start:end].tolist(), matrix.data[start:end].tolist(), strict=True))


def _build(folder: Path) -> None:
    """Run build.py of an export."""
    if not any(folder.glob("*index*")):
        done = subprocess.run([sys.executable, "build.py"], cwd=folder, capture_output=True, text=True)
        if done.returncode:
            raise RuntimeError(f"{folder / 'build.py'} failed: {(done.stderr.strip().splitlines() or ['?'])[-1]}")
