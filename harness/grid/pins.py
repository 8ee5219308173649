"""Which hub models of a plan still lack their revision, and what to type for each."""

from __future__ import annotations

from collections.abc import Iterable

from harness.grid.artefact import Hub
from harness.grid.plan import Cell
from harness.grid.preset import Preset
from harness.grid.sources import UNPINNED


def unpinned(preset: Preset, cells: Iterable[Cell]) -> list[str]:
    """One line for each model that these cells read and that has no pinned revision; empty if all have one."""
    inputs = [source for cell in cells for artefact in cell.artefact.walk() for source in artefact.inputs.values()]
    wanted = {source.name for source in inputs if isinstance(source, Hub) and source.revision == UNPINNED}
    lines = []
    for option in ("architectures", "tokenizers", "bridges", "references"):
        sources = getattr(preset, option)
        for name, source in sources.items() if isinstance(sources, dict) else ():
            if source.revision is None and source.model in wanted:
                lines.append(f"{option}.{name}: {source.model} has no pinned revision; add --set {option}.{name}.revision=COMMIT")
    return lines
