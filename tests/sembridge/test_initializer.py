"""The question, the answer and the registry; what every method owes is in tests/baselines/test_contract.py."""

from __future__ import annotations

import dataclasses
import importlib.metadata

import numpy as np
import pytest
import scipy.sparse as sp
import torch

import sembridge.registry as module
from sembridge.initializer import COPIED, MIXED, SAMPLED, Initialization, Transfer
from sembridge.nearest import nearest
from sembridge.registry import available_initializers, initializer_class
from sembridge.semantic_bridge import SemBridge
from sembridge.vocabulary.overlap import Overlap
from sembridge.vocabulary.vocabulary import Vocabulary
from tests.helpers.transfers_made import made_transfer, plain_vocabulary


def test_nearest():
    assert nearest("sembrigde", ["mean", "sembridge", "ofa"]) == "did you mean 'sembridge'? known: mean, ofa, sembridge"
    assert nearest("zzz", iter(["mean", "ofa"])) == "known: mean, ofa"
    assert nearest("", ["b", "a"]) == "known: a, b"


def test_built_in_methods_are_registered():
    names = available_initializers()
    assert names == sorted(set(names)) and {
        "sembridge",
        "focus",
        "ofa",
        "random",
        "mean",
        "univariate",
        "multivariate",
    } <= set(names)
    assert initializer_class("sembridge") is SemBridge


@pytest.mark.parametrize(
    ("name", "meant"),
    [("sembrige", "sembridge"), ("Mean", "mean"), ("multi-variate", "multivariate"), ("focsu", "focus")],
)
def test_unknown_initializer_names_the_nearest(name, meant):
    with pytest.raises(
        ValueError, match=f"initializer '{name}' is unknown; did you mean '{meant}'\\? known: .*focus, .*sembridge"
    ):
        initializer_class(name)


def test_unknown_initializer_near_nothing():
    with pytest.raises(ValueError, match="initializer 'zzz' is unknown; known: ") as error:
        initializer_class("zzz")
    assert all(name in str(error.value) for name in available_initializers())


def test_a_third_party_method_registers_in_the_same_way(monkeypatch):
    entry = importlib.metadata.EntryPoint("tinkered", "sembridge.semantic_bridge:SemBridge", "sembridge.initializers")
    monkeypatch.setattr(module, "_entry_points", lambda: [entry])
    assert available_initializers() == ["tinkered"] and initializer_class("tinkered") is SemBridge


ROWS = np.random.default_rng(0).standard_normal((5, 3)).astype(np.float32)


@pytest.mark.parametrize(
    "rows",
    [ROWS, ROWS.astype(np.float64), torch.from_numpy(ROWS), torch.nn.Parameter(torch.from_numpy(ROWS.copy()))],
    ids=repr,
)
def test_question_from_any_kind_of_rows(rows):
    task = Transfer.between(plain_vocabulary("abcd"), plain_vocabulary("dxA"), rows)
    assert task.rows.dtype == np.float32 and np.array_equal(task.rows, ROWS[:4]) and not task.rows.flags.writeable, (
        "rows no token has are left out"
    )
    assert task.copied.tolist() == [3, -1, 0] and task.missing.tolist() == [1]
    assert Transfer.between(
        plain_vocabulary("abcd"), plain_vocabulary("dxA"), rows, overlap="exact"
    ).missing.tolist() == [1, 2]


def test_question_does_not_share_the_rows_of_the_model():
    rows = ROWS.copy()
    task = Transfer.between(plain_vocabulary("abcde"), plain_vocabulary("a"), rows)
    rows[:] = 0
    assert np.array_equal(task.rows, ROWS)


def test_source_ids_without_a_row():
    with pytest.raises(ValueError, match="ids up to 5 but the embedding has only 5 rows"):
        Transfer.between(plain_vocabulary("abcdef"), plain_vocabulary("a"), ROWS)


def unspoken() -> Vocabulary:
    """One ordinary token, one role, one unused token, one lone byte, one hole."""
    roles = (None, "cls", "special", None, None)
    return Vocabulary(
        "wordpiece",
        ("cat", "[CLS]", "[unused1]", "Ã", None),
        ("cat", None, None, None, None),
        np.ones(5, dtype=bool),
        roles,
    )


@pytest.mark.parametrize(("donors", "expected"), [(None, [0]), ("ordinary", [0]), ("all", [0, 1, 2, 3])])
def test_donors(donors, expected):
    task = Transfer.between(unspoken(), plain_vocabulary("x"), ROWS, donors=donors)
    assert np.flatnonzero(task.donors).tolist() == expected
    assert np.array_equal(dataclasses.replace(task, rows=ROWS * 2).donors, task.donors)


def test_all_donate_under_compat_whatever_is_said():
    texts = ("cat", "[CLS]", "[unused1]", "\ufffd", None)
    source = dataclasses.replace(unspoken(), texts=texts, profile="compat")
    target = dataclasses.replace(plain_vocabulary("x"), profile="compat")
    for donors in (None, "all"):
        assert np.flatnonzero(Transfer.between(source, target, ROWS, donors=donors).donors).tolist() == [0, 1, 2, 3]
    with pytest.raises(
        ValueError, match=r"donors 'ordinary' conflicts with profile 'compat'.*choose profile 'fixed' or donors 'all'"
    ):
        Transfer.between(source, target, ROWS, donors="ordinary")


def test_unknown_donors():
    with pytest.raises(ValueError, match="donors 'every' is unknown; known: all, ordinary"):
        Transfer.between(unspoken(), plain_vocabulary("x"), ROWS, donors="every")


def test_an_overlap_decided_already():
    decided = Overlap(np.array([4, -1]), ("exact", ""))
    assert Transfer.between(
        plain_vocabulary("abcde"), plain_vocabulary("ab"), ROWS, overlap=decided
    ).copied.tolist() == [4, -1]


def test_generator_is_fresh_and_seeded():
    task = made_transfer([0, -1], ROWS, seed=7)
    draws = [torch.rand(3, generator=task.generator()) for _ in range(2)]
    assert torch.equal(*draws) and not torch.equal(
        draws[0], torch.rand(3, generator=made_transfer([0], ROWS, seed=8).generator())
    )


def test_carry_gives_the_mean_where_nothing_was_mixed():
    mixture = sp.csr_array(np.array([[0, 0, 1, 0, 0], [0, 0.25, 0, 0, 0.75], [0, 0, 0, 0, 0]], dtype=np.float32))
    answer = Initialization(ROWS[:3], mixture, np.array([COPIED, MIXED, SAMPLED]))
    values = np.array([1, 2, 3, 4, 10], dtype=np.float32)
    assert answer.carry(values).tolist() == [3, 8, 4] and answer.carry(values).dtype == np.float32
