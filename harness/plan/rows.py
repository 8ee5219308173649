"""List the rows of the tables: initializers with each bridge and alpha they take, references, and rows fused with bm25.

Settings are tried before a run.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

from harness.initialization.needs import BRIDGE, needs_of
from harness.initialization.settings import filled_by, own_fields, settable, type_problem
from harness.plan.preset import Preset, PresetError
from harness.references.fusion import row_label, row_name
from harness.retrieval.vector_options import AS_ENCODED, VectorOptions
from sembridge.nearest import nearest
from sembridge.options import alpha_field

REFERENCES = ("base", "bm25", "dense")
NOT_SPARSE = ("bm25", "dense")
"""Reference rows without sparse vectors, which no option of vectors concerns."""


@dataclass(frozen=True)
class Method:
    """Hold one row of the tables, for all languages: a reference, or an initializer with its bridge and alpha.

    A reference that fuses a row with bm25 has the bridge, the alpha and the vectors of that row.

    vectors  what becomes of the row's vectors before they are searched
    """

    name: str
    bridge: str = ""
    alpha: float | None = None
    label: str = ""
    reference: bool = False
    vectors: VectorOptions = AS_ENCODED


def methods(preset: Preset) -> list[Method]:
    """Return every row, in the preset's order. Raises PresetError for unknown names and settings."""
    from sembridge.initializer import samples_of, weights_of
    from sembridge.registry import available_initializers, initializer_class

    for name in preset.references:
        if name in available_initializers() or name in REFERENCES:
            raise PresetError(f"references.{name}: a row of this name exists already; choose another name")
    references = [*REFERENCES, *preset.references]
    names = [*available_initializers(), *references]
    for name in [*preset.initializers, *preset.settings]:
        if name not in names:
            raise PresetError(f"initializer {name!r} is unknown; {nearest(name, names)}")
    for name in preset.settings.keys() & set(references):
        raise PresetError(f"settings.{name}: {name} has no settings; remove them")
    rows = []
    for name in preset.initializers:
        if name == "dense":
            if not preset.bridges:
                problem = "reference row 'dense' is a bridge and the preset has none"
                raise PresetError(f"{problem}; add --set bridges.NAME.model=FOLDER")
            rows += [Method(name, bridge, label=f"{name} ({bridge})", reference=True) for bridge in preset.bridges]
            continue
        if name in references:
            rows.append(Method(name, reference=True))
            continue
        kind = initializer_class(name)
        try:
            per_bridge = any((BRIDGE,) in need.options for need in needs_of(kind))
            samples_of(kind)
            weights_of(kind)
        except ValueError as error:
            raise PresetError(str(error)) from None
        takes_alpha = "alpha" in {field.name for field in dataclasses.fields(kind)}
        for bridge in preset.bridges if per_bridge else [""]:
            for alpha in preset.alphas if takes_alpha else [None]:
                initializer = _build(kind, preset, {} if alpha is None else {"alpha": alpha_field(alpha)})
                rows.append(Method(name, bridge, alpha, _label(initializer, preset)))
    trained_on = preset.training.collection
    if "fine-tuned" in preset.regimes and trained_on is not None and trained_on not in preset.collections:
        raise PresetError(f"training.collection {trained_on!r} is unknown; {nearest(trained_on, preset.collections)}")
    rows = _with_vector_options(rows, preset)
    return [*rows, *_fused(preset, rows, names)]


def _with_vector_options(rows: list[Method], preset: Preset) -> list[Method]:
    """Return every row that has sparse vectors once for each option of vectors; PresetError where these do nothing."""
    options = preset.evaluation.vector_options
    changed = next((each for each in options if each.parameters), None)
    if changed is None:
        return rows
    setting = f"evaluation.{next(iter(changed.parameters))}"
    if all(row.name in NOT_SPARSE for row in rows):
        names = " and ".join(dict.fromkeys(row.name for row in rows))
        raise PresetError(f"{setting} concerns sparse vectors, and the grid has only {names}; add another initializer")
    if preset.training.points and "fine-tuned" in preset.regimes and AS_ENCODED not in options:
        reason = "training.points measures vectors as the encoder gives them"
        raise PresetError(f"{setting} has no row without it, and {reason}; list both values, or set training.points=0")
    return [
        replace(row, vectors=each) for row in rows for each in ([AS_ENCODED] if row.name in NOT_SPARSE else options)
    ]


def _fused(preset: Preset, rows: Sequence[Method], names: Sequence[str]) -> list[Method]:
    """Return a reference row for each row that the preset fuses with bm25. names: those that a row can have."""
    others = [name for name in preset.initializers if name != "bm25"]
    for name in preset.fusion:
        if name == "bm25":
            known = f"known: {', '.join(others)}" if others else "add a row to initializers"
            raise PresetError(f"fusion: bm25 is what each of its rows is fused with; name the other rows, {known}")
        if name not in others:
            advice = f"{nearest(name, others)}; or add it to initializers" if others else "add it to initializers"
            raise PresetError(f"fusion: {name!r} is not a row of this grid; {advice}")
        if row_name(name) in names:
            problem = f"fusion: the row of {name!r} would be called {row_name(name)!r}, as a row that exists already"
            raise PresetError(f"{problem}; choose another name for that one")
    return [
        replace(row, name=row_name(row.name), label=row_label(row.label or row.name), reference=True)
        for row in rows
        if row.name in preset.fusion
    ]


def _label(initializer: Any, preset: Preset) -> str:
    """Return a method's name in tables.

    It names the overlap if the method was published with another one, and the profile if that is not `fixed`.
    """
    label, overlap = getattr(initializer, "label", initializer.name), preset.overlap
    if getattr(initializer, "published_overlap", overlap) != overlap:
        label += f" (overlap {overlap})"
    return label if preset.profile == "fixed" else f"{label} ({preset.profile})"


def _build(kind: Any, preset: Preset, swept: dict[str, Any]) -> Any:
    """Return the initializer with its settings, without its inputs; PresetError for wrong settings."""
    settings, defaults = preset.settings.get(kind.name, {}), settable(kind)
    for name, value in settings.items():
        where, option = f"settings.{kind.name}.{name}", filled_by(kind, name)
        if name in swept:
            raise PresetError(f"{where} is set by the grid; use the option alphas instead")
        if option is not None:
            instead = "bridges" if option == BRIDGE else option.name
            raise PresetError(f"{where} is set by the grid; use the option {instead} instead")
        if name not in defaults:
            raise PresetError(f"{where} is unknown; {nearest(name, defaults)}")
        if problem := type_problem(value, defaults[name]):
            raise PresetError(f"{where}: {problem}")
    stand_ins = {
        need.field: need.stand_in(preset.inputs, preset.profile) for need in needs_of(kind) if need.stand_in is not None
    }
    try:
        return kind(**own_fields(kind, settings), **swept, **stand_ins)
    except (TypeError, ValueError) as error:
        raise PresetError(f"settings of initializer {kind.name!r}: {error}") from None
