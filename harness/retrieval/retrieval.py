"""An encoder on a collection: every query against all documents, which stream by, so that ten million of them never sit in memory."""

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
from harness.retrieval.activity import Activity
from harness.retrieval.encode import WINDOW, encode
from harness.retrieval.encode_options import EncodeOptions
from harness.retrieval.ranking import Best, id_order
from harness.retrieval.search import top_k

Encode = Callable[[Iterable[str], str], Iterator[sp.csr_array]]
"""Texts, which may be a stream, and their side (query, document), to one csr matrix [at most WINDOW, V] float32 per window, in order."""


def retrieve(
    encoder: Any, folder: Path, collection: Collection, k: int, options: EncodeOptions, share: tuple[int, int] = (0, 1)
) -> tuple[Best, Activity]:
    """Search the collection with an encoder, see `search_collection`."""
    return search_collection(partial(encode, encoder, options=options), folder, collection, k, share)


def search_collection(
    encode: Encode, folder: Path, collection: Collection, k: int, share: tuple[int, int] = (0, 1)
) -> tuple[Best, Activity]:
    """Return the k best documents of every query, and how sparse the vectors are.

    collection  `beir.load_queries(folder)`
    share       (r, n): only the r-th of n runs of the documents, whole windows, so that n workers together (`ranking.merge`) find the same bits as
                one alone

    ValueError if a weight is not finite.
    """
    queries = sp.csr_array(sp.vstack(list(encode(collection.query_texts, "query")), format="csr"))
    found, activity = top_k(queries, k, id_order(collection.document_ids)), Activity(queries)
    start, end = _run(len(collection.document_ids), *share)
    position = start
    for block in encode(islice(beir.stream(folder), start, end), "document"):
        if not np.isfinite(block.data).all():
            raise ValueError("the encoder gave weights that are not finite; its rows or its training are broken")
        found.add(position, block)
        activity.add(block)
        position += block.shape[0]
    assert position == end
    return found.best, activity


def _run(documents: int, r: int, n: int) -> tuple[int, int]:
    """First document, and the one after the last, of the r-th of n runs of whole windows."""
    windows = -(-documents // WINDOW)
    return min(documents, r * windows // n * WINDOW), min(documents, (r + 1) * windows // n * WINDOW)
