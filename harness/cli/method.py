"""The initializer a command names, its parameters, and the inputs it takes besides the transfer."""

from __future__ import annotations

import argparse
import dataclasses
import math
from collections.abc import Mapping
from dataclasses import dataclass
from importlib.metadata import entry_points
from pathlib import Path
from typing import Any

from harness.cli import inputs
from harness.cli.inputs import Input
from harness.cli.refusal import RefusedError
from harness.files import yaml_data
from harness.files.shown import shown
from sembridge.nearest import nearest

GROUP = "sembridge.initializers"  # of `sembridge.initializer`, which imports torch
FILES = ("text", "words", "dictionary", "source_text", "source_vectors", "target_vectors")
"""Options that name a file some method reads."""
NEEDS: dict[str, tuple[tuple[str, ...], ...]] = {
    "bridge": (("bridge",),),
    "text": (("text",),),
    "auxiliary": (("text",),),
    "words": (("words",),),
    "aligned": (("dictionary",), ("source_vectors", "source_text"), ("target_vectors", "text")),
}
"""The options that fill a need: one of each group."""
_FIELDS = {"auxiliary": "text"}  # needs that are not called as the field they fill
_TOKENIZERS = ("tokenizer", "source_tokenizer", "target_tokenizer")


@dataclass(frozen=True)
class Method:
    """kind      the initializer's class
    settings  the fields a person set
    training  settings of what is trained for the method, where they are no fields of its own
    inputs    what the method reads, by option
    """

    kind: Any
    settings: Mapping[str, Any]
    training: Mapping[str, Any]
    inputs: Mapping[str, Input]

    def parameters(self) -> dict[str, Any]:
        """Every field that is no input, with its value, and what was set of the training."""
        built = self.kind(**self.settings)
        names = [field.name for field in dataclasses.fields(built) if field.name not in _filled(self.kind)]
        return {name: getattr(built, name) for name in names} | dict(self.training)


def check_name(name: str) -> None:
    """Raises RefusedError for an initializer nobody registered."""
    known = {entry.name for entry in entry_points(group=GROUP)}
    if name not in known:
        raise RefusedError(f"--initializer {name!r} is unknown; {nearest(name, known)}")


def method(given: argparse.Namespace, offered: Mapping[str, Input]) -> Method:
    """The method as the options describe it; `offered` are the inputs given, by option.

    Raises RefusedError for options the method does not have, values it refuses, and inputs that are missing.
    """
    from sembridge.registry import initializer_class

    kind = initializer_class(given.initializer)
    defaults = {field.name: field.default for field in dataclasses.fields(kind)}
    groups = [group for need in kind.needs for group in NEEDS.get(need, ((need,),))]
    _check_taken(given, offered, [option for group in groups for option in group])
    settings = _settings(given, kind, defaults)
    chosen = {group[0]: _input(given, group, offered, settings, defaults) for group in groups}
    found = {option: one for option, one in chosen.values()}
    training = {name: settings.pop(name) for name in list(settings) if name not in defaults}
    try:
        kind(**settings)
    except (TypeError, ValueError) as error:
        raise RefusedError(f"initializer {given.initializer!r}: {error}") from None
    return Method(kind, settings, training, found)


def _filled(kind: Any) -> set[str]:
    """Fields that the command fills, not the person."""
    return {_FIELDS.get(need, need) for need in kind.needs} | set(_TOKENIZERS)


def _check_taken(given: argparse.Namespace, offered: Mapping[str, Input], read: list[str]) -> None:
    """An option that the method would not look at is a misunderstanding."""
    options = list(offered)
    options += [
        option for option in ("bridge_prompt", "bridge_revision") if getattr(given, option) and "bridge" not in read
    ]
    for option in options:
        if option not in read:
            raise RefusedError(f"initializer {given.initializer!r} does not use {_named(option)}; leave it out")


def _settings(given: argparse.Namespace, kind: Any, defaults: Mapping[str, Any]) -> dict[str, Any]:
    """Fields and values from --alpha and --set."""
    if given.alpha is not None and "alpha" not in defaults:
        raise RefusedError(f"initializer {given.initializer!r} has no alpha; leave --alpha out")
    if given.alpha is not None and not math.isfinite(given.alpha):
        raise RefusedError(f"--alpha {given.alpha!r} is no finite number; give one from 1 on")
    settings: dict[str, Any] = {} if given.alpha is None else {"alpha": given.alpha}
    has_option = {_FIELDS.get(need, need) for need in kind.needs if need in NEEDS} | set(_TOKENIZERS)
    known = {name: default for name, default in defaults.items() if name not in has_option} | _training_defaults(kind)
    for setting in given.set:
        name, separator, text = setting.partition("=")
        if not separator:
            raise RefusedError(f"--set {setting!r} is not of the form FIELD=VALUE")
        if name not in known:
            hint = (
                f"use {_named(name)} instead"
                if name in (*FILES, "bridge")
                else nearest(name, known)
                if known
                else "it has no parameters"
            )
            raise RefusedError(
                f"--set {setting!r}: initializer {given.initializer!r} has no parameter {name!r}; {hint}"
            )
        if name in settings:
            raise RefusedError(f"--set {setting!r}: {name} is given twice")
        settings[name] = _value(setting, text, known[name])
    return settings


def _training_defaults(kind: Any) -> dict[str, Any]:
    """Settings of the fastText models that are trained for a method which takes only their vectors."""
    if "aligned" not in kind.needs:
        return {}
    from baselines.vectors.fasttext import train_words

    return dict(train_words.__kwdefaults__ or {})


def _value(setting: str, text: str, default: Any) -> Any:
    """The value as YAML reads it, of the type of the field's default."""
    try:
        value = yaml_data.load(text)
    except yaml_data.YamlError:
        value = text
    if isinstance(default, float) and type(value) is int and abs(value) < 2**53:
        return float(value)
    if isinstance(default, (bool, int, float, str)) and type(value) is not type(default):
        raise RefusedError(
            f"--set {shown(setting)}: {shown(value)} is no {type(default).__name__}; the default is {default!r}"
        )
    if isinstance(value, float) and not math.isfinite(value):
        raise RefusedError(f"--set {shown(setting)}: {value!r} is no finite number; the default is {default!r}")
    return value


def _input(
    given: argparse.Namespace,
    group: tuple[str, ...],
    offered: Mapping[str, Input],
    settings: dict[str, Any],
    defaults: Mapping[str, Any],
) -> tuple[str, Input]:
    """(option, input): the one given, the bridge the method names itself, or for needs that have no option of their own a file given with --set."""
    for option in group:
        if option in offered:
            return option, offered[option]
    if group == ("bridge",) and isinstance(defaults.get("bridge"), str):
        return "bridge", inputs.bridge(defaults["bridge"], given.bridge_revision)
    if settings.get(group[0]) is not None:
        return group[0], inputs.file(f"--set {group[0]}", Path(str(settings.pop(group[0]))))
    ways = (
        " or ".join(_named(option) for option in group) if group[0] in (*FILES, "bridge") else f"--set {group[0]}=FILE"
    )
    raise RefusedError(f"initializer {given.initializer!r} needs {ways}; add it (see sembridge-bench transfer --help)")


def _named(option: str) -> str:
    return f"--{option.replace('_', '-')}"
