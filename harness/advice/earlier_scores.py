"""Learn from the cells of earlier grids which score to expect, and say how far that reaches.

For each collection a ridge regression predicts zero-shot nDCG@10 from what needs no labels: the method, the active
dimensions of documents and queries, and the share of unknown tokens. How well it predicts is measured on languages, on
bridges and on sources that it was not fitted on, as far as the grids have several.
"""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np

from harness.plan.rows import REFERENCES
from harness.results.record import OK
from harness.results.scored_cells import ScoredCell

LANGUAGES, CELLS = 3, 15
"""Languages and cells of a collection without which nothing is predicted."""
RELIABLE = 0.8
"""Spearman from which a prediction is more than a hint."""
MEASURE, REGIME = "ndcg@10", "zero-shot"
_PENALTY = 1.0  # of the ridge, for standardized features
_COVERED = 0.8  # share of the cells left out whose scores lie in the interval
_RANKED = 5  # cells of a part below which a correlation of ranks, or a share of misses, says nothing


class Candidate(NamedTuple):
    """What is known of a transfer without labels; `unknown` is a share."""

    method: str
    documents_active: float
    queries_active: float
    unknown: float


@dataclass(frozen=True)
class Observation:
    """One method's mean score over seeds in one language, and what was known without labels."""

    language: str
    bridge: str
    source: str
    candidate: Candidate
    score: float


PARTS = ("language", "bridge", "source")
"""Fields of an observation by which cells are left out."""


@dataclass(frozen=True)
class Prediction:
    """The score to expect on a collection like one of an earlier grid.

    low, high  of ten cells in languages that the model was not fitted on, eight were as near to their prediction; where
               bridges or sources can be left out as well, the widest of these intervals
    reach      of PARTS those that could be left out -> Spearman of predictions and scores there, mean over what was
               left out; None: too few to rank
    cells      that it was learned from
    best       the method with the highest mean score in them, and that mean
    """

    collection: str
    method: str
    score: float
    low: float
    high: float
    reach: Mapping[str, float | None]
    cells: int
    languages: int
    best: tuple[str, float]

    @property
    def is_reliable(self) -> bool:
        return all(correlation is not None and correlation >= RELIABLE for correlation in self.reach.values())

    @property
    def untested(self) -> list[str]:
        """Return those of PARTS of which the grids have one: how far a score changes with another is not known."""
        return [part for part in PARTS if part not in self.reach]


def predictions(cells: Sequence[ScoredCell], candidate: Candidate) -> tuple[list[Prediction], list[str]]:
    """Return (a prediction for each collection that allows one, why there is none for the others)."""
    predicted, reasons = [], []
    for collection, observed in sorted(observations(cells).items()):
        languages, methods = {each.language for each in observed}, {each.candidate.method for each in observed}
        if len(languages) < LANGUAGES or len(observed) < CELLS:
            problem = f"{len(observed)} cells in {len(languages)} languages are too few to learn from"
            reasons.append(f"{collection}: {problem} (at least {CELLS} in {LANGUAGES})")
        elif candidate.method not in methods:
            reasons.append(f"{collection}: no cell of {candidate.method} among {', '.join(sorted(methods))}")
        elif problem := _outside(observed, candidate):
            reasons.append(f"{collection}: {problem}")
        else:
            predicted.append(_predict(collection, observed, candidate))
    if not predicted and not reasons:
        reasons.append(f"no {REGIME} cell has a score and its active dimensions")
    return predicted, reasons


def observations(cells: Sequence[ScoredCell]) -> dict[str, list[Observation]]:
    """Return what can be learned from, by collection: zero-shot cells of initializers, means over seeds."""
    seeds: dict[tuple, list[ScoredCell]] = defaultdict(list)
    for cell in cells:
        has_all = None not in (cell.doc_active, cell.query_active) and MEASURE in cell.scores
        of_method = cell.initializer not in REFERENCES and not cell.vectors  # pruned vectors are those of no method
        if cell.status == OK and cell.regime == REGIME and of_method and has_all:
            where = cell.language, cell.architecture, cell.initializer, cell.label, cell.bridge, cell.alpha
            seeds[(cell.collection, *where)].append(cell)
    by_collection = defaultdict(list)
    for (collection, *_), same in seeds.items():
        active = (_mean([cell.doc_active or 0.0 for cell in same]), _mean([cell.query_active or 0.0 for cell in same]))
        unknown = _mean([cell.unknown_documents or 0.0 for cell in same])
        known = Candidate(same[0].initializer, *active, unknown)
        score = _mean([cell.scores[MEASURE] for cell in same])
        by_collection[collection].append(
            Observation(same[0].language, same[0].bridge, same[0].architecture, known, score)
        )
    return dict(by_collection)


