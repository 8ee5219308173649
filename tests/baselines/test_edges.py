"""Every registered initializer at its edges: no missing token, only specials copied, no vector, one donor, no donor."""

from __future__ import annotations

import numpy as np
import pytest

from sembridge.initializer import COPIED, MIXED, SAMPLED, SPECIAL
from sembridge.registry import available_initializers, initializer_class
from tests.helpers.cases_made import Case, build, made_case

# The error messages of methods that have nothing to mix from; methods of other packages have their own.
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


def test_no_missing_token(name, case):
    """All target tokens are copied, as between tokenizers of the same language."""
    copied = case.with_target_ids(np.flatnonzero(case.transfer.copied >= 0))
    assert not len(copied.transfer.missing)
    answer = build(name, copied)(copied.transfer)
    assert_complete(copied, answer)
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
    without = case.knowing(EVERY, ordinary_copies(case))
    answer = build(name, without)(without.transfer)
    assert_complete(without, answer)
    assert (answer.origin[without.transfer.missing] == SAMPLED).all()


def test_one_new_token_has_a_vector(name, case):
    new = case.transfer.missing[case.target_known[case.transfer.missing]][0]
    single = case.knowing(EVERY, np.append(ordinary_copies(case), new))
    answer = build(name, single)(single.transfer)
    assert_complete(single, answer)
    assert np.flatnonzero(answer.origin == MIXED).tolist() == ([new] if mixes(name) else [])


def test_one_donor_is_the_whole_mixture(name, case):
    """Every mixed row equals the donor's, bit for bit."""
    copies = ordinary_copies(case)
    copy = next(i for i in copies if case.target_known[i] and case.source_known[case.transfer.copied[i]])
    donor = case.transfer.copied[copy]
    single = case.knowing(np.array([donor]), np.append(case.transfer.missing, copy))
    answer = build(name, single)(single.transfer)
    assert_complete(single, answer)
    mixed = answer.rows[answer.origin == MIXED]
    assert (mixed == single.transfer.rows[donor]).all() and bool(len(mixed)) == mixes(name)


def test_no_donor_has_a_vector(name, case):
    """An error, because sampling a whole vocabulary silently would be useless."""
    without = case.knowing(NONE, case.transfer.missing)
    if mixes(name):
        with pytest.raises(ValueError, match=WITHOUT_DONORS.get(name, r"\w")):
            build(name, without)(without.transfer)
    else:
        assert_complete(without, build(name, without)(without.transfer))
