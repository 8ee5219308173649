"""How long the artefacts of a plan will take, and how that is known."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path

from harness.catalog.catalog import load_catalog
from harness.estimate.costs import Rates, Work, work
from harness.estimate.sizes import Sizes, UnknownError
from harness.plan.preset import Preset
from harness.store.artifact import Artefact
from harness.store.store import Store

MEASURED, CALIBRATED, GUESSED = "measured", "calibrated", "first guess"


@dataclass
class Estimate:
    """What artefacts are expected to take: as the store measured their stage, else by calibrated rates, else the stage's first guess.

    unknown  what kept an artefact from being estimated, by stage
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

    def seconds(self, artefact: Artefact) -> float:
        if artefact.key not in self._known:
            self._known[artefact.key] = self._seconds(artefact)
        return self._known[artefact.key]

    def source(self, artefact: Artefact) -> str:
        """MEASURED, CALIBRATED or GUESSED."""
        self.seconds(artefact)
        return self._sources[artefact.key]

    def work(self, artefact: Artefact) -> Work | None:
        """None where there is no formula, or a size is not known."""
        try:
            return work(artefact, self.sizes)
        except UnknownError as error:
            self.unknown.setdefault(artefact.stage.name, str(error))
            return None

    def _seconds(self, artefact: Artefact) -> float:
        if artefact.stage.name not in self._stages:
            self._stages[artefact.stage.name] = self.store.measured(artefact.stage), self.store.seconds(artefact.stage)
        measured, seconds = self._stages[artefact.stage.name]
        self._sources[artefact.key] = MEASURED if measured else GUESSED
        if measured or self.rates is None or (found := self.work(artefact)) is None:
            return seconds
        try:
            estimate = found.seconds(self.rates)
        except UnknownError as error:
            self.unknown.setdefault(artefact.stage.name, str(error))
            return seconds
        self._sources[artefact.key] = CALIBRATED
        return artefact.stage.seconds + estimate
