"""Environment variables that fix what a measured trial would choose, so that two machines compute the same way."""

from __future__ import annotations

import os

from sembridge.nearest import nearest

AUTO = "auto"
PRODUCTS, SCREEN = "SEMBRIDGE_PRODUCTS", "SEMBRIDGE_SCREEN"
SETTINGS = {PRODUCTS: ("blas", "onednn"), SCREEN: ("bfloat16", "float32", "int8")}
"""Each variable with its values beside `auto`, which is the same as leaving it unset or empty: measure, then choose."""


def setting(name: str) -> str:
    """Return the value of a variable, `auto` if it is unset or empty; ValueError for a value it does not have."""
    value = os.environ.get(name) or AUTO
    if value not in (AUTO, *SETTINGS[name]):
        raise ValueError(f"environment variable {name}={value!r} is unknown; {nearest(value, (AUTO, *SETTINGS[name]))}")
    return value


def check_settings() -> None:
    """Check all variables; ValueError for a value that one does not have."""
    for name in SETTINGS:
        setting(name)
