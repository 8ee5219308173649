"""Read in a store what a results folder leaves out: texts of collections, versions, what was computed from what."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from harness.report_page.folder import ResultsFolder
from harness.results.measurement import FILE as MEASUREMENT
from harness.store.integrity import MANIFEST

_KEY = re.compile(r"[0-9a-f]{32}")


@dataclass(frozen=True)
class StoreFiles:
    """Hold where the files are that cells were computed from.

    root         of the store; None without one: then nothing is known
    collections  by collection and language: folders outside of the store
    """

    root: Path | None = None
    collections: Mapping[tuple[str, str], Path] = field(default_factory=dict)

    def of_cell(self, key: str) -> str | None:
        """Return the place of a cell's artifact in the store, stage/key; None if it is not there."""
        if self.root is None or not _KEY.fullmatch(key):
            return None
        found = next(self.root.glob(f"*/{key}/{MANIFEST}"), None)
        return f"{found.parent.parent.name}/{key}" if found else None

    def manifest(self, place: str) -> dict[str, Any]:
        """Return what the store wrote about an artifact, by its place; {} if that cannot be read."""
        return self._read(place, MANIFEST)

    def measurement(self, place: str) -> dict[str, Any]:
        """Return the measurement of a cell, by its place; {} if it cannot be read."""
        return self._read(place, MEASUREMENT)

    def inputs(self, place: str) -> Iterator[tuple[str, dict[str, Any]]]:
        """Yield name and description of the inputs of an artifact."""
        described = self.manifest(place).get("inputs")
        if isinstance(described, dict):
            yield from ((name, each) for name, each in described.items() if isinstance(each, dict))

    def artifact(self, described: Mapping[str, Any]) -> str | None:
        """Return the place, stage/key, of the artifact that an input is, or is a part of; None for other inputs."""
        stage, _, rest = str(described.get("name", "")).partition("/")
        key = rest.partition("/")[0]
        is_artifact = not described.get("revision") and "content" not in described and _KEY.fullmatch(key)
        return f"{stage}/{key}" if is_artifact else None

    def collection(self, folder: ResultsFolder, name: str, language: str) -> Path | None:
        """Return the folder of a collection in a language, if it is known and there."""
        if (name, language) in self.collections:
            return self.collections[name, language]
        cells = (cell for cell in folder.cells if (cell.collection, cell.language) == (name, language))
        places = filter(None, (self.of_cell(cell.key) for cell in cells))
        folders = (self.folder(dict(self.inputs(place)).get("collection", {})) for place in places)
        return next(filter(None, folders), None)

    def folder(self, described: Mapping[str, Any]) -> Path | None:
        """Return where the artifact lies that an input is, or is a part of; None for others, and if it is not there."""
        return self._inside(str(described["name"])) if self.root is not None and self.artifact(described) else None

    def _inside(self, name: str) -> Path | None:
        assert self.root is not None
        path = (self.root / name).resolve()
        return path if path.is_dir() and path.is_relative_to(self.root.resolve()) else None

    def _read(self, place: str, name: str) -> dict[str, Any]:
        try:
            content = json.loads((self.root / place / name).read_bytes()) if self.root is not None else {}
        except (OSError, ValueError):
            return {}
        return content if isinstance(content, dict) else {}
