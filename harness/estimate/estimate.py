"""Estimate how long the artifacts of a plan will take, and say what the estimate is based on."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path

from harness.catalog.catalog import load_catalog
from harness.estimate.costs import Rates, Work, work
from harness.estimate.sizes import Sizes, UnknownError
from harness.plan.preset import Preset
from harness.store.artifact import Artifact
from harness.store.store import Store

MEASURED, CALIBRATED, GUESSED = "measured", "calibrated", "first guess"


@dataclass
class Estimate:
    """Expected seconds of artifacts: as the store measured the stage, else by calibrated rates, else its first guess.

    unknown  by stage, the size or rate that was missing for an estimate
    """

    store: Store
    sizes: Sizes
    rates: Rates | None
    unknown: dict[str, str] = field(default_factory=dict)
    _estimates: dict[str, tuple[float, str]] = field(default_factory=dict)  # by artifact key
    _stages: dict[str, tuple[bool, float]] = field(default_factory=dict)

    @classmethod
    def of(cls, preset: Preset, store: Store) -> Estimate:
        files = [preset.catalog] if isinstance(preset.catalog, str) else preset.catalog or []
        return cls(store, Sizes(load_catalog(Path(file) for file in files)), Rates.load(store.root))

    def seconds(self, artifact: Artifact) -> float:
        return self._estimate(artifact)[0]

    def source(self, artifact: Artifact) -> str:
        """Return MEASURED, CALIBRATED or GUESSED."""
        return self._estimate(artifact)[1]

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
        stage = artifact.stage
        if stage.name not in self._stages:
            self._stages[stage.name] = self.store.measured(stage), self.store.seconds(stage)
        measured, seconds = self._stages[stage.name]
        if measured:
            return seconds, MEASURED
        if self.rates is None or (work := self.work(artifact)) is None:
            return seconds, GUESSED
        try:
            return stage.seconds + work.seconds(self.rates), CALIBRATED
        except UnknownError as error:
            self.unknown.setdefault(stage.name, str(error))
            return seconds, GUESSED
