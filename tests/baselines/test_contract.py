"""What every registered initializer owes to whoever calls it, whatever it computes (docs: the invariants of `sembridge/initializer.py`).

A new method is tested here as soon as its entry point exists. If it needs an input no other method needs, add one line to GIVEN.
"""

from __future__ import annotations

import dataclasses
import random
from dataclasses import dataclass
from functools import cache

import numpy as np
import pytest
import torch
from tokenizers_made import KINDS, made_tokenizer
from transfers_made import with_source_ids, with_target_ids

from baselines.auxiliary import AuxiliaryVectors
from baselines.words import SubwordVectors
from sembridge.bridge import BridgeVectors, TokenVectors
from sembridge.initializer import COPIED, MIXED, SAMPLED, SPECIAL, Initializer, Transfer, available, initializer_class
from sembridge.vocabulary import ROLES, Vocabulary

DIMENSION = 12
PAIRS = [*((kind, kind) for kind in KINDS), ("byte-bpe", "wordpiece")]


@dataclass(frozen=True, eq=False)
class Case:
    """A transfer, and vectors of both vocabularies in one space with some tokens left out, from which every kind of input is made. Read-only."""

    transfer: Transfer
    source_vectors: np.ndarray
    source_known: np.ndarray
    target_vectors: np.ndarray
    target_known: np.ndarray

    def __post_init__(self) -> None:
        for array in (self.source_vectors, self.source_known, self.target_vectors, self.target_known):
            array.setflags(write=False)


FIELDS = {"auxiliary": "text"}  # the field that takes a need, where it has another name
GIVEN = {
    "auxiliary": lambda case: AuxiliaryVectors(case.target_vectors, case.target_known),
    "words": lambda case: SubwordVectors(case.source_vectors, case.target_vectors),
    "aligned": lambda case: SubwordVectors(case.source_vectors, case.target_vectors),
    "bridge": lambda case: BridgeVectors(TokenVectors(case.source_vectors, case.source_known), TokenVectors(case.target_vectors, case.target_known)),
}


@cache
def made_case(source_kind: str, target_kind: str) -> Case:
    rng = np.random.default_rng(7)
    source = Vocabulary.from_tokenizer(made_tokenizer(source_kind, "english"))
    target = Vocabulary.from_tokenizer(made_tokenizer(target_kind, "russian"))
    rows = (rng.standard_normal((len(source), DIMENSION)) + 0.3).astype(np.float32)
    transfer = Transfer.between(source, target, rows)
    transfer.copied.setflags(write=False)
    arrays = []
    for size in (len(source), len(target)):
        vectors, known = rng.standard_normal((size, 8)).astype(np.float32), rng.random(size) < 0.8
        vectors[~known] = 0
        arrays += [vectors, known]
    ordinary = np.array([role is None for role in target.roles])
    assert (ordinary & (transfer.copied >= 0)).sum() >= 3 and (~ordinary & (transfer.copied >= 0)).sum() == 5 and len(transfer.missing) > 50
    return Case(transfer, *arrays)


def build(name: str, case: Case) -> Initializer:
    method = initializer_class(name)
    assert set(method.needs) <= GIVEN.keys(), f"{name} needs {method.needs}; add a line to GIVEN"
    return method(**{FIELDS.get(need, need): GIVEN[need](case) for need in method.needs})


@pytest.fixture(params=PAIRS, ids=lambda pair: "-to-".join(pair), scope="module")
def case(request: pytest.FixtureRequest) -> Case:
    return made_case(*request.param)


@pytest.fixture(params=available(), scope="module")
def name(request: pytest.FixtureRequest) -> str:
    return request.param


def test_is_a_registered_frozen_dataclass(name):
    method = initializer_class(name)
    initializer = build(name, made_case(*PAIRS[0]))
    assert isinstance(initializer, Initializer) and method.name == name
    assert dataclasses.is_dataclass(method) and {FIELDS.get(need, need) for need in method.needs} <= {
        field.name for field in dataclasses.fields(method)
    }
    with pytest.raises(dataclasses.FrozenInstanceError):
        initializer.name = "other"


def test_rows_are_complete(name, case):
    answer = build(name, case)(case.transfer)
    assert answer.rows.shape == (len(case.transfer.target), DIMENSION)
    assert answer.rows.dtype == np.float32
    assert np.isfinite(answer.rows).all()
    assert (np.abs(answer.rows).max(axis=1) > 0).all()


def test_overlap_and_specials_are_copied_bit_for_bit(name, case):
    answer = build(name, case)(case.transfer)
    copied = case.transfer.copied
    has_source = copied >= 0
    assert answer.rows[has_source].tobytes() == case.transfer.rows[copied[has_source]].tobytes()
    assert set(np.unique(answer.origin[has_source])) == {COPIED, SPECIAL}
    assert not np.isin(answer.origin[~has_source], [COPIED, SPECIAL]).any()
    special = [i for i, role in enumerate(case.transfer.target.roles) if role in ROLES]
    assert (answer.origin[special] == SPECIAL).all() and (answer.origin == SPECIAL).sum() == len(special) == 5


