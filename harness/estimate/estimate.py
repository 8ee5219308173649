"""How long the artifacts of a plan will take, and how that is known."""

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
    """What artifacts are expected to take: as the store measured their stage, else by calibrated rates, else the stage's first guess.

    unknown  what kept an artifact from being estimated, by stage
    """

    store: Store
    sizes: Sizes
    rates: Rates | None
    unknown: dict[str, str] = field(default_factory=dict)
    _known: dict[str, float] = field(default_factory=dict)
    _stages: dict[str, tuple[bool, float]] = field(default_factory=dict)
    _sources: dict[str, str] = field(default_factory=dict)

    @classmethod
    def of(cls, preset: Preset, store: Store) -> Estimate:
        files = [preset.catalog] if isinstance(preset.catalog, str) else preset.catalog or []
        return cls(store, Sizes(load_catalog(Path(file) for file in files)), Rates.load(store.root))

    def seconds(self, artifact: Artifact) -> float:
        if artifact.key not in self._known:
            self._known[artifact.key] = self._seconds(artifact)
        return self._known[artifact.key]

    def source(self, artifact: Artifact) -> str:
        """MEASURED, CALIBRATED or GUESSED."""
        self.seconds(artifact)
        return self._sources[artifact.key]

    def work(self, artifact: Artifact) -> Work | None:
        """None where there is no formula, or a size is not known."""
        try:
            return work(artifact, self.sizes)
        except UnknownError as error:
            self.unknown.setdefault(artifact.stage.name, str(error))
            return None

    def _seconds(self, artifact: Artifact) -> float:
        if artifact.stage.name not in self._stages:
            self._stages[artifact.stage.name] = self.store.measured(artifact.stage), self.store.seconds(artifact.stage)
        measured, seconds = self._stages[artifact.stage.name]
        self._sources[artifact.key] = MEASURED if measured else GUESSED
        if measured or self.rates is None or (found := self.work(artifact)) is None:
            return seconds
        try:
            estimate = found.seconds(self.rates)
        except UnknownError as error:
            self.unknown.setdefault(artifact.stage.name, str(error))
            return seconds
        self._sources[artifact.key] = CALIBRATED
        return artifact.stage.seconds + estimate
