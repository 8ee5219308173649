"""Load the encoder that a zero-shot cell evaluates: the source as it is, or transplanted."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from harness.store.artifact import Location

THRESHOLDS = "thresholds.safetensors"
"""File of the input `thresholds`, which `bias_thresholds` writes: what to take off the decoder bias [T]."""


def zero_shot_encoder(parameters: Mapping[str, Any], inputs: Mapping[str, Location]) -> Any:
    """Return the transplanted encoder; the source encoder itself if the inputs hold no initialization (row `base`)."""
    from safetensors.numpy import load_file

    from harness.initialization import initialization, query_weights
    from sembridge.encoder.calibration import lower_bias
    from sembridge.encoder.loading import load_encoder, load_tokenizer
    from sembridge.encoder.modules import splade_modules
    from sembridge.encoder.nonfinite import check_all_finite
    from sembridge.encoder.transplant import transplant
    from sembridge.options import CALIBRATED, placed_bias

    encoder = load_encoder(*inputs["encoder"])
    if "initialization" not in inputs:
        check_all_finite(encoder)
        return encoder
    embedding, decoder = initialization.load(inputs["initialization"].path, encoder)
    weights = None
    if "query_weights" in inputs and splade_modules(encoder).query is not None:
        weights = query_weights.load(inputs["query_weights"].path)
    tokenizer = load_tokenizer(*inputs["tokenizer"])
    policies = {"bias": placed_bias(parameters["bias"]), "special_ids": parameters["special_ids"]}
    transplant(encoder, tokenizer, embedding, decoder=decoder, query_weights=weights, **policies)
    if parameters["bias"] == CALIBRATED:
        lower_bias(encoder, load_file(inputs["thresholds"].path / THRESHOLDS)["thresholds"])
    return encoder