def test_same_seed_same_bits_under_a_disturbed_global_generator(name, case):
    answers = []
    for disturbance in (1, 2):
        torch.manual_seed(disturbance)
        np.random.seed(disturbance)
        random.seed(disturbance)
        answers.append(build(name, case)(case.transfer))
    first, second = answers
    assert first.rows.tobytes() == second.rows.tobytes()
    assert first.mixture.data.tobytes() == second.mixture.data.tobytes() and np.array_equal(first.mixture.indices, second.mixture.indices)
    assert np.array_equal(first.origin, second.origin)


def test_inputs_are_not_modified(name, case):
    def content():
        given = [getattr(case, field.name) for field in dataclasses.fields(case) if field.name != "transfer"]
        return [array.tobytes() for array in (*given, case.transfer.rows, case.transfer.copied)]

    before = content()
    build(name, case)(case.transfer)  # the arrays are read-only besides: writing raises
    assert content() == before


def test_the_answer_is_the_callers_own(name, case):
    initializer = build(name, case)
    initializer(case.transfer).rows[:] = 7
    assert not (initializer(case.transfer).rows == 7).any()


def test_mixture_is_convex_and_gives_the_rows(name, case):
    answer, transfer = build(name, case)(case.transfer), case.transfer
    mixture = answer.mixture.toarray().astype(np.float64)
    assert mixture.shape == (len(transfer.target), len(transfer.source)) and answer.mixture.dtype == np.float32
    assert (mixture >= 0).all()
    sampled = answer.origin == SAMPLED
    assert not mixture[sampled].any()
    np.testing.assert_allclose(mixture[~sampled].sum(axis=1), 1, atol=1e-5)
    np.testing.assert_allclose(answer.rows[~sampled], mixture[~sampled] @ transfer.rows, atol=1e-5)
    has_source = np.flatnonzero(transfer.copied >= 0)
    assert (mixture[has_source, transfer.copied[has_source]] == 1).all() and (np.count_nonzero(mixture[has_source], axis=1) == 1).all()


def test_only_donors_donate(name, case):
    answer = build(name, case)(case.transfer)
    used = answer.mixture.toarray()[answer.origin == MIXED].any(axis=0)
    assert not (used & ~case.transfer.donors).any()


def test_origins_are_counted(name, case):
    answer = build(name, case)(case.transfer)
    assert sum(answer.statistics[origin] for origin in (COPIED, SPECIAL, MIXED, SAMPLED)) == len(case.transfer.target)
    assert all(answer.statistics[origin] == (answer.origin == origin).sum() for origin in (COPIED, SPECIAL, MIXED, SAMPLED))


def test_one_number_per_token_moves_along(name, case):
    values = np.linspace(1, 2, len(case.transfer.source))
    carried = build(name, case)(case.transfer).carry(values)
    has_source = case.transfer.copied >= 0
    np.testing.assert_allclose(carried[has_source], values[case.transfer.copied[has_source]], rtol=1e-6)
    assert (carried >= 1 - 1e-5).all() and (carried <= 2 + 1e-5).all()


def test_mixed_rows_follow_a_permutation_of_target_ids(name, case):
    order = np.random.default_rng(3).permutation(len(case.transfer.target))
    moved = dataclasses.replace(
        case, transfer=with_target_ids(case.transfer, order), target_vectors=case.target_vectors[order], target_known=case.target_known[order]
    )
    before, after = build(name, case)(case.transfer), build(name, moved)(moved.transfer)
    assert np.array_equal(after.origin, before.origin[order])
    decided = after.origin != SAMPLED
    np.testing.assert_allclose(after.rows[decided], before.rows[order][decided], atol=1e-5)


def test_mixed_rows_ignore_a_permutation_of_source_ids(name, case):
    order = np.random.default_rng(4).permutation(len(case.transfer.source))
    moved = dataclasses.replace(
        case, transfer=with_source_ids(case.transfer, order), source_vectors=case.source_vectors[order], source_known=case.source_known[order]
    )
    before, after = build(name, case)(case.transfer), build(name, moved)(moved.transfer)
    assert np.array_equal(after.origin, before.origin)
    decided = after.origin != SAMPLED
    np.testing.assert_allclose(after.rows[decided], before.rows[decided], atol=1e-5)
    np.testing.assert_allclose(after.mixture.toarray()[decided], before.mixture.toarray()[decided][:, order], atol=1e-5)


def test_nothing_to_invent(name):
    whole = made_case("wordpiece", "wordpiece")
    ids = np.flatnonzero(whole.transfer.copied >= 0)
    kept = dataclasses.replace(
        whole, transfer=with_target_ids(whole.transfer, ids), target_vectors=whole.target_vectors[ids], target_known=whole.target_known[ids]
    )
    answer = build(name, kept)(kept.transfer)
    assert answer.rows.tobytes() == whole.transfer.rows[whole.transfer.copied[ids]].tobytes()
