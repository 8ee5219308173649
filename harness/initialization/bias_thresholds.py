"""Stage: what calibration takes off the decoder bias of each target token, counted in target-language text."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from harness.collections.text import lines
from harness.store.artifact import Location
from harness.store.stage import Stage


def build(out: Path, parameters: Mapping[str, Any], inputs: Mapping[str, Location]) -> None:
    """Count the thresholds.

    parameters  bias, special_ids, max_length, precision
    inputs      encoder, tokenizer, initialization, query_weights where a cell has them, and text
    """
    from safetensors.numpy import save_file

    from harness.initialization.encoders import THRESHOLDS, zero_shot_encoder
    from sembridge.encoder.calibration import thresholds
    from sembridge.options import placed_bias

    encoder = zero_shot_encoder({**parameters, "bias": placed_bias(parameters["bias"])}, inputs)
    options = {name: parameters[name] for name in ("max_length", "precision")}
    save_file({"thresholds": thresholds(encoder, lines(inputs["text"].path), **options)}, out / THRESHOLDS)


BIAS_THRESHOLDS = Stage("bias-thresholds", version=1, seconds=3, build=build)
