"""Learn from the cells of earlier grids which score to expect, and say how far that reaches.

For each collection a ridge regression predicts zero-shot nDCG@10 from what needs no labels: the method, the active
dimensions of documents and queries, and the share of unknown tokens. How well it predicts is measured on languages, and
on bridges, that it was not fitted on.
"""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Callable, Sequence
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
_COVERED = 0.8  # share of the cells of languages left out whose scores lie in the interval
_RANKED = 5  # cells of a part below which a correlation of ranks says nothing


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
    candidate: Candidate
    score: float


@dataclass(frozen=True)
class Prediction:
    """The score to expect on a collection like one of an earlier grid.

    low, high    of ten cells in languages that the model was not fitted on, eight were as near to their prediction
    by_language  Spearman of predictions and scores in a language left out, mean over languages; None: nothing to rank
    by_bridge    the same for bridges; None for fewer than two
    cells        that it was learned from
    best         the method with the highest mean score in them, and that mean
    """

    collection: str
    score: float
    low: float
    high: float
    by_language: float | None
    by_bridge: float | None
    cells: int
    languages: int
    bridges: int
    best: tuple[str, float]

    @property
    def is_reliable(self) -> bool:
        return self.by_language is not None and self.by_language >= RELIABLE


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
        by_collection[collection].append(Observation(same[0].language, same[0].bridge, known, score))
    return dict(by_collection)


def left_out(observed: Sequence[Observation], part_of: Callable[[Observation], str]) -> tuple[np.ndarray, float | None]:
    """Return (the prediction of each observation [n] by a model of all other parts, mean Spearman within the parts).

    part_of  the language or the bridge of an observation; "" is in no part, and gets NaN
    """
    parts = [part_of(each) for each in observed]
    scores = np.array([each.score for each in observed])
    guesses, correlations = np.full(len(observed), np.nan), []
    for part in sorted(set(parts) - {""}):
        out = np.array([each == part for each in parts])
        model = _fitted([each for each, is_out in zip(observed, out, strict=True) if not is_out])
        guesses[out] = [model(each.candidate) for each, is_out in zip(observed, out, strict=True) if is_out]
        correlation = spearman(guesses[out], scores[out])
        if correlation is not None:
            correlations.append(correlation)
    return guesses, float(np.mean(correlations)) if correlations else None


def spearman(left: np.ndarray, right: np.ndarray) -> float | None:
    """Return the correlation of ranks, ties at their mean rank; None for few values, or for equal ones on one side."""
    from scipy.stats import rankdata

    if len(left) < _RANKED or np.ptp(left) == 0 or np.ptp(right) == 0:
        return None
    return float(np.corrcoef(rankdata(left), rankdata(right))[0, 1])


def _predict(collection: str, observed: Sequence[Observation], candidate: Candidate) -> Prediction:
    guesses, by_language = left_out(observed, lambda each: each.language)
    misses = np.sort(np.abs(guesses - [each.score for each in observed]))
    miss = float(misses[min(len(misses) - 1, math.ceil(_COVERED * (len(misses) + 1)) - 1)])
    bridges = {each.bridge for each in observed} - {""}
    by_bridge = left_out(observed, lambda each: each.bridge)[1] if len(bridges) > 1 else None
    score = min(1.0, max(0.0, _fitted(observed)(candidate)))
    of_methods = defaultdict(list)
    for each in observed:
        of_methods[each.candidate.method].append(each.score)
    best = max(((method, _mean(scores)) for method, scores in of_methods.items()), key=lambda pair: pair[1])
    low, high = max(0.0, score - miss), min(1.0, score + miss)
    languages = len({each.language for each in observed})
    return Prediction(
        collection, score, low, high, by_language, by_bridge, len(observed), languages, len(bridges), best
    )


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
