"""Check the initializer that a command names, its parameters, and the inputs it takes besides the transfer."""

from __future__ import annotations

import argparse
import dataclasses
import math
from collections.abc import Collection, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

from harness.cli import inputs
from harness.cli.inputs import Input
from harness.cli.refusal import RefusedError
from harness.files import yaml_data
from harness.files.shown import shown
from harness.initialization.needs import BRIDGE, Need, Option, needs_of, options
from harness.initialization.settings import field_values, filled_by, filled_fields, own_fields, settable, type_problem
from sembridge.nearest import nearest
from sembridge.options import AUTO
from sembridge.registry import available_initializers


@dataclass(frozen=True)
class Method:
    """Hold what a command asks of a method.

    kind      the initializer's class
    needs     the needs of the class
    settings  what the user set: fields of the class, and settings of the needs' stages
    inputs    what the needs read, by option
    """

    kind: Any
    needs: list[Need]
    settings: Mapping[str, Any]
    inputs: Mapping[str, Input]

    def parameters(self) -> dict[str, Any]:
        """Return every field that is not an input, with its value, and what was set of the needs' stages."""
        initializer = self.kind(**own_fields(self.kind, self.settings))
        taken = filled_fields(self.kind)
        names = [field.name for field in dataclasses.fields(initializer) if field.name not in taken]
        return {name: getattr(initializer, name) for name in names} | dict(self.settings)


def check_name(name: str) -> None:
    """Raise RefusedError for an initializer that is not registered."""
    names = available_initializers()
    if name not in names:
        raise RefusedError(f"--initializer {name!r} is unknown; {nearest(name, names)}")


def input_options(args: argparse.Namespace) -> dict[str, Input]:
    """Return the inputs on the command line by option; RefusedError for a value that cannot be an input."""
    values = {option: value for option in options().values() if (value := getattr(args, option.name)) is not None}
    return {
        option.name: inputs.bridge(value, args.bridge_revision)
        if option == BRIDGE
        else inputs.model(option.flag, value)
        if option.is_model
        else inputs.file(option.flag, value, is_text=option.is_text)
        for option, value in values.items()
    }


def method(args: argparse.Namespace, offered: Mapping[str, Input], elsewhere: Collection[str] = ()) -> Method:
    """Return the method that the options describe; `offered` are the inputs on the command line, by option.

    elsewhere  options that something beside the method reads

    Raises RefusedError for options the method does not have, values it refuses, and inputs that are missing or damaged;
    MissingExtraError for packages that are not installed.
    """
    from sembridge.registry import initializer_class

    kind = initializer_class(args.initializer)
    with _refusing():
        needs = needs_of(kind)
    settings = _settings(args, kind)
    with _refusing(f"initializer {args.initializer!r}: "):
        kind(**own_fields(kind, settings))
    offered = _with_own_bridge(args, kind, needs, offered)
    with _refusing():
        fields = field_values(kind, settings)
        chosen = [(need, need.choose(offered, args.initializer, _spell, fields)) for need in needs]
    read = [option for _, options_of_need in chosen for option in options_of_need]
    _check_used(args, needs, fields, offered, [*(option.name for option in read), *elsewhere])
    for need, options_of_need in chosen:
        need.require(options_of_need, args.initializer)
    for option in read:
        if option.check is not None:
            with _refusing(f"{option.flag}: "):
                option.check(offered[option.name].path)
    return Method(kind, needs, settings, {option.name: offered[option.name] for option in read})


@contextmanager
def _refusing(about: str = "") -> Iterator[None]:
    """Turn errors of the library into a refusal."""
    try:
        yield
    except (TypeError, ValueError, OSError) as error:
        raise RefusedError(f"{about}{error}") from None


def _spell(option: Option) -> str:
    return option.flag if option == BRIDGE else f"{option.flag} {option.kind}"


def _with_own_bridge(
    args: argparse.Namespace, kind: Any, needs: list[Need], offered: Mapping[str, Input]
) -> Mapping[str, Input]:
    """Add the bridge that the method itself names, unless the command line names one."""
    for need in needs:
        default = next((field.default for field in dataclasses.fields(kind) if field.name == need.field), None)
        if (BRIDGE,) in need.options and BRIDGE.name not in offered and isinstance(default, str):
            return {**offered, BRIDGE.name: inputs.bridge(default, args.bridge_revision)}
    return offered


def _check_used(
    args: argparse.Namespace,
    needs: list[Need],
    fields: Mapping[str, Any],
    offered: Mapping[str, Input],
    read: list[str],
) -> None:
    """Raise RefusedError for an option that the method does not read: it is a misunderstanding."""
    groups = [group for need in needs for group in need.options]
    unused = [option for option in options().values() if option.name in offered and option.name not in read]
    for option in unused:
        rivals = [other.flag for group in groups if option in group for other in group if other.name in read]
        beside = f" beside {rivals[0]}" if rivals else ""
        requests = (request for need in needs for request in need.on_request if request.option == option)
        asks = next((f"add --set {item.field}={item.value}, or " for item in requests if item.field in fields), "")
        raise RefusedError(f"initializer {args.initializer!r} does not use {option.flag}{beside}; {asks}leave it out")
    for name in ("bridge_prompt", "bridge_revision"):
        if getattr(args, name) is not None and BRIDGE.name not in read:
            flag = f"--{name.replace('_', '-')}"
            raise RefusedError(f"initializer {args.initializer!r} does not use {flag}; leave it out")


def _settings(args: argparse.Namespace, kind: Any) -> dict[str, Any]:
    """Return names and values from --alpha and --set."""
    defaults = settable(kind)
    if args.alpha is not None and "alpha" not in defaults:
        raise RefusedError(f"initializer {args.initializer!r} has no alpha; leave --alpha out")
    if args.alpha not in (None, AUTO) and not math.isfinite(args.alpha):
        raise RefusedError(f"--alpha {args.alpha!r} is not a finite number; give one from 1 on, or {AUTO}")
    settings: dict[str, Any] = {} if args.alpha is None else {"alpha": args.alpha}
    for setting in args.set:
        name, separator, text = setting.partition("=")
        if not separator:
            raise RefusedError(f"--set {setting!r} is not of the form FIELD=VALUE")
        if name not in defaults:
            option = filled_by(kind, name)
            hint = (
                f"use {option.flag} instead"
                if option
                else nearest(name, defaults)
                if defaults
                else "it has no parameters"
            )
            raise RefusedError(f"--set {setting!r}: initializer {args.initializer!r} has no parameter {name!r}; {hint}")
        if name in settings:
            raise RefusedError(f"--set {setting!r}: {name} is given twice")
        settings[name] = _value(setting, text, defaults[name])
    return settings


def _value(setting: str, text: str, default: Any) -> Any:
    """Return the value as YAML reads it, of the type of the default."""
    try:
        value = yaml_data.load(text)
    except yaml_data.YamlError:
        value = text
    if problem := type_problem(value, default):
        raise RefusedError(f"--set {shown(setting)}: {problem}")
    return float(value) if isinstance(default, float) else value
