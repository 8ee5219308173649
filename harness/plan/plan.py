"""Turn a preset into cells, and cells into the artifacts that are still missing. Reads files, computes nothing."""

from __future__ import annotations

import logging
from collections import Counter
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from itertools import product

from harness.plan.graph import cell_artifact
from harness.plan.inputs import Inputs
from harness.plan.preset import Preset, PresetError
from harness.plan.rows import methods
from harness.results import file_names
from harness.results.record import Identity
from harness.store.artifact import Artifact
from harness.store.store import Store

logger = logging.getLogger(__name__)


@dataclass(frozen=True)
class Cell:
    """One cell of the grid: its identity, its label in tables, whether it is a reference row, and its artifact."""

    identity: Identity
    label: str
    reference: bool
    artifact: Artifact


def plan(preset: Preset, warn: Callable[[str], None] = logger.warning) -> list[Cell]:
    """Return every cell of the grid, in the order of the tables. Raises PresetError before anything is computed.

    warn  is told, a line at a time, what `Inputs.warnings` holds
    """
    axes = (preset.architectures, preset.languages, preset.evaluated or preset.collections, preset.regimes)
    rows, inputs, cells = methods(preset), Inputs(preset), []
    for warning in inputs.warnings:
        warn(warning)
    for (architecture, language, name, regime), row, seed in product(product(*axes), rows, preset.seeds):
        collection = preset.collections[name].label(name)
        identity = Identity(language, architecture, collection, row.name, row.bridge, row.alpha, regime, seed)
        artifact = cell_artifact(preset, inputs, identity)
        cells.append(Cell(identity, row.label or row.name, row.reference, artifact))
    identities = [cell.identity for cell in cells]
    curves = [identity for identity in identities if identity.regime == "fine-tuned" and preset.training.points]
    try:
        file_names.check(identities, curves)
    except ValueError as error:
        raise PresetError(str(error)) from None
    return cells


def to_compute(cells: Iterable[Cell], store: Store) -> Counter[str]:
    """Return by key of artifact how many cells have their score from it, of the artifacts that the store lacks."""
    return Counter(cell.artifact.key for cell in cells if not store.has(cell.artifact))


def missing(cells: Iterable[Cell], store: Store) -> list[Artifact]:
    """Return the artifacts that these cells lack, inputs first, each once; a finished artifact needs no inputs."""
    absent: dict[str, Artifact] = {}

    def collect(artifact: Artifact) -> None:
        if artifact.key not in absent and not store.has(artifact):
            for child in artifact.needed:
                collect(child)
            absent[artifact.key] = artifact

    for cell in cells:
        collect(cell.artifact)
    return list(absent.values())
