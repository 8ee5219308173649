"""Search a collection with the encoder of a cell."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from harness.store.artifact import Location

if TYPE_CHECKING:
    from sembridge.search.activity import Activity
    from sembridge.search.ranking import Best
    from sembridge.search.unknown import UnknownTokens


def search_with_encoder(
    parameters: Mapping[str, Any],
    inputs: Mapping[str, Location],
    shard: tuple[int, int] = (0, 1),
    batch_divisor: int = 1,
) -> tuple[Best, Activity, UnknownTokens]:
    """Return `retrieve`, and the tokens read, for the trained encoder among the inputs or the zero-shot one of them."""
    from harness.collections import beir
    from harness.evaluation.own_documents import searched
    from harness.retrieval.retrieval import retrieve
    from sembridge.search.encode_options import EncodeOptions
    from sembridge.search.unknown import UnknownTokens

    folder = inputs["collection"].path
    collection = beir.load_queries(folder)
    encoder = encoder_of(parameters, inputs)
    options, unknown = EncodeOptions.of(parameters, batch_divisor), UnknownTokens()
    return *retrieve(encoder, folder, collection, searched(parameters), options, shard, unknown), unknown


def encoder_of(parameters: Mapping[str, Any], inputs: Mapping[str, Location]) -> Any:
    """Return the trained encoder among the inputs, or the zero-shot one of them."""
    from harness.initialization.encoders import zero_shot_encoder
    from sembridge.encoder.loading import load_encoder

    return load_encoder(*inputs["trained"]) if "trained" in inputs else zero_shot_encoder(parameters, inputs)
