"""Estimate how long the artifacts of a plan will take, and say what the estimate is based on.

An artifact's work is counted (`costs`) and multiplied by rates: those that the store measured on pieces of its stage
that were not much smaller, else those of a calibration. Without either, a stage's first guess serves only for work that
is not far larger than the small models and collections which it was measured on. For the rest the time is unknown.
"""

from __future__ import annotations

import statistics
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from harness.catalog.catalog import load_catalog
from harness.estimate.costs import Rates, Work, work
from harness.estimate.history import PLAIN, UNKNOWN_SIZE, WORK, Measured, expected, history, size
from harness.estimate.sizes import Sizes, UnknownError
from harness.plan.plan import Cell
from harness.plan.preset import Preset
from harness.store.artifact import Artifact, Local
from harness.store.store import Store

MEASURED, CALIBRATED, GUESSED, UNKNOWN = "measured", "calibrated", "first guess", "unknown"
FAR = 10  # times the work that rates or guesses were measured on: from there on they say nothing

# Round figures of one core of a server of 2020. They compare pieces of a grid with each other, and tell small work from
# large work; where nothing was measured, no number that is printed comes from them alone.
TYPICAL = Rates("a typical core", 1, {"float32": 5e10, "bfloat16": 2e11}, 0.8, 0.2, 6e9, 4e7, 7e4, "float32")


@dataclass
class Estimate:
    """Expected seconds of artifacts, with their source.

    folders  by key, the user's files and folders that the grid reads
    unknown  by stage, the size or rate that was missing for an estimate
    """

    store: Store
    sizes: Sizes
    rates: Rates | None
    folders: Mapping[str, Local] = field(default_factory=dict)
    unknown: dict[str, str] = field(default_factory=dict)
    _estimates: dict[str, tuple[float, str]] = field(default_factory=dict)  # by artifact key
    _history: dict[str, list[Measured]] = field(default_factory=dict)  # by stage

    @classmethod
    def of(cls, preset: Preset, store: Store, cells: Iterable[Cell] = ()) -> Estimate:
        """cells: of the grid; by their inputs the store's artifacts are recognized."""
        files = [preset.catalog] if isinstance(preset.catalog, str) else preset.catalog or []
        inputs = (source for cell in cells for part in cell.artifact.walk() for source in part.inputs.values())
        folders = {source.key: source for source in inputs if isinstance(source, Local)}
        return cls(store, Sizes(load_catalog(Path(file) for file in files)), Rates.load(store.root), folders)

    def seconds(self, artifact: Artifact) -> float:
        """Return expected seconds; if the source is UNKNOWN, a number that only compares pieces of one stage."""
        return self._estimate(artifact)[0]

    def source(self, artifact: Artifact) -> str:
        """Return MEASURED, CALIBRATED, GUESSED or UNKNOWN."""
        return self._estimate(artifact)[1]

    def known(self, artifact: Artifact) -> bool:
        """Return whether `seconds` may be shown as a time."""
        return self.source(artifact) != UNKNOWN

    def work(self, artifact: Artifact) -> Work | None:
        """Return the work of an artifact; None without a formula or a size."""
        try:
            return work(artifact, self.sizes)
        except UnknownError as error:
            self.unknown.setdefault(artifact.stage.name, str(error))
            return None

    def _estimate(self, artifact: Artifact) -> tuple[float, str]:
        if artifact.key not in self._estimates:
            self._estimates[artifact.key] = self._compute(artifact)
        return self._estimates[artifact.key]

    def _compute(self, artifact: Artifact) -> tuple[float, str]:
        stage, rates = artifact.stage, self.rates or TYPICAL
        sized, counted = size(artifact, self.sizes)
        try:
            seconds = expected(stage, counted, rates)
        except UnknownError as error:  # of a rate
            self.unknown.setdefault(stage.name, str(error))
            return stage.seconds, UNKNOWN
        if stage.name not in self._history:
            self._history[stage.name] = history(self.store, stage, self.sizes, rates, self.folders)
        alike = [past for past in self._history[stage.name] if past.sized == sized and past.expected * FAR >= seconds]
        if alike:
            return seconds * statistics.median(past.seconds / past.expected for past in alike), MEASURED
        if sized == PLAIN:
            return seconds, GUESSED
        if sized == UNKNOWN_SIZE:
            self.work(artifact)  # notes what is unknown
            return seconds, UNKNOWN
        assert sized == WORK
        if self.rates is not None:
            return seconds, CALIBRATED
        return seconds, GUESSED if seconds <= FAR * stage.seconds else UNKNOWN
