"""Compare our scores with published figures.

Only like is compared with like: never a part of a collection with the whole, never a method with its substitute.
"""

from __future__ import annotations

import statistics
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

from harness.catalog.entries import Collection
from harness.files import yaml_data
from harness.files.validation import complaint
from harness.results.record import MEASURES, NOT_COMPUTED
from harness.results.scored_cells import ScoredCell
from harness.results.tables.table import MEAN
from sembridge.nearest import nearest
from sembridge.options import alpha_text

OK, OKISH, FAIL, MISSING = "OK", "OKish", "FAIL", "----"
_NO_CELL = "no such cell"
_COORDINATES = ("architecture", "regime", "bridge", "alpha")


class _Part(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class Figure(_Part):
    """Hold one published figure: a value, a choice of several values (`either`), or a range.

    language    a code, or `mean` over the file's `mean_over`
    label       the name our row must have in tables; left out, any name fits
    trained_on  the collection whose training pairs the model saw, all of them
    Coordinates left out may have any value, if all cells that fit are the same cell (bm25 has no architecture).
    """

    collection: str
    language: str
    initializer: str
    architecture: str | None = None
    regime: str | None = None
    bridge: str | None = None
    alpha: float | None = None
    label: str | None = None
    trained_on: str | None = None
    value: float | None = Field(None, ge=0, le=1)
    either: tuple[float, ...] | None = Field(None, min_length=2)
    range: tuple[float, float] | None = None
    certainty: str | None = None

    @model_validator(mode="after")
    def _one_form(self) -> Figure:
        forms = [name for name in ("value", "either", "range") if getattr(self, name) is not None]
        if len(forms) != 1:
            wrong = " and ".join(forms) or "none of them"
            raise ValueError(f"a figure is one of value, either and range, not {wrong}; keep one")
        if self.range is not None and self.range[0] >= self.range[1]:
            raise ValueError(f"range {list(self.range)} does not rise; give the lower end first")
        return self

    @property
    def name(self) -> str:
        alpha = None if self.alpha is None else f"α={alpha_text(self.alpha)}"
        parts = [self.collection, self.regime, self.architecture, self.initializer, self.bridge, alpha, self.language]
        return " ".join(part for part in parts if part)

    @property
    def published(self) -> str:
        if self.range is not None:
            return f"{self.range[0]:.3f}-{self.range[1]:.3f}"
        return " or ".join(f"{value:.3f}" for value in (self.either or (self.value or 0.0,)))

    def difference(self, ours: float) -> float:
        """Return ours minus theirs: minus the nearest of several values, 0 within a range."""
        if self.range is not None:
            low, high = self.range
            return 0.0 if low <= ours <= high else ours - (low if ours < low else high)
        return min((ours - value for value in (self.either or (self.value or 0.0,))), key=abs)


class Expected(_Part):
    """Hold a file of figures from one source; `ok` and `okish` are absolute differences."""

    source: str = Field(min_length=3)
    certainty: str = Field(min_length=3)
    measure: str
    ok: float = Field(gt=0)
    okish: float = Field(gt=0)
    mean_over: tuple[str, ...] = ()
    figures: tuple[Figure, ...] = Field(min_length=1)

    @model_validator(mode="after")
    def _consistent(self) -> Expected:
        if self.measure not in MEASURES:
            raise ValueError(f"measure {self.measure!r} is unknown; {nearest(self.measure, MEASURES)}")
        if self.okish < self.ok:
            raise ValueError(f"okish {self.okish:g} is below ok {self.ok:g}; give the wider tolerance to okish")
        if not self.mean_over and any(figure.language == MEAN for figure in self.figures):
            raise ValueError("a figure is a mean, but mean_over does not name its languages; add it")
        return self


@dataclass(frozen=True)
class Verdict:
    """Hold the result for a figure; if it is not comparable, `ours` and `difference` are None, `reason` says why."""

    figure: Figure
    mark: str
    ours: float | None = None
    difference: float | None = None
    reason: str = ""

    @property
    def absent(self) -> bool:
        """Return whether the results have no cell that the figure is about."""
        return self.reason.endswith(f": {_NO_CELL}")


def load_expected(path: Path) -> Expected:
    """Read a file of figures; ValueError names the file, the field and what is wrong."""
    try:
        content = yaml_data.read(path)
    except yaml_data.YamlError as error:
        raise ValueError(f"--expected {str(path)!r} is not valid YAML ({error}); fix the file") from None
    except (OSError, ValueError) as error:
        reason = getattr(error, "strerror", None) or error
        raise ValueError(f"--expected {str(path)!r} cannot be read ({reason}); check the path") from None
    if not isinstance(content, dict):
        problem = f"--expected {str(path)!r} is not a mapping with source, measure and figures"
        raise ValueError(f"{problem}; see the page 'reproduce' of the documentation")
    try:
        return Expected.model_validate(content)
    except ValidationError as error:
        field, problem, text = complaint(error, Expected)
        place = f"{field}{' ' if problem in ('unknown', 'missing') else ': '}" if field else ""
        raise ValueError(f"--expected {path}: {place}{text}") from None


def compare(cells: Sequence[ScoredCell], expected: Expected, whole: Mapping[str, Collection]) -> list[Verdict]:
    """Return a verdict on every figure, in order; `whole` maps a collection's name to what a complete copy holds."""
    return [_verdict(figure, cells, expected, whole) for figure in expected.figures]


def _verdict(
    figure: Figure, cells: Sequence[ScoredCell], expected: Expected, whole: Mapping[str, Collection]
) -> Verdict:
    languages = expected.mean_over if figure.language == MEAN else (figure.language,)
    try:
        ours = statistics.fmean(_ours(figure, language, cells, expected.measure, whole) for language in languages)
    except LookupError as error:
        return Verdict(figure, MISSING, reason=str(error.args[0]))
    difference = round(figure.difference(ours), 9)  # .427 - .422 is a little more than .005
    mark = OK if abs(difference) <= expected.ok else OKISH if abs(difference) <= expected.okish else FAIL
    return Verdict(figure, mark, ours, difference)


def _ours(
    figure: Figure, language: str, cells: Sequence[ScoredCell], measure: str, whole: Mapping[str, Collection]
) -> float:
    """Return our score in one language, the mean over seeds; LookupError says why none can be compared."""
    coordinates = {name: getattr(figure, name) for name in _COORDINATES if getattr(figure, name) is not None}
    coordinates |= {"initializer": figure.initializer, "language": language}
    coordinates |= {"vectors": ""}  # published figures are of vectors as an encoder gives them
    alike = [cell for cell in cells if all(getattr(cell, name) == value for name, value in coordinates.items())]
    fitting = [cell for cell in alike if cell.collection == figure.collection]
    if not fitting:
        parts = sorted({cell.collection for cell in alike if cell.collection.startswith(f"{figure.collection}-")})
        reason = f"ours are on {parts[0]}, not on {figure.collection}" if parts else _NO_CELL
        raise LookupError(f"{language}: {reason}")
    labels = {cell.label for cell in fitting}
    if figure.label is not None and labels != {figure.label}:
        raise LookupError(f"{language}: ours is {sorted(labels - {figure.label})[0]!r}, another method")
    by_seed: dict[int, set[str]] = {}
    for cell in fitting:
        by_seed.setdefault(cell.seed, set()).add(cell.key)
    if any(len(keys) > 1 for keys in by_seed.values()):
        raise LookupError(f"{language}: several cells fit; they differ in {_differing(fitting)}")
    if any(measure not in cell.scores for cell in fitting):
        reason = "is not computed" if any(cell.status == NOT_COMPUTED for cell in fitting) else "failed"
        raise LookupError(f"{language}: the cell {reason}")
    for cell in fitting:
        _check_whole(figure, cell, whole)
    return statistics.fmean({cell.seed: cell.scores[measure] for cell in fitting}.values())


def _differing(cells: Sequence[ScoredCell]) -> str:
    return ", ".join(name for name in _COORDINATES if len({getattr(cell, name) for cell in cells}) > 1) or "label"


def _check_whole(figure: Figure, cell: ScoredCell, whole: Mapping[str, Collection]) -> None:
    """Raise LookupError unless the cell was measured on the whole collection and trained on all of its pairs.

    Scores on a part of the documents are higher than on all; those of a model that saw a part of the pairs are lower.
    """
    checks: list[tuple[str, tuple[str, ...]]] = [(figure.collection, ("documents", "queries"))]
    if figure.trained_on:
        checks.append((figure.trained_on, ("train_pairs",)))
    for collection, names in checks:
        counts = whole[collection].counts.get(cell.language) if collection in whole else None
        for name in names:
            full, ours = None if counts is None else getattr(counts, name), getattr(cell, name)
            what = name.replace("_", " ")
            if full is None:
                raise LookupError(f"{cell.language}: the catalog does not say how many {what} all of {collection} is")
            if ours is None:
                raise LookupError(f"{cell.language}: cells.csv does not say our {what}")
            if ours != full:
                raise LookupError(f"{cell.language}: ours is on {ours:,} {what}, all of {collection} is {full:,}")
