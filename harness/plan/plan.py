"""The plan: from a preset to cells, and from cells to the artifacts still missing. Pure: it reads files and computes nothing."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from harness.plan.graph import cell_artifact
from harness.plan.inputs import Inputs
from harness.plan.preset import Preset, PresetError
from harness.plan.rows import methods
from harness.results import file_names
from harness.results.record import Identity
from harness.store.artifact import Artifact
from harness.store.store import Store


@dataclass(frozen=True)
class Cell:
    """One cell of the grid: who it is, how tables call it, and the artifact that answers it."""

    identity: Identity
    label: str
    reference: bool
    artifact: Artifact


def plan(preset: Preset) -> list[Cell]:
    """Every cell of the grid, in the order the tables show them. Raises PresetError before anything is computed."""
    rows = methods(preset)
    checked = Inputs(preset)
    cells = []
    for architecture in preset.architectures:
        for language in preset.languages:
            for collection in preset.evaluated or preset.collections:
                for regime in preset.regimes:
                    for method in rows:
                        for seed in preset.seeds:
                            name = preset.collections[collection].label(collection)
                            identity = Identity(
                                language, architecture, name, method.name, method.bridge, method.alpha, regime, seed
                            )
                            artifact = cell_artifact(preset, checked, identity)
                            cells.append(Cell(identity, method.label or method.name, method.reference, artifact))
    identities = [cell.identity for cell in cells]
    try:
        file_names.check(
            identities, [one for one in identities if one.regime == "fine-tuned" and preset.training.points]
        )
    except ValueError as error:
        raise PresetError(str(error)) from None
    return cells


def missing(cells: Iterable[Cell], store: Store) -> list[Artifact]:
    """Artifacts the store lacks for these cells, inputs first, each once. What a finished artifact was made from is not missed."""
    found: dict[str, Artifact] = {}

    def collect(artifact: Artifact) -> None:
        if artifact.key not in found and not store.has(artifact):
            for child in artifact.needed:
                collect(child)
            found[artifact.key] = artifact

    for cell in cells:
        collect(cell.artifact)
    return list(found.values())
