"""Stage: encode a collection with a ready sparse retriever, for evaluations that prune or weigh vectors."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from harness.store.artifact import Location
from harness.store.stage import Stage


def build(out: Path, parameters: Mapping[str, Any], inputs: Mapping[str, Location], batch_divisor: int = 1) -> None:
    """Encode all queries and documents.

    parameters: kind, remote_code, max_length, precision (None for milco, whose code decides).
    inputs: encoder, collection.
    """
    from harness.collections import beir
    from harness.evaluation.measurement import smaller_batches
    from harness.references.sparse_models import check, load
    from harness.retrieval.vector_files import write_vectors
    from sembridge.search.encode_options import EncodeOptions
    from sembridge.search.unknown import UnknownTokens

    kind, model, folder = parameters["kind"], inputs["encoder"], inputs["collection"].path
    check(kind, *model, remote_code=parameters["remote_code"])
    unknown = UnknownTokens()
    encode = load(kind, model, parameters["remote_code"], EncodeOptions.of(parameters, batch_divisor), unknown)
    collection = beir.load_queries(folder)
    write_vectors(out, encode, folder, collection, (0, 1), unknown, smaller_batches(batch_divisor))


REFERENCE_VECTORS = Stage("reference-vectors", version=1, seconds=10, build=build)
