"""Donors that can carry weight: none is lost to rounding, and few others pass. The mixtures are in test_mixture.py."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from sembridge.mixture.entmax import entmax
from sembridge.mixture.screening import Screen, candidates, multiplies_bfloat16

DTYPES = (torch.bfloat16, torch.float32)


def unit_points(count: int, size: int, seed: int) -> np.ndarray:
    """Return vectors of length 1 with a common direction, like a sentence encoder's."""
    points = (np.random.default_rng(seed).standard_normal((count, size)) + 1).astype(np.float32).astype(np.float64)
    return points / np.linalg.norm(points, axis=1, keepdims=True)


def passing(points: np.ndarray, donors: np.ndarray, dtype: torch.dtype, alpha_minus_1: float) -> list[list[int]]:
    """Return the ids that pass for each point."""
    screen = Screen(donors.__getitem__, len(donors), dtype, "cpu")
    ids, counts = screen(points, alpha_minus_1)(slice(0, len(points)))
    return [part.tolist() for part in np.split(ids, np.cumsum(counts)[:-1])]


@pytest.mark.parametrize(("error", "expected"), [(0.0, [0, 1]), (0.2, [0, 1]), (0.4, [0, 1, 2])])
def test_candidates_by_hand(error, expected):
    """Alpha 2: (1 - tau) + (0.5 - tau) = 1 for tau = 0.25. With errors, what reaches 0.25 - 2 * error passes."""
    scores, errors = torch.tensor([[1.0, 0.5, -0.5]]), torch.tensor([error], dtype=torch.float64)
    ids, counts = candidates(scores, errors, 1.0)
    assert ids.tolist() == expected and counts.tolist() == [len(expected)] and ids.dtype == np.int32


def test_a_single_donor_passes():
    for dtype in DTYPES:
        assert passing(np.array([[0.6, -0.8]]), np.array([[0.0, 1.0]]), dtype, 1.5) == [[0]]
    assert candidates(torch.tensor([[-3.0]]), torch.zeros(1, dtype=torch.float64), 3.0)[0].tolist() == [0]


def test_an_order_that_rounding_reverses():
    """In bfloat16 both sums of the first donor are rounded down and one of the second up: 2 < 2.0078."""
    donors = np.array([[1.00390625, 1.00390625], [1.0, 1.00390625 + 2.0**-23]])
    rounded = torch.from_numpy(donors).bfloat16().double().sum(1).tolist()
    assert rounded == [2.0, 2.0078125] and donors[0].sum() > donors[1].sum()
    assert 0 in passing(np.ones((1, 2)), donors, torch.bfloat16, 1000.0)[0]
    assert passing(np.ones((1, 2)), donors, torch.float32, 1000.0) == [[0]], "float32 is exact here, so the best passes"


@pytest.mark.parametrize("dtype", DTYPES)
def test_a_slice_has_its_own_rows(dtype):
    """2,500 donors are three blocks of rounding."""
    points, donors = unit_points(7, 24, 1), unit_points(2500, 24, 2)
    screen = Screen(donors.__getitem__, 2500, dtype, "cpu")(points, 1.5)
    whole_ids, whole_counts = screen(slice(0, 7))
    parts = [screen(rows) for rows in (slice(0, 3), slice(3, 4), slice(4, 7))]
    assert np.array_equal(np.concatenate([ids for ids, _ in parts]), whole_ids) and len(whole_ids) == whole_counts.sum()
    assert np.array_equal(np.concatenate([counts for _, counts in parts]), whole_counts)
    assert all((np.diff(row) > 0).all() for row in np.split(whole_ids, np.cumsum(whole_counts)[:-1])), "ascending ids"


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("over", [0.25, 1.0, 3.0])
def test_few_donors_pass_the_screen_and_all_that_weigh_do(dtype, over):
    """The screen is what makes it fast, so it has to be close; by loops and by operations of the device alike."""
    queries, donors = unit_points(40, 256, seed=8), unit_points(4000, 256, seed=9)
    weighs = entmax(queries @ donors.T, over + 1)[0] > 0
    ids, counts = Screen(donors.__getitem__, 4000, dtype, "cpu")(queries, over)(slice(0, 40))
    passed = np.zeros_like(weighs)
    passed[np.repeat(np.arange(40), counts), ids] = True
    assert not (weighs & ~passed).any()
    assert passed.sum() < weighs.sum() * (1.5 if dtype == torch.float32 else 3) + 40
    scores = torch.from_numpy((queries @ donors.T).astype(np.float32))
    ids, counts = candidates(scores, torch.full((40,), 1e-6, dtype=torch.float64), over)
    passed[:] = False
    passed[np.repeat(np.arange(40), counts), ids] = True
    assert not (weighs & ~passed).any() and passed.sum() < weighs.sum() * 1.5 + 40


@pytest.mark.parametrize(("path", "dtype"), [("bfloat16", torch.bfloat16), ("float32", torch.float32)])
def test_the_setting_decides_the_data_type(path, dtype, monkeypatch):
    monkeypatch.setenv("SEMBRIDGE_SCREEN", path)
    assert multiplies_bfloat16(torch.device("cpu")) is (path == "bfloat16")
    assert Screen(unit_points(3, 4, 0).__getitem__, 3, device="cpu")._dtype == dtype
