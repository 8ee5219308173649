"""Store encoded queries and documents, and search what is stored.

What must be known of all documents before the first one is scored (in how many of them a dimension is active, the
largest weight) is counted in the stored vectors, which are then read again. Memory holds one block of them at a time.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from itertools import islice
from pathlib import Path
from typing import Any

import numpy as np
import scipy.sparse as sp

from harness.collections import beir
from harness.collections.collection import Collection
from harness.files import headway
from harness.retrieval.retrieval import Encode, shard_bounds
from harness.retrieval.vector_options import VectorOptions
from sembridge.search.activity import Activity
from sembridge.search.exact_search import top_k
from sembridge.search.pruning import canonical, from_levels, keep_heaviest, keep_mass, to_levels
from sembridge.search.ranking import Best, id_order
from sembridge.search.rarity import inverse_document_frequency, weigh
from sembridge.search.unknown import UnknownTokens

BLOCK = 8192  # documents of a file
QUERIES, DOCUMENTS, ABOUT = "queries.safetensors", "documents-*.safetensors", "about.json"
_SHORT = 2**16  # ids below it take two bytes instead of four


def write_vectors(
    out: Path,
    encode: Encode,
    folder: Path,
    collection: Collection,
    shard: tuple[int, int],
    unknown: UnknownTokens,
    about: Mapping[str, Any],
) -> None:
    """Encode one shard (r, n) of the documents, and with the first one the queries, and write them.

    unknown  the counter that `encode` counts in
    about    what else there is to say of the vectors

    Raises ValueError if a weight is not finite.
    """
    start, end = shard_bounds(len(collection.document_ids), *shard)
    texts = () if shard[0] else collection.query_texts
    with headway.counting("texts", len(texts) + end - start):
        if texts:
            _write(out / QUERIES, list(encode(texts, "query")))
        windows: list[sp.csr_array] = []
        position = start
        for window in encode(islice(beir.stream(folder), start, end), "document"):
            windows.append(window)
            position += window.shape[0]
            headway.reach(len(texts) + position - start)  # if `encode` does not count
            if sum(each.shape[0] for each in windows) >= BLOCK or position == end:
                _write(out / DOCUMENTS.replace("*", f"{position:010d}"), windows)
                windows = []
        assert position == end
    content = {"unknown": unknown.counts.tolist(), **about}
    (out / ABOUT).write_text(json.dumps(content, sort_keys=True), encoding="utf-8")


def search_vectors(
    shards: Sequence[Path], collection: Collection, k: int, options: VectorOptions
) -> tuple[Best, Activity, UnknownTokens]:
    """Return the k best documents of every query, how sparse the searched vectors are, and the tokens read.

    shards  folders of `write_vectors`, in the order of the documents; their number does not change a bit

    Raises ValueError if the shards do not hold the documents of the collection, or a weight is not finite.
    """
    documents = _prepared(shards, options)
    queries = _read(shards[0] / QUERIES)
    if options.query_idf:
        counter = Activity(queries)
        for block in documents():
            counter.add(block)
        queries = weigh(queries, inverse_document_frequency(counter.document_counts, counter.documents))
    queries = _pruned(queries, options.mass_query, options.max_active_query)
    ranking, activity = top_k(queries, k, id_order(collection.document_ids)), Activity(queries)
    with headway.counting("documents", len(collection.document_ids)):
        for block in documents():
            ranking.add(activity.documents, block)
            activity.add(block)
            headway.reach(activity.documents)
    if activity.documents != len(collection.document_ids):
        raise ValueError(
            f"{activity.documents} vectors for {len(collection.document_ids)} documents; encode them again"
        )
    counts = [json.loads((shard / ABOUT).read_text(encoding="utf-8"))["unknown"] for shard in shards]
    return ranking.best, activity, UnknownTokens(np.sum(counts, axis=0))


def stored_about(shards: Sequence[Path]) -> dict[str, Any]:
    """Return what the shards say about their vectors; of numbers, the largest."""
    about: dict[str, Any] = {}
    for shard in shards:
        for name, value in json.loads((shard / ABOUT).read_text(encoding="utf-8")).items():
            if name != "unknown":
                about[name] = max(about[name], value) if name in about and not isinstance(value, str) else value
    return about


def _prepared(shards: Sequence[Path], options: VectorOptions) -> Callable[[], Iterator[sp.csr_array]]:
    """Return a function that yields the documents as an index would hold them, block by block."""

    def pruned() -> Iterator[sp.csr_array]:
        for shard in shards:
            for file in sorted(shard.glob(DOCUMENTS)):
                yield _pruned(_read(file), options.mass_document, options.max_active_document)

    if options.weight_bits is None:
        return pruned
    largest = max((float(block.data.max()) for block in pruned() if block.nnz), default=0.0)
    return lambda: (from_levels(to_levels(block, largest), largest) for block in pruned())


def _pruned(vectors: sp.csr_array, mass: float | None, most: int | None) -> sp.csr_array:
    if mass is not None:
        vectors = keep_mass(vectors, mass)
    return vectors if most is None else keep_heaviest(vectors, most)


def _write(path: Path, windows: Sequence[sp.csr_array]) -> None:
    from safetensors.numpy import save_file

    vectors = canonical(sp.vstack(windows, format="csr"))
    if not np.isfinite(vectors.data).all():
        raise ValueError("the encoder gave weights that are not finite; its rows or its training are broken")
    ids = vectors.indices.astype(np.uint16 if vectors.shape[1] <= _SHORT else np.int32)
    arrays = {"ends": vectors.indptr.astype(np.int64), "ids": ids, "weights": vectors.data.astype(np.float32)}
    save_file({**arrays, "shape": np.array(vectors.shape, dtype=np.int64)}, path)


def _read(path: Path) -> sp.csr_array:
    from safetensors.numpy import load_file

    arrays = load_file(path)
    parts = arrays["weights"], arrays["ids"].astype(np.int32), arrays["ends"]
    return sp.csr_array(parts, shape=tuple(arrays["shape"].tolist()))
