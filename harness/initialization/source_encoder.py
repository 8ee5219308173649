"""Declare the need `encoder`: the source encoder itself, for methods that run it or read more of it than its rows."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from harness.initialization.needs import Need
from harness.store.artifact import Location


def _load(inputs: Mapping[str, Location]) -> Any:
    """Return an encoder of the method's own: what it does to it changes no result but its rows."""
    from sembridge.encoder.loading import load_encoder

    return load_encoder(*inputs["encoder"])


NEED = Need(
    "encoder",
    field="encoder",
    options=(),
    inputs=lambda materials: {"encoder": materials.encoder},
    load=_load,
    makes="the source is loaded for the method",
)
