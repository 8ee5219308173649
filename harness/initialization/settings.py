"""Check what a user may set of a method: its own fields, and settings of the stages that prepare its inputs."""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Mapping
from typing import Any

from harness.files.shown import shown
from harness.initialization.needs import Need, OnRequest, Option, needs_of

BY_CALLER = ("tokenizer", "source_tokenizer", "target_tokenizer", "text_language")  # fields that the caller fills


def settable(initializer: Any) -> dict[str, Any]:
    """Return the defaults of what may be set: fields not filled otherwise, and settings of the needs' stages."""
    taken = filled_fields(initializer)
    fields = {item.name: item.default for item in dataclasses.fields(initializer) if item.name not in taken}
    training = {name: default for need in needs_of(initializer) for name, default in need.training().items()}
    return training | fields


def filled_fields(initializer: Any) -> set[str]:
    """Return the names of fields that nobody sets: those that needs or the caller fill, and options on request."""
    needs = needs_of(initializer)
    asked = {request.option.name for need in needs for request in _requests(initializer, need)}
    return {need.field for need in needs} | asked | set(BY_CALLER)


def filled_by(initializer: Any, name: str) -> Option | None:
    """Return the option to use instead of a setting that is one of a need's options, or a field that a need fills."""
    for need in needs_of(initializer):
        for option in (option for group in need.options for option in group):
            if name in (need.field, option.name):
                return option
        for request in _requests(initializer, need):
            if name == request.option.name:
                return request.option
    return None


def field_values(initializer: Any, settings: Mapping[str, Any]) -> dict[str, Any]:
    """Return what the fields of a method hold: the settings, and the defaults of the others."""
    return {item.name: settings.get(item.name, item.default) for item in dataclasses.fields(initializer)}


def own_fields(initializer: Any, settings: Mapping[str, Any]) -> dict[str, Any]:
    """Return those settings that are fields of the initializer."""
    fields = {item.name for item in dataclasses.fields(initializer)}
    return {name: value for name, value in settings.items() if name in fields}


def _requests(initializer: Any, need: Need) -> list[OnRequest]:
    """Return what the initializer can ask for: it has the fields."""
    names = field_values(initializer, {})
    return [request for request in need.on_request if request.field in names]


def type_problem(value: Any, default: Any) -> str:
    """Return why a value does not fit its default, so that a method would fail on it or misread it; "" if it fits."""
    fits = type(value) is type(default) or (isinstance(default, float) and type(value) is int and abs(value) < 2**53)
    if isinstance(default, (bool, int, float, str)) and not fits:
        kind = type(default).__name__
        return f"{shown(value)} is not {'an' if kind == 'int' else 'a'} {kind}; the default is {default!r}"
    if isinstance(value, float) and not math.isfinite(value):
        return f"{value!r} is not a finite number; the default is {default!r}"
    return ""
