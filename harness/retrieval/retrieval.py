"""Search a collection with an encoder. Documents stream by, so that ten million of them are never in memory."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from functools import partial
from itertools import islice
from pathlib import Path
from typing import Any

import numpy as np
import scipy.sparse as sp

from harness.collections import beir
from harness.collections.collection import Collection
from harness.files import headway
from sembridge.search.activity import Activity
from sembridge.search.encode import encode
from sembridge.search.encode_options import WINDOW, EncodeOptions
from sembridge.search.exact_search import top_k
from sembridge.search.ranking import Best, id_order
from sembridge.search.unknown import UnknownTokens

Encode = Callable[[Iterable[str], str], Iterator[sp.csr_array]]
"""(texts or a stream of them, query | document) -> one csr matrix [at most WINDOW, V] float32 per window, in order."""


def retrieve(
    encoder: Any,
    folder: Path,
    collection: Collection,
    k: int,
    options: EncodeOptions,
    shard: tuple[int, int] = (0, 1),
    unknown: UnknownTokens | None = None,
) -> tuple[Best, Activity]:
    """Search the collection with an encoder, see `search_collection`; `unknown` counts the tokens it reads."""
    embed = partial(encode, encoder, options=options, unknown=unknown, advance=headway.advance)
    return search_collection(embed, folder, collection, k, shard)


def search_collection(
    encode: Encode, folder: Path, collection: Collection, k: int, shard: tuple[int, int] = (0, 1)
) -> tuple[Best, Activity]:
    """Return the k best documents of every query, and how sparse the vectors are.

    collection  `beir.load_queries(folder)`
    shard       (r, n): search only the r-th of n shards of the documents. Shards consist of whole windows, so that the
                merged results (`ranking.merge`) of n workers have the same bits as those of one

    Raises ValueError if a weight is not finite.
    """
    start, end = shard_bounds(len(collection.document_ids), *shard)
    with headway.counting("texts", len(collection.query_texts) + end - start):
        queries = sp.csr_array(sp.vstack(list(encode(collection.query_texts, "query")), format="csr"))
        ranking, activity = top_k(queries, k, id_order(collection.document_ids)), Activity(queries)
        position = start
        for block in encode(islice(beir.stream(folder), start, end), "document"):
            if not np.isfinite(block.data).all():
                raise ValueError("the encoder gave weights that are not finite; its rows or its training are broken")
            ranking.add(position, block)
            activity.add(block)
            position += block.shape[0]
            headway.reach(len(collection.query_texts) + position - start)  # if `encode` does not count
        assert position == end
        return ranking.best, activity


def shard_bounds(documents: int, r: int, n: int) -> tuple[int, int]:
    """Return the first document of the r-th of n shards, and the one after its last."""
    windows = -(-documents // WINDOW)
    return min(documents, r * windows // n * WINDOW), min(documents, (r + 1) * windows // n * WINDOW)
