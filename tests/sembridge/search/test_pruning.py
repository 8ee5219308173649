"""Smaller vectors: by hand, and against a slow implementation that sorts each vector in plain Python."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import sparse

from sembridge.search.pruning import canonical, from_levels, keep_heaviest, keep_mass, to_levels

ROWS = [[0.5, 0.0, 2.0, 0.5, 1.0], [0, 0, 0, 0, 0], [3, 3, 3, 3, 3]]


def vectors(rows):
    return sparse.csr_array(np.float32(rows))


def made(seed, rows=40, dimensions=30):
    rng = np.random.default_rng(seed)
    # Few different weights, so that many are equal.
    weights = rng.integers(0, 6, (rows, dimensions)) * rng.integers(0, 2, (rows, dimensions))
    return vectors(weights / 4)


def heaviest_first(row):
    return sorted((j for j, weight in enumerate(row) if weight), key=lambda j: (-abs(row[j]), j))


def only(row, kept):
    return [weight if j in kept else 0.0 for j, weight in enumerate(row)]


def test_the_heaviest_dimensions_by_hand():
    assert keep_heaviest(vectors(ROWS), 3).toarray().tolist() == [[0.5, 0, 2, 0, 1], [0, 0, 0, 0, 0], [3, 3, 3, 0, 0]]
    assert keep_heaviest(vectors([[-3, 1, 2]]), 2).toarray().tolist() == [[-3, 0, 2]]


def test_the_mass_by_hand():
    # Row 0 sums to 4: 2 holds a half, 2 and 1 three quarters.
    assert keep_mass(vectors(ROWS), 0.5).toarray().tolist()[0] == [0, 0, 2, 0, 0]
    assert keep_mass(vectors(ROWS), 0.51).toarray().tolist()[0] == [0, 0, 2, 0, 1]
    assert keep_mass(vectors(ROWS), 0.76).toarray().tolist()[0] == [0.5, 0, 2, 0, 1]
    assert keep_mass(vectors(ROWS), 0.5).toarray().tolist()[1:] == [[0] * 5, [3, 3, 3, 0, 0]]
    assert keep_mass(vectors(ROWS), 1).toarray().tolist() == ROWS


@pytest.mark.parametrize("most", [1, 3, 7, 100])
def test_the_heaviest_dimensions_of_many_vectors(most):
    pruned = keep_heaviest(made(most), most)
    expected = [only(row, set(heaviest_first(row)[:most])) for row in made(most).toarray().tolist()]
    assert pruned.toarray().tolist() == expected and pruned.has_canonical_format


@pytest.mark.parametrize("share", [0.1, 0.5, 0.9, 1.0])
def test_the_mass_of_many_vectors(share):
    expected = []
    for row in made(5).toarray().tolist():
        kept, held = set(), 0.0
        for j in heaviest_first(row):
            if held >= share * sum(row):
                break
            kept.add(j)
            held += row[j]
        expected.append(only(row, kept))
    assert keep_mass(made(5), share).toarray().tolist() == expected


@pytest.mark.parametrize("prune", [lambda rows: keep_heaviest(rows, 3), lambda rows: keep_mass(rows, 0.7)])
def test_a_vector_does_not_depend_on_the_others_of_its_batch(prune):
    # Weights whose sums round: a sum over a batch would differ from that of a vector.
    rows = sparse.csr_array(np.random.default_rng(2).random((50, 40), dtype=np.float32))
    whole = prune(rows).toarray()
    apart = np.concatenate([prune(rows[start : start + 7]).toarray() for start in range(0, 50, 7)])
    assert np.array_equal(whole, apart)


def test_repeated_and_unsorted_entries_and_zeros_are_put_in_order():
    twice = sparse.csr_array((np.float32([1, 4, 2, 0]), [2, 0, 2, 1], [0, 4]), shape=(1, 3))
    tidy = canonical(twice)
    assert tidy.indices.tolist() == [0, 2] and tidy.data.tolist() == [4, 3]
    assert twice.nnz == 4, "the vectors were changed in place"
    assert keep_heaviest(twice, 1).toarray().tolist() == [[4, 0, 0]]


def test_levels_by_hand():
    levels = to_levels(vectors([[2, 1, 0.003, 0.005]]), 2.0)
    # 1 is half of the largest: 127.5, which rounds to the even 128; 0.003 is nearer to 0 than to 1 / 255 of 2.
    assert levels.toarray().tolist() == [[255, 128, 0, 1]] and levels.dtype == np.uint8 and levels.nnz == 3
    assert from_levels(levels, 2.0).toarray().tolist() == [[2, np.float32(256 / 255), 0, np.float32(2 / 255)]]


def test_rounded_weights_are_within_half_a_level():
    rows = made(9)
    largest = float(rows.data.max())
    back = from_levels(to_levels(rows, largest), largest).toarray()
    assert np.abs(back - rows.toarray()).max() <= largest / 510 + 1e-7
    assert to_levels(sparse.csr_array((2, 3), dtype=np.float32), 0.0).nnz == 0


def test_what_cannot_be_is_refused():
    with pytest.raises(ValueError, match="a vector keeps at least 1 dimension, got 0"):
        keep_heaviest(vectors(ROWS), 0)
    for share in (0, -1, 1.1, float("nan")):
        with pytest.raises(ValueError, match="must be above 0 and at most 1"):
            keep_mass(vectors(ROWS), share)
    for row in ([1, -1], [3, 1]):
        with pytest.raises(ValueError, match="do not fit into levels from 0 to 2"):
            to_levels(vectors([row]), 2.0)