def left_out(observed: Sequence[Observation], part: str) -> tuple[np.ndarray, float | None]:
    """Return (the prediction of each observation [n] by a model of all other parts, mean Spearman within the parts).

    part  of PARTS: what is left out, one after the other

    NaN is predicted, as in `predictions`, for a method that no other part has, and for a cell that is in no part.
    """
    parts = [getattr(each, part) for each in observed]
    scores = np.array([each.score for each in observed])
    guesses, correlations = np.full(len(observed), np.nan), []
    for name in sorted(set(parts) - {""}):
        others = [each for each, its in zip(observed, parts, strict=True) if its != name]
        methods = {each.candidate.method for each in others}
        out = np.array([its == name for its in parts]) & [each.candidate.method in methods for each in observed]
        if not out.any():
            continue
        model = _fitted(others)
        guesses[out] = [model(each.candidate) for each, is_out in zip(observed, out, strict=True) if is_out]
        correlation = spearman(guesses[out], scores[out])
        if correlation is not None:
            correlations.append(correlation)
    return guesses, float(np.mean(correlations)) if correlations else None


def interval(observed: Sequence[Observation]) -> tuple[float, dict[str, float | None]]:
    """Return (half the width of the interval, the reach of `Prediction`).

    Half the width is how near eight of ten cells are to their predictions with a language, a bridge or a source left
    out, whichever is farthest. What leaves fewer than _RANKED cells to predict says nothing and is not in the reach.
    """
    scores, widths, reach = np.array([each.score for each in observed]), [0.0], {}
    for part in PARTS:
        guesses, correlation = left_out(observed, part)
        misses = np.sort(np.abs(guesses - scores)[np.isfinite(guesses)])
        if len(misses) >= _RANKED:
            widths.append(float(misses[min(len(misses) - 1, math.ceil(_COVERED * (len(misses) + 1)) - 1)]))
            reach[part] = correlation
    return max(widths), reach


def _outside(observed: Sequence[Observation], candidate: Candidate) -> str:
    """Return what makes a candidate unlike all cells; "" if nothing does. A line goes on for ever, scores do not."""
    for texts, active in (("documents", "documents_active"), ("queries", "queries_active")):
        seen = [getattr(each.candidate, active) for each in observed]
        here = getattr(candidate, active)
        if not min(seen) <= here <= max(seen):
            return (
                f"{here:,.0f} active dimensions of {texts} are unlike its cells, which have {min(seen):,.0f} to "
                f"{max(seen):,.0f}"
            )
    return ""


def spearman(left: np.ndarray, right: np.ndarray) -> float | None:
    """Return the correlation of ranks, ties at their mean rank; None for few values, or for equal ones on one side."""
    from scipy.stats import rankdata

    if len(left) < _RANKED or np.ptp(left) == 0 or np.ptp(right) == 0:
        return None
    return float(np.corrcoef(rankdata(left), rankdata(right))[0, 1])


def _predict(collection: str, observed: Sequence[Observation], candidate: Candidate) -> Prediction:
    miss, reach = interval(observed)
    score = min(1.0, max(0.0, _fitted(observed)(candidate)))
    of_methods = defaultdict(list)
    for each in observed:
        of_methods[each.candidate.method].append(each.score)
    best = max(((method, _mean(scores)) for method, scores in of_methods.items()), key=lambda pair: pair[1])
    low, high = max(0.0, score - miss), min(1.0, score + miss)
    languages = len({each.language for each in observed})
    return Prediction(collection, candidate.method, score, low, high, reach, len(observed), languages, best)


def _fitted(observed: Sequence[Observation]) -> Callable[[Candidate], float]:
    """Return a ridge regression on these observations, as a function of a candidate."""
    methods = sorted({each.candidate.method for each in observed})
    features = np.array([_features(each.candidate, methods) for each in observed])
    scores = np.array([each.score for each in observed])
    mean, sd = features.mean(axis=0), features.std(axis=0)
    sd[sd == 0] = 1
    standard = (features - mean) / sd
    gram = standard.T @ standard + _PENALTY * np.eye(standard.shape[1])
    weights = np.linalg.solve(gram, standard.T @ (scores - scores.mean()))
    return lambda candidate: float(scores.mean() + (np.array(_features(candidate, methods)) - mean) / sd @ weights)


def _features(candidate: Candidate, methods: Sequence[str]) -> list[float]:
    active = math.log1p(candidate.documents_active), math.log1p(candidate.queries_active)
    return [*active, candidate.unknown, *(float(candidate.method == method) for method in methods)]


def _mean(values: Sequence[float]) -> float:
    return sum(values) / len(values)
