"""Cases for every registered initializer: a transfer for each kind of tokenizer, and the inputs that methods need.

Beside them stand methods of a kind that no registered one has: signed weights, residuals.
"""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass
from functools import cache
from typing import Any

import numpy as np

from baselines.vectors.auxiliary import AuxiliaryVectors
from baselines.vectors.words import SubwordVectors
from sembridge.bridge import BridgeVectors, TokenVectors
from sembridge.initializer import Initializer, Transfer
from sembridge.registry import available_initializers, initializer_class
from sembridge.vocabulary.vocabulary import Vocabulary
from tests.helpers.own_parts_made import TOYS
from tests.helpers.tokenizers_made import FURTHER_KINDS, KINDS, made_tokenizer
from tests.helpers.transfers_made import with_source_ids, with_target_ids

DIMENSION = 12
METHODS = [*available_initializers(), *TOYS]
PAIRS = [*((kind, kind) for kind in (*KINDS, *FURTHER_KINDS)), ("byte-bpe", "wordpiece"), ("wordpiece", "unigram")]


@dataclass(frozen=True, eq=False)
class Case:
    """A transfer, and vectors of both vocabularies in one space, from which all kinds of inputs are made. Read-only."""

    transfer: Transfer
    source_vectors: np.ndarray
    source_known: np.ndarray
    target_vectors: np.ndarray
    target_known: np.ndarray

    def with_target_ids(self, order: np.ndarray) -> Case:
        """Return the same case with target ids permuted, or with some of them only."""
        transfer = with_target_ids(self.transfer, order)
        target = {"target_vectors": self.target_vectors[order], "target_known": self.target_known[order]}
        return dataclasses.replace(self, transfer=transfer, **target)

    def with_source_ids(self, order: np.ndarray) -> Case:
        """Return the same case with source ids permuted."""
        transfer = with_source_ids(self.transfer, order)
        source = {"source_vectors": self.source_vectors[order], "source_known": self.source_known[order]}
        return dataclasses.replace(self, transfer=transfer, **source)

    def knowing(self, source: np.ndarray, target: np.ndarray) -> Case:
        """Return the same case without the vectors of all other ids."""
        sides = ((self.source_vectors, self.source_known, source), (self.target_vectors, self.target_known, target))
        arrays = []
        for vectors, known, ids in sides:
            remaining = known & np.isin(np.arange(len(known)), ids)
            arrays += [np.where(remaining[:, None], vectors, 0), remaining]
        return Case(self.transfer, *arrays)

    def __post_init__(self) -> None:
        for array in (self.source_vectors, self.source_known, self.target_vectors, self.target_known):
            array.setflags(write=False)


FIELDS = {"auxiliary": "text"}  # need -> the field that takes it, if its name differs
INPUTS = {
    "auxiliary": lambda case: AuxiliaryVectors(case.target_vectors, case.target_known),
    "words": lambda case: SubwordVectors(case.source_vectors, case.target_vectors),
    "aligned": lambda case: SubwordVectors(case.source_vectors, case.target_vectors),
    "bridge": lambda case: BridgeVectors(
        TokenVectors(case.source_vectors, case.source_known), TokenVectors(case.target_vectors, case.target_known)
    ),
}


@cache
def made_case(source_kind: str, target_kind: str, overlap: str = "fuzzy") -> Case:
    """Return a case of English into Russian; a fifth of the tokens of each side has no vector."""
    rng = np.random.default_rng(7)
    source = Vocabulary.from_tokenizer(made_tokenizer(source_kind, "english"))
    target = Vocabulary.from_tokenizer(made_tokenizer(target_kind, "russian"))
    rows = (rng.standard_normal((len(source), DIMENSION)) + 0.3).astype(np.float32)
    transfer = Transfer.between(source, target, rows, overlap=overlap)
    ordinary, copies = np.array([role is None for role in target.roles]), transfer.copied >= 0
    if overlap != "special":
        assert (ordinary & copies).sum() >= 3 and (~ordinary & copies).sum() == 5 and len(transfer.missing) > 30
    return case_of(transfer, rng)


def case_of(transfer: Transfer, rng: np.random.Generator) -> Case:
    """Return a transfer with random vectors of both vocabularies, a fifth of each left out."""
    transfer.copied.setflags(write=False)
    arrays = []
    for size in (len(transfer.source), len(transfer.target)):
        vectors, known = rng.standard_normal((size, 8)).astype(np.float32), rng.random(size) < 0.8
        vectors[~known] = 0
        arrays += [vectors, known]
    return Case(transfer, *arrays)


def method_class(name: str) -> Any:
    return TOYS[name] if name in TOYS else initializer_class(name)


def build(name: str, case: Case, **settings: object) -> Initializer:
    method = method_class(name)
    assert set(method.needs) <= INPUTS.keys(), f"{name} needs {method.needs}; add a line to INPUTS"
    return method(**{FIELDS.get(need, need): INPUTS[need](case) for need in method.needs}, **settings)
