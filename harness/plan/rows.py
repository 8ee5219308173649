"""The rows of the tables: every initializer with each bridge and alpha it takes, its settings tried before anything runs."""

from __future__ import annotations

import dataclasses
import math
from dataclasses import dataclass
from typing import Any

import numpy as np

from harness.files.shown import shown
from harness.plan.preset import Preset, PresetError
from sembridge.nearest import nearest

REFERENCES = ("base", "bm25", "dense")
# The option that gives the input of the same name to a method.
GIVEN_BY = {"bridge": "bridges", "words": "words", "text": "text", "auxiliary": "text", "aligned": "dictionary"}


@dataclass(frozen=True)
class Method:
    """One row of the tables before languages: an initializer with one bridge and one alpha, where it has them, or a reference."""

    name: str
    bridge: str = ""
    alpha: float | None = None
    label: str = ""
    reference: bool = False


def methods(preset: Preset) -> list[Method]:
    """Every row, in the preset's order. Raises PresetError for names and settings there are none of, and for inputs a method lacks."""
    from sembridge.registry import available_initializers, initializer_class

    for name in preset.references:
        if name in available_initializers() or name in REFERENCES:
            raise PresetError(f"references.{name}: {name} is a row of its own already; choose another name")
    references = [*REFERENCES, *preset.references]
    known = [*available_initializers(), *references]
    for name in [*preset.initializers, *preset.settings]:
        if name not in known:
            raise PresetError(f"initializer {name!r} is unknown; {nearest(name, known)}")
    for name in preset.settings.keys() & set(references):
        raise PresetError(f"settings.{name}: {name} has no settings; remove them")
    rows = []
    for name in preset.initializers:
        if name == "dense":
            if not preset.bridges:
                raise PresetError(
                    "reference row 'dense' is a bridge and the preset has none; add --set bridges.NAME.model=FOLDER"
                )
            rows += [Method(name, bridge, label=f"{name} ({bridge})", reference=True) for bridge in preset.bridges]
            continue
        if name in references:
            rows.append(Method(name, reference=True))
            continue
        kind = initializer_class(name)
        if "bridge" in kind.needs and not preset.bridges:
            raise PresetError(
                f"initializer {name!r} needs a bridge and the preset has none; add --set bridges.NAME.model=FOLDER"
            )
        takes_alpha = "alpha" in {field.name for field in dataclasses.fields(kind)}
        for bridge in preset.bridges if "bridge" in kind.needs else [""]:
            for alpha in preset.alphas if takes_alpha else [None]:
                built = _built(
                    kind, preset.settings.get(name, {}), {} if alpha is None else {"alpha": alpha}, preset.words
                )
                rows.append(Method(name, bridge, alpha, _label(built, preset)))
    trained_on = preset.training.collection
    if "fine-tuned" in preset.regimes and trained_on is not None and trained_on not in preset.collections:
        raise PresetError(f"training.collection {trained_on!r} is unknown; {nearest(trained_on, preset.collections)}")
    return rows


def _label(initializer: Any, preset: Preset) -> str:
    """What tables call a method: with the overlap where it was published with another one, and with the profile where that is not `fixed`."""
    label, overlap = getattr(initializer, "label", initializer.name), preset.overlap
    if getattr(initializer, "published_overlap", overlap) != overlap:
        label += f" (overlap {overlap})"
    return label if preset.profile == "fixed" else f"{label} ({preset.profile})"


def _built(kind: Any, settings: dict[str, Any], swept: dict[str, Any], words: str | None) -> Any:
    """The initializer with its settings, without prepared inputs: wrong settings show here, and how the method calls its rows."""
    fields = {field.name for field in dataclasses.fields(kind)}
    training = _training_parameters(kind)
    for name in settings:
        if name not in fields | training:
            raise PresetError(f"settings.{kind.name}.{name} is unknown; {nearest(name, fields | training)}")
        if name in swept or name in kind.needs:
            option = "alphas" if name in swept else GIVEN_BY.get(name, name)
            raise PresetError(f"settings.{kind.name}.{name} is given by the grid; use the option {option} instead")
    _check_types(kind, settings, training)
    given: dict[str, Any] = {}
    if "words" in kind.needs:  # without a file they will be the bridge's
        from baselines.vectors.words import BRIDGE, WordVectors

        given["words"] = words or WordVectors((), np.empty((0, 1)), BRIDGE)
    try:
        return kind(
            **{name: value for name, value in settings.items() if name not in training - fields}, **swept, **given
        )
    except (TypeError, ValueError) as error:
        raise PresetError(f"settings of initializer {kind.name!r}: {error}") from None


def _check_types(kind: Any, settings: dict[str, Any], training: set[str]) -> None:
    """PresetError for a value of another type than the default's: a method would fail over it, or read it as something else, after hours."""
    defaults = {field.name: field.default for field in dataclasses.fields(kind)}
    if training:
        from baselines.vectors.fasttext import train_words

        defaults |= train_words.__kwdefaults__ or {}
    for name, value in settings.items():
        default = defaults.get(name)
        fits = type(value) is type(default) or (
            isinstance(default, float) and type(value) is int and abs(value) < 2**53
        )
        if isinstance(default, (bool, int, float, str)) and not fits:
            raise PresetError(
                f"settings.{kind.name}.{name}: {shown(value)} is no {type(default).__name__}; the default is {default!r}"
            )
        if isinstance(value, float) and not math.isfinite(value):
            raise PresetError(f"settings.{kind.name}.{name}: {value!r} is no finite number; the default is {default!r}")


def _training_parameters(kind: Any) -> set[str]:
    """Settings of a method that shape the vectors made for it, not the method itself."""
    if "aligned" not in kind.needs:
        return set()
    from baselines.vectors.fasttext import TRAINING_PARAMETERS

    return set(TRAINING_PARAMETERS)
