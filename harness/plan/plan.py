"""The plan: from a preset to cells, and from cells to the artefacts still missing. Pure: it reads files and computes nothing."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from harness.plan.graph import cell_artefact
from harness.plan.inputs import Inputs
from harness.plan.preset import Preset, PresetError
from harness.plan.rows import methods
from harness.results import file_names
from harness.results.record import Identity
from harness.store.artifact import Artefact
from harness.store.store import Store


@dataclass(frozen=True)
class Cell:
    """One cell of the grid: who it is, how tables call it, and the artefact that answers it."""

    identity: Identity
    label: str
    reference: bool
    artefact: Artefact


def plan(preset: Preset) -> list[Cell]:
    """Every cell of the grid, in the order the tables show them. Raises PresetError before anything is computed."""
    rows = methods(preset)
    checked = Inputs(preset)
    cells = []
    for architecture in preset.architectures:
        for language in preset.languages:
            for collection in preset.evaluated or preset.collections:
                for stage in preset.stages:
                    for method in rows:
                        for seed in preset.seeds:
                            name = preset.collections[collection].label(collection)
                            identity = Identity(language, architecture, name, method.name, method.bridge, method.alpha, stage, seed)
                            artefact = cell_artefact(preset, checked, identity)
                            cells.append(Cell(identity, method.label or method.name, method.reference, artefact))
    identities = [cell.identity for cell in cells]
    try:
        file_names.check(identities, [one for one in identities if one.stage == "fine-tuned" and preset.training.points])
    except ValueError as error:
        raise PresetError(str(error)) from None
    return cells


def missing(cells: Iterable[Cell], store: Store) -> list[Artefact]:
    """Artefacts the store lacks for these cells, inputs first, each once. What a finished artefact was made from is not missed."""
    found: dict[str, Artefact] = {}

    def collect(artefact: Artefact) -> None:
        if artefact.key not in found and not store.has(artefact):
            for child in artefact.needed:
                collect(child)
            found[artefact.key] = artefact

    for cell in cells:
        collect(cell.artefact)
    return list(found.values())
