"""Every registered initializer at its edges: nothing to invent, nothing copied but specials, no vector, one donor, none."""

from __future__ import annotations

import numpy as np
import pytest

from sembridge.initializer import COPIED, MIXED, SAMPLED, SPECIAL
from sembridge.registry import available_initializers, initializer_class
from tests.helpers.cases_made import Case, build, made_case

# How the methods that mix refuse a question that leaves them nothing to mix; others, of other packages, in words of their own.
WITHOUT_DONORS = {
    "focus": "FOCUS has no anchor",
    "ofa": "none of the source subwords has a vector",
    "sembridge": "the bridge knows none of the source tokens",
    "wechsel": "none of the source subwords has a vector",
}
EVERY = np.arange(10_000)
NONE = np.array([], dtype=np.int64)


@pytest.fixture(params=available_initializers())
def name(request: pytest.FixtureRequest) -> str:
    return request.param


@pytest.fixture
def case() -> Case:
    return made_case("wordpiece", "wordpiece")


def mixes(name: str) -> bool:
    return bool(initializer_class(name).needs)


def ordinary_copies(case: Case) -> np.ndarray:
    """Target ids of ordinary tokens that copy a donor's row."""
    roles = np.array([role is None for role in case.transfer.target.roles])
    return np.flatnonzero(roles & (case.transfer.copied >= 0) & case.transfer.donors[case.transfer.copied])


def assert_complete(case: Case, answer) -> None:
    transfer = case.transfer
    assert answer.rows.shape == (len(transfer.target), transfer.rows.shape[1]) and np.isfinite(answer.rows).all()
    assert (np.abs(answer.rows).max(axis=1) > 0).all()
    has_source = transfer.copied >= 0
    assert answer.rows[has_source].tobytes() == transfer.rows[transfer.copied[has_source]].tobytes()


def test_nothing_to_invent(name, case):
    """A target vocabulary of copied tokens only, as a tokenizer of the same language would have."""
    kept = case.with_target_ids(np.flatnonzero(case.transfer.copied >= 0))
    assert not len(kept.transfer.missing)
    answer = build(name, kept)(kept.transfer)
    assert_complete(kept, answer)
    assert set(answer.origin) == {COPIED, SPECIAL}


def test_only_specials_are_copied(name):
    """Overlap `special`: as WECHSEL was published. FOCUS has nothing to mix then."""
    case = made_case("wordpiece", "wordpiece", "special")
    assert (case.transfer.copied >= 0).sum() == 5
    if name == "focus":
        with pytest.raises(ValueError, match="no anchor: no ordinary token copies a row"):
            build(name, case)(case.transfer)
        return
    answer = build(name, case)(case.transfer)
    assert_complete(case, answer)
    assert (answer.origin == SPECIAL).sum() == 5 and not (answer.origin == COPIED).any()
    assert (answer.origin == MIXED).any() == mixes(name)


def test_no_new_token_has_a_vector(name, case):
    given = case.knowing(EVERY, ordinary_copies(case))
    answer = build(name, given)(given.transfer)
    assert_complete(given, answer)
    assert (answer.origin[given.transfer.missing] == SAMPLED).all()


def test_one_new_token_has_a_vector(name, case):
    new = case.transfer.missing[case.target_known[case.transfer.missing]][0]
    given = case.knowing(EVERY, np.append(ordinary_copies(case), new))
    answer = build(name, given)(given.transfer)
    assert_complete(given, answer)
    assert np.flatnonzero(answer.origin == MIXED).tolist() == ([new] if mixes(name) else [])


def test_one_donor_is_the_whole_mixture(name, case):
    """Every row that is mixed is its row, bit for bit."""
    copies = ordinary_copies(case)
    copy = next(i for i in copies if case.target_known[i] and case.source_known[case.transfer.copied[i]])
    donor = case.transfer.copied[copy]
    given = case.knowing(np.array([donor]), np.append(case.transfer.missing, copy))
    answer = build(name, given)(given.transfer)
    assert_complete(given, answer)
    mixed = answer.rows[answer.origin == MIXED]
    assert (mixed == given.transfer.rows[donor]).all() and bool(len(mixed)) == mixes(name)


def test_no_donor_has_a_vector(name, case):
    """Refused, rather than a whole vocabulary sampled without a word."""
    given = case.knowing(NONE, case.transfer.missing)
    if mixes(name):
        with pytest.raises(ValueError, match=WITHOUT_DONORS.get(name, r"\w")):
            build(name, given)(given.transfer)
    else:
        assert_complete(given, build(name, given)(given.transfer))
