"""The centered geometry against its formula in float64 with the entmax package, and what must not change it."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import torch
from entmax import entmax_bisect
from hypothesis import given, settings
from hypothesis import strategies as st

import sembridge.bridging.method as method_module
import sembridge.mixture.mixture as mixture_module
from sembridge.bridge import BridgeVectors
from sembridge.bridging.geometry import CENTERED, SPREAD, Geometry, compared
from sembridge.initializer import MIXED, SAMPLED, Transfer
from sembridge.mixture.softmax import SoftmaxMixture
from sembridge.semantic_bridge import SemBridge
from tests.helpers.bridges_made import bridged, knowing, moved, renumbered
from tests.helpers.transfers_made import made_transfer


def dense(transfer: Transfer, vectors: BridgeVectors, **options) -> np.ndarray:
    """Return the weights [T, S] of the mixed tokens in the centered geometry."""
    options = {"alpha": 2.0, "position": 0.0} | options
    answer = SemBridge(vectors, geometry=CENTERED, **options)(transfer)
    return np.where((answer.origin == MIXED)[:, None], answer.mixture.toarray(), 0)


def centered(vectors: np.ndarray, used: np.ndarray, directions: int = 0) -> np.ndarray:
    """Return all vectors in float64, minus the mean of the used ones and their directions of greatest variance."""
    exact = vectors.astype(np.float64)
    exact = exact - exact[used].mean(axis=0)
    for _ in range(directions):  # one at a time, by singular vectors
        axis = np.linalg.svd(exact[used], full_matrices=False)[2][0]
        exact = exact - np.outer(exact @ axis, axis)
    return exact / np.linalg.norm(exact, axis=1, keepdims=True)


def formula(transfer, vectors, alpha, position, csls=0, directions=0) -> tuple[np.ndarray, float]:
    """Return (weights [T, S] of the missing tokens, spread): scale (cos - r / 2) - position [at another place]."""
    placed, donors = np.flatnonzero(vectors.target.known), np.flatnonzero(vectors.source.known & transfer.donors)
    x, v = (
        centered(side.vectors, used, directions) for side, used in ((vectors.target, placed), (vectors.source, donors))
    )
    cosines = x @ v[donors].T
    spread = cosines[placed].std()
    missing = np.array([i for i in transfer.missing if vectors.target.known[i]])
    scores = cosines[missing]
    if csls:
        scores = scores - np.sort(scores, axis=0)[-csls:].mean(axis=0) / 2
    elsewhere = transfer.target.word_initial[missing][:, None] != transfer.source.word_initial[donors]
    scores = SPREAD / spread * scores - position * elsewhere
    weights = np.zeros((len(transfer.target), len(transfer.source)))
    z = torch.from_numpy(scores)
    weights[np.ix_(missing, donors)] = torch.softmax(z, 1) if alpha == 1 else entmax_bisect(z, alpha, n_iter=100)
    return weights, float(spread)


@given(
    alpha=st.sampled_from([1.5, 2.0, 4.0]),
    position=st.sampled_from([0.0, 0.1, 2.0]),
    csls=st.sampled_from([0, 1, 5, 500]),
    directions=st.sampled_from([0, 1, 3]),
    seed=st.integers(0, 20),
)
@settings(deadline=None, max_examples=40)
def test_equals_the_formula(alpha, position, csls, directions, seed):
    transfer, vectors = bridged(70, 40, seed=seed)
    rng = np.random.default_rng(seed)
    vectors = knowing(vectors, rng.random(70) < 0.9, rng.random(40) < 0.9)
    expected, spread = formula(transfer, vectors, alpha, position, csls, directions)
    method = SemBridge(vectors, alpha=alpha, position=position, geometry=CENTERED, csls=csls, directions=directions)
    answer = method(transfer)
    assert answer.statistics["cosine_spread"] == pytest.approx(spread, rel=1e-5)
    # a score at the threshold is the (alpha - 1)th root of what float32 vectors lose
    np.testing.assert_allclose(
        np.where((answer.origin == MIXED)[:, None], answer.mixture.toarray(), 0),
        expected,
        atol=1e-5 if alpha <= 2 else (1e-5) ** (1 / 3),
    )
    assert (expected.sum(axis=1) > 0).sum() == (answer.origin == MIXED).sum() > 20


factors = st.floats(0.01, 100)


@given(shifts=st.tuples(st.floats(-5, 5), st.floats(-5, 5)), scales=st.tuples(factors, factors), seed=st.integers(0, 9))
@settings(deadline=None, max_examples=25)
def test_a_shift_a_scale_and_a_common_rotation_change_nothing(shifts, scales, seed):
    transfer, vectors = bridged(50, 30, seed=seed)
    rng = np.random.default_rng(seed + 100)
    common = rng.standard_normal((2, 16))
    rotation = np.linalg.qr(rng.standard_normal((16, 16)))[0]
    expected = dense(transfer, vectors, position=0.1)
    for change in (
        [lambda x, s=s, c=c: x + s * c for s, c in zip(shifts, common, strict=True)],
        [lambda x, s=s: x * s for s in scales],
        [lambda x: x @ rotation] * 2,
        [lambda x, s=s, c=c, f=f: (x @ rotation + s * c) * f for s, c, f in zip(shifts, common, scales, strict=True)],
    ):
        np.testing.assert_allclose(dense(transfer, moved(vectors, *change), position=0.1), expected, atol=1e-4)


def test_the_published_form_does_feel_a_shift():
    transfer, vectors = bridged(50, 30)
    shifted = moved(vectors, target=lambda x: x + 3)
    rows = [SemBridge(side, alpha=2.0)(transfer).rows for side in (vectors, shifted)]
    assert np.abs(rows[0] - rows[1]).max() > 0.1
    assert SemBridge(vectors)(transfer).statistics.keys() & {"cosine_spread"} == set()


def test_directions_are_removed():
    """A direction that outweighs all others on both sides decides every donor; taken off, none."""
    transfer, vectors = bridged(60, 40, seed=3)
    rng = np.random.default_rng(5)
    axis = np.linalg.qr(rng.standard_normal((16, 16)))[0][0]

    def outweighed(x: np.ndarray) -> np.ndarray:
        others = np.column_stack([np.ones(len(x)), x - np.outer(x @ axis, axis)])
        drawn = rng.standard_normal(len(x))
        drawn -= others @ np.linalg.lstsq(others, drawn, rcond=None)[0]  # not correlated with what is to remain
        return others[:, 1:] + 50 * np.outer(drawn, axis)

    spoiled = moved(vectors, outweighed, outweighed)
    clean = moved(vectors, *[lambda x: x - np.outer(x @ axis, axis)] * 2)
    wanted = dense(transfer, clean)
    assert np.abs(dense(transfer, spoiled) - wanted).max() > 0.1
    np.testing.assert_allclose(dense(transfer, spoiled, directions=1), wanted, atol=2e-3)


@pytest.mark.parametrize("scale", [1.0, 1e-3])
@pytest.mark.parametrize("csls", [0, 3])
@pytest.mark.parametrize("position", [0.0, 0.1])
def test_large_and_small_vocabularies_are_solved_alike(scale, csls, position, monkeypatch):
    """At the smaller scale most of each vector lies where the other side has nothing: scores are cosines times 60."""
    transfer, vectors = bridged(300, 200, seed=1)
    rng = np.random.default_rng(2)
    apart = [rng.standard_normal((count, 16)) for count in (300, 200)]
    wide = replace(
        vectors,
        source=replace(
            vectors.source,
            vectors=np.hstack([vectors.source.vectors * np.sqrt(scale), apart[0], 0 * apart[0]]).astype(np.float32),
        ),
        target=replace(
            vectors.target,
            vectors=np.hstack([vectors.target.vectors * np.sqrt(scale), 0 * apart[1], apart[1]]).astype(np.float32),
        ),
    )
    for alpha in (1.5, 2.0, 4.0):
        solved = []
        for small in (1 << 60, 0):
            monkeypatch.setattr(mixture_module, "_SMALL", small)
            solved.append(dense(transfer, wide, alpha=alpha, csls=csls, position=position))
        np.testing.assert_allclose(*solved, atol=1e-9 if alpha <= 2 else 1e-4)
    spread = SemBridge(wide, geometry=CENTERED)(transfer).statistics["cosine_spread"]
    assert spread < 2e-3 if scale < 1 else spread > 0.05


def test_softmax_on_demand_has_the_scale(monkeypatch):
    transfer, vectors = bridged(50, 30)
    method = SemBridge(vectors, alpha=1.0, geometry=CENTERED)
    stored = method(transfer)
    monkeypatch.setattr(method_module, "HELD", 10)
    streamed = method(transfer)
    assert isinstance(streamed.mixture, SoftmaxMixture) and streamed.mixture.queries.scale != 1
    np.testing.assert_allclose(streamed.mixture @ np.eye(50), stored.mixture.toarray(), atol=1e-8)
    np.testing.assert_allclose(streamed.rows, stored.rows, atol=1e-6)
    expected, _ = formula(transfer, vectors, 1.0, method_module.POSITION)
    np.testing.assert_allclose(stored.mixture.toarray()[transfer.missing], expected[transfer.missing], atol=1e-6)


@given(seed=st.integers(0, 9), csls=st.sampled_from([0, 4]), directions=st.sampled_from([0, 2]))
@settings(deadline=None, max_examples=12)
def test_numbering_changes_nothing(seed, csls, directions):
    task = bridged(50, 30, seed=seed)
    rng = np.random.default_rng(seed)
    source, target = rng.permutation(50), rng.permutation(30)
    options = {"csls": csls, "directions": directions, "position": 0.1}
    expected = dense(*task, **options)[target][:, source]
    np.testing.assert_allclose(dense(*renumbered(task, source, target), **options), expected, atol=1e-5)


@pytest.mark.parametrize("csls", [0, 2])
def test_tokens_at_the_center_have_no_donors(csls):
    """Half of the targets and of the sources stand exactly at their centers: these are sampled, those do not donate."""
    transfer, vectors = bridged(40, 30, copied=0)

    def halved(x: np.ndarray) -> np.ndarray:
        half = len(x) // 2
        rest = x[half:] - x[half:].mean(axis=0)
        return np.vstack([np.full((half, x.shape[1]), 3.25), rest + 3.25])

    answer = SemBridge(moved(vectors, halved, halved), geometry=CENTERED, csls=csls)(transfer)
    assert answer.origin.tolist() == [SAMPLED] * 15 + [MIXED] * 15
    assert answer.statistics["not_bridged"] == 15 and not answer.mixture.toarray()[:, :20].any()


@pytest.mark.parametrize("value", [0.1, 1 / 3, 7e4])
@pytest.mark.parametrize("count", [1, 7, 30])
def test_equal_vectors_have_no_direction(value, count):
    """Of all targets: every row is sampled. Of all donors: an error, because the bridge does not tell them apart."""
    transfer, vectors = bridged(40, count, copied=0)
    alike = np.random.default_rng(0).standard_normal(16) * value
    answer = SemBridge(moved(vectors, target=lambda x: 0 * x + alike), geometry=CENTERED)(transfer)
    assert set(answer.origin) == {SAMPLED} and answer.statistics["not_bridged"] == count
    with pytest.raises(ValueError, match="all 40 donors have the same bridge vector; check that the bridge reads"):
        SemBridge(moved(vectors, lambda x: 0 * x + alike), geometry=CENTERED)(transfer)


def test_cosines_without_a_spread_are_not_scaled_up():
    """All cosines are 0: the sides vary in different dimensions. Rounding must not decide; every donor is as good."""
    transfer, vectors = bridged(20, 10, copied=0)
    apart = moved(vectors, lambda x: x * (np.arange(16) < 8), lambda x: x * (np.arange(16) >= 8))
    answer = SemBridge(apart, alpha=4.0, position=0.0, geometry=CENTERED)(transfer)
    assert answer.statistics["cosine_spread"] < 1e-6
    np.testing.assert_allclose(answer.mixture.toarray(), 1 / 20, rtol=1e-3)


def test_two_tokens_on_each_side():
    """Two centered vectors are opposite: each target has the donor on its side."""
    transfer = made_transfer([-1, -1], np.eye(2, dtype=np.float32))
    sides = [np.array(side, dtype=np.float32) for side in ([[5, 1], [5, 3]], [[9, 9], [9, 1]])]
    _, vectors = bridged(2, 2, 2)
    vectors = moved(vectors, lambda _: sides[0], lambda _: sides[1])
    answer = SemBridge(vectors, alpha="auto", geometry=CENTERED)(transfer)
    assert answer.statistics["cosine_spread"] == pytest.approx(1)
    assert dense(transfer, vectors, alpha=32.0).tolist() == [[0, 1], [1, 0]]


@pytest.mark.parametrize("csls", [0, 3])
def test_nothing_is_missing_or_nothing_is_known(csls):
    transfer, vectors = bridged(20, 4, copied=4)
    answer = SemBridge(vectors, geometry=CENTERED, csls=csls, alpha="auto")(transfer)
    assert answer.statistics["mean_support"] == 0 and answer.statistics["not_bridged"] == 0
    transfer, vectors = bridged(20, 6, copied=4)
    nothing = knowing(vectors, target=np.zeros(6, dtype=bool))
    answer = SemBridge(nothing, geometry=CENTERED, csls=csls, alpha="auto")(transfer)
    assert (answer.origin == SAMPLED).sum() == 2 == answer.statistics["not_bridged"]


def test_left_out_donors_neither_donate_nor_move_the_center():
    transfer, vectors = bridged(30, 20, copied=0)
    left_out = np.arange(30) < 5
    rows = transfer.rows.copy()
    rows[:5] = np.nan
    spoiled = moved(vectors, lambda x: np.where(left_out[:, None], 1e6, x))
    answer = SemBridge(spoiled, geometry=CENTERED)(replace(transfer, rows=rows, left_out=left_out))
    plain = SemBridge(knowing(vectors, source=~left_out), geometry=CENTERED)(transfer)
    assert np.array_equal(answer.mixture.toarray(), plain.mixture.toarray()) and np.isfinite(answer.rows).all()


def test_threads_change_no_bit(monkeypatch):
    monkeypatch.setattr(mixture_module, "_SMALL", 0)
    transfer, vectors = bridged(300, 200)
    count, seen = torch.get_num_threads(), []
    try:
        for threads in (1, 2):
            torch.set_num_threads(threads)
            seen.append(SemBridge(vectors, geometry=CENTERED, csls=5, directions=1)(transfer).rows.tobytes())
    finally:
        torch.set_num_threads(count)
    assert seen[0] == seen[1]


def test_copied_tokens_count_in_the_center_and_in_the_spread():
    """The center is that of a language, so all its tokens make it, not only those that lack a row."""
    transfer, vectors = bridged(30, 20, copied=10)
    targets, donors = transfer.missing, np.arange(30)
    tokens = compared(Geometry(CENTERED), transfer, vectors, targets, donors)
    assert tokens.targets.tolist() == list(range(10, 20))
    assert tokens.spread == pytest.approx(formula(transfer, vectors, 2.0, 0.0)[1], rel=1e-6)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"geometry": "centred"}, "geometry 'centred' is unknown; did you mean 'centered'? known: centered, published"),
        ({"geometry": CENTERED, "csls": -1}, "csls -1 is negative; 0 leaves it out"),
        ({"geometry": CENTERED, "directions": -2}, "directions -2 is negative; 0 leaves it out"),
        ({"directions": 1}, "directions 1 has no effect on geometry 'published'; add geometry=centered"),
        ({"csls": 10}, "csls 10 has no effect on geometry 'published'; add geometry=centered"),
    ],
)
def test_options_that_are_refused(options, message):
    with pytest.raises(ValueError) as refused:
        SemBridge(**options)
    assert str(refused.value) == message


def test_directions_that_leave_nothing():
    transfer, vectors = bridged(30, 20)
    with pytest.raises(
        ValueError, match=r"^directions 16 leave nothing of the vectors of 30 donors; choose fewer, as 1$"
    ):
        SemBridge(vectors, geometry=CENTERED, directions=16)(transfer)
