"""Declare the need `donor`: another sparse or dense encoder, whose rows or outputs a method may use."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from harness.initialization.needs import Need, Option
from harness.store.artifact import Location

DONOR = Option("donor", "another encoder, sparse or dense, to learn from", "for methods that say so", is_model=True)


def _load(inputs: Mapping[str, Location]) -> Any:
    from sembridge.donor import load_donor

    return load_donor(*inputs["donor"])


NEED = Need(
    "donor",
    field="donor",
    options=((DONOR,),),
    inputs=lambda materials: {"donor": materials.sources["donor"]},
    load=_load,
    makes="loaded for the method",
)
