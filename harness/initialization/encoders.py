"""The encoder a cell evaluates: the source as it is, transplanted, or trained."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from harness.store.artifact import Location


def zero_shot_encoder(parameters: Mapping[str, Any], inputs: Mapping[str, Location]) -> Any:
    """The transplanted encoder; the source encoder itself if there is no initialization among the inputs (the `base` row)."""
    from harness.initialization import initialization, query_weights
    from sembridge.encoder.loading import load_encoder, load_tokenizer
    from sembridge.encoder.modules import splade_modules
    from sembridge.encoder.transplant import transplant

    encoder = load_encoder(*inputs["encoder"])
    if "initialization" not in inputs:
        return encoder
    embedding, decoder = initialization.load(inputs["initialization"].path, encoder)
    weights = (
        query_weights.load(inputs["query_weights"].path)
        if "query_weights" in inputs and splade_modules(encoder).query is not None
        else None
    )
    options = {name: parameters[name] for name in ("bias", "special_ids")}
    return transplant(
        encoder, load_tokenizer(*inputs["tokenizer"]), embedding, decoder=decoder, query_weights=weights, **options
    )
