"""A screen of integers: no donor with weight is lost, and mixtures have the bits of every other screen."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from sembridge.mixture.entmax import entmax
from sembridge.mixture.integer_screen import AXES, IntegerScreen
from sembridge.mixture.mixture import UnitVectors, _screen_of, screened
from sembridge.mixture.screening import Screen
from sembridge.processor import integers

pytestmark = pytest.mark.skipif(not integers.largest(), reason="this PyTorch multiplies no integers exactly")

LARGEST = sorted({79, integers.largest()})


def vectors(count: int, size: int, seed: int, outlier: float = 1.0) -> np.ndarray:
    """Return vectors with a common direction and one coordinate `outlier` times as large as the others."""
    rows = np.random.default_rng(seed).standard_normal((count, size)) + 1
    rows[:, 0] *= outlier
    return rows.astype(np.float32)


def unit(rows: np.ndarray) -> np.ndarray:
    return rows.astype(np.float64) / np.linalg.norm(rows.astype(np.float64), axis=1, keepdims=True)


def passed(points: np.ndarray, donors: np.ndarray, alpha_minus_1: float, largest: int) -> np.ndarray:
    """Return which donors pass for each point, [B, S] bool."""
    screen = IntegerScreen(donors.__getitem__, len(donors), largest)
    ids, counts = screen(points, alpha_minus_1)(slice(0, len(points)))
    result = np.zeros((len(points), len(donors)), dtype=bool)
    result[np.repeat(np.arange(len(points)), counts), ids] = True
    return result


@settings(max_examples=60, deadline=None)
@given(
    size=st.sampled_from([1, 2, AXES - 1, AXES, AXES + 1, 90]),
    count=st.sampled_from([1, 2, 70, 1100]),
    alpha_minus_1=st.sampled_from([0.5, 1.0, 1.5, 3.0, 20.0]),
    outlier=st.sampled_from([1e-3, 1.0, 300.0]),
    length=st.sampled_from([1e-3, 1.0, 50.0]),
    largest=st.sampled_from(LARGEST),
    seed=st.integers(0, 5),
)
def test_every_donor_with_weight_passes(size, count, alpha_minus_1, outlier, length, largest, seed):
    points, donors = unit(vectors(5, size, seed, outlier)) * length, unit(vectors(count, size, seed + 10, outlier))
    weighs = entmax(points @ donors.T, alpha_minus_1 + 1)[0] > 0
    assert not (weighs & ~passed(points, donors, alpha_minus_1, largest)).any()


def test_few_others_pass():
    """The screen is what makes it fast: vectors like a sentence encoder's, most of whose length they share."""
    rng = np.random.default_rng(3)
    centers = rng.standard_normal((50, 40)) @ rng.standard_normal((40, 256))
    points, donors = (
        unit(centers[rng.integers(0, 50, count)] + 1.5 * rng.standard_normal((count, 256)) + 8) for count in (30, 4000)
    )
    weighs = entmax(points @ donors.T, 4.0)[0] > 0
    assert passed(points, donors, 3.0, 79).sum() < weighs.sum() * 10


def test_equal_vectors_leave_no_rest():
    donors = np.repeat(unit(vectors(1, 40, 0)), 9, axis=0)
    assert passed(donors[:2], donors, 3.0, 79).all()


def test_the_error_of_a_score_is_within_its_bound(monkeypatch):
    """Scores and bounds are taken where they enter the loop; scores of donors far from the axes are the worst."""
    seen = []

    def screen(bits, shift, errors, stored, alpha_minus_1, ids, counts):
        seen.append((bits.view(np.float32).astype(np.float64), errors.copy()))
        counts[:] = 0
        return 0

    monkeypatch.setattr("sembridge.mixture.kernels.screen", screen)
    points, donors = unit(vectors(40, 300, 1, 30.0)), unit(vectors(2000, 300, 2, 30.0))
    donors[7] = unit(np.eye(300)[[5]])
    IntegerScreen(donors.__getitem__, len(donors), 79)(points, 1.0)(slice(0, 40))
    ((scores, errors),) = seen
    off = np.abs(scores - points @ donors.T)
    assert (off <= errors[:, None]).all() and errors.max() < 0.06 and off.max() > errors.max() / 30


@settings(max_examples=15, deadline=None)
@given(
    seed=st.integers(0, 99),
    size=st.sampled_from([5, 40, 130]),
    alphas=st.lists(st.sampled_from([1.25, 1.5, 2.0, 2.5, 4.0, 9.0]), min_size=1, max_size=3, unique=True),
    position=st.booleans(),
)
def test_mixtures_have_the_bits_of_the_other_screens(seed, size, alphas, position):
    rng = np.random.default_rng(seed)
    places = [rng.random(count) if position else None for count in (20, 500)]
    queries = UnitVectors(vectors(25, size, seed), np.arange(2, 22), places[0], scale=0.9 if position else 1.0)
    donors = UnitVectors(vectors(600, size, seed + 1), np.sort(rng.permutation(600)[:500]), places[1])
    screens = [Screen(donors.points, 500, dtype, "cpu") for dtype in (torch.float32, torch.bfloat16)]
    screens.append(IntegerScreen(donors.points, 500))
    first, *others = (screened(queries, donors, alphas, screen, block=8, threads=1) for screen in screens)
    for other in others:
        for ours, theirs in zip(first, other, strict=True):
            for part in ("indptr", "indices", "data"):
                assert np.array_equal(getattr(ours, part), getattr(theirs, part))


def test_a_slice_has_its_own_rows_and_may_be_asked_for_again():
    points, donors = unit(vectors(7, 50, 1)), unit(vectors(300, 50, 2))
    screen = IntegerScreen(donors.__getitem__, 300)(points, 3.0)
    ids, counts = screen(slice(0, 7))
    parts = [screen(rows) for rows in (slice(0, 3), slice(3, 4), slice(4, 7))]
    assert np.array_equal(np.concatenate([part for part, _ in parts]), ids)
    assert np.array_equal(np.concatenate([part for _, part in parts]), counts)


@pytest.mark.parametrize(("path", "kind"), [("int8", IntegerScreen), ("float32", Screen), ("bfloat16", Screen)])
def test_the_setting_chooses_the_screen(path, kind, monkeypatch):
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    monkeypatch.setenv("SEMBRIDGE_SCREEN", path)
    some = UnitVectors(vectors(20, 6, 0), np.arange(20))
    assert type(_screen_of(some, some, 4.0)) is kind


def test_a_trial_chooses_integers_where_they_rule_out_most_donors(monkeypatch):
    """Each query is one of 500 donors: at alpha 4 the other 499 are far, at alpha 1.1 all have weight."""
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    monkeypatch.setattr("sembridge.processor.paths.screen", lambda rough=False: "int8" if rough else "float32")
    rows = np.random.default_rng(0).standard_normal((500, 400)).astype(np.float32)
    donors, queries = UnitVectors(rows, np.arange(500)), UnitVectors(rows, np.arange(90))
    assert isinstance(_screen_of(queries, donors, 4.0), IntegerScreen)
    assert isinstance(_screen_of(queries, donors, 1.1), Screen)
