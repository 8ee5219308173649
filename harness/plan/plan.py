"""Turn a preset into cells, and cells into the artifacts that are still missing. Reads files, computes nothing."""

from __future__ import annotations

import logging
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from itertools import product

from harness.plan.graph import cell_artifact, strata_artifact
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
    """One cell of the grid: its identity, its label in tables, whether it is a reference row, and its artifact.

    strata  of the queries of its collection, for tables alone: the cell has its score without it; None: unknown
    """

    identity: Identity
    label: str
    reference: bool
    artifact: Artifact
    strata: Artifact | None = None

    @property
    def roots(self) -> tuple[Artifact, ...]:
        """Return the artifacts that tables read."""
        return (self.artifact,) if self.strata is None else (self.strata, self.artifact)

    def walk(self) -> Iterator[Artifact]:
        """Yield the artifacts that tables read and everything below them, inputs first, each once."""
        yield from dict.fromkeys(part for root in self.roots for part in root.walk())


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
        identity = Identity(
            language, architecture, collection, row.name, row.bridge, row.alpha, regime, seed, row.vectors.label
        )
        artifact = cell_artifact(preset, inputs, identity, row.vectors)
        strata = strata_artifact(preset, inputs, identity)
        cells.append(Cell(identity, row.label or row.name, row.reference, artifact, strata))
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
    """Return the artifacts that these cells and their strata lack, as `lacking` does."""
    return lacking((root for cell in cells for root in cell.roots), store)


def lacking(artifacts: Iterable[Artifact], store: Store) -> list[Artifact]:
    """Return what the store lacks of these, inputs first, each once; a finished artifact needs no inputs."""
    absent: dict[str, Artifact] = {}

    def collect(artifact: Artifact) -> None:
        if artifact.key not in absent and not store.has(artifact):
            for child in artifact.needed:
                collect(child)
            absent[artifact.key] = artifact

    for artifact in artifacts:
        collect(artifact)
    return list(absent.values())
