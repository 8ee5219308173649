"""Check what a user may set of a method: its own fields, and settings of the stages that prepare its inputs."""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Mapping
from typing import Any

from harness.files.shown import shown
from harness.initialization.needs import Option, needs_of

TOKENIZERS = ("tokenizer", "source_tokenizer", "target_tokenizer")  # the caller of a method fills these fields


def settable(initializer: Any) -> dict[str, Any]:
    """Return the defaults of what may be set: fields not filled otherwise, and settings of the needs' stages."""
    taken = {need.field for need in needs_of(initializer)} | set(TOKENIZERS)
    fields = {item.name: item.default for item in dataclasses.fields(initializer) if item.name not in taken}
    training = {name: default for need in needs_of(initializer) for name, default in need.training().items()}
    return training | fields


def filled_by(initializer: Any, name: str) -> Option | None:
    """Return the option to use instead of a setting that is one of a need's options, or a field that a need fills."""
    for need in needs_of(initializer):
        for option in (option for group in need.options for option in group):
            if name in (need.field, option.name):
                return option
    return None


def own_fields(initializer: Any, settings: Mapping[str, Any]) -> dict[str, Any]:
    """Return those settings that are fields of the initializer."""
    fields = {item.name for item in dataclasses.fields(initializer)}
    return {name: value for name, value in settings.items() if name in fields}


def type_problem(value: Any, default: Any) -> str:
    """Return why a value does not fit its default, so that a method would fail on it or misread it; "" if it fits."""
    fits = type(value) is type(default) or (isinstance(default, float) and type(value) is int and abs(value) < 2**53)
    if isinstance(default, (bool, int, float, str)) and not fits:
        kind = type(default).__name__
        return f"{shown(value)} is not {'an' if kind == 'int' else 'a'} {kind}; the default is {default!r}"
    if isinstance(value, float) and not math.isfinite(value):
        return f"{value!r} is not a finite number; the default is {default!r}"
    return ""
