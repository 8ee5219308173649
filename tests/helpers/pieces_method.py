"""A method that can ask for pieces by words, registered for a test alone."""

from __future__ import annotations

from dataclasses import dataclass
from importlib.metadata import EntryPoint, entry_points
from pathlib import Path
from typing import Any, ClassVar

import pytest

from sembridge import registry
from sembridge.initializer import Initialization, Transfer
from sembridge.semantic_bridge import SemBridge


@dataclass(frozen=True)
class Pieced:
    """SemBridge, whose statistics count the missing tokens placed by words; None: the vectors are plain ones."""

    name: ClassVar[str] = "pieced"
    needs: ClassVar[tuple[str, ...]] = ("bridge",)
    samples: ClassVar[str] = "fallback"

    bridge: Any = None
    alpha: float = 4.0
    pieces: str = "own"
    text: Path | None = None

    def __call__(self, transfer: Transfer) -> Initialization:
        result = SemBridge(self.bridge, self.alpha)(transfer)
        placed = self.bridge.target.placed
        count = None if placed is None else int(placed[transfer.missing].sum())
        return Initialization(result.rows, result.mixture, result.origin, {**result.statistics, "by_words": count})


def register(monkeypatch: pytest.MonkeyPatch) -> None:
    """Make the method known to presets and to the command line."""
    entry = EntryPoint("pieced", f"{__name__}:Pieced", registry.ENTRY_POINTS)
    entries = [*entry_points(group=registry.ENTRY_POINTS), entry]
    monkeypatch.setattr(registry, "_entry_points", lambda: entries)
    monkeypatch.setattr("harness.cli.method.entry_points", lambda group: entries)
