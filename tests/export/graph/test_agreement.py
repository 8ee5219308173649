"""How vectors of a graph differ from the encoder's, by hand."""

from __future__ import annotations

import numpy as np
import pytest

from harness.export.graph.agreement import compare
from harness.export.weights import csr


def test_equal_vectors_agree():
    vectors = csr([([0, 2], [1.0, 2.0]), ([], [])], 4)
    found = compare(vectors, vectors)
    assert (found.texts, found.difference, found.alike, found.one_sided) == (2, 0.0, 2, 0) and found.agrees


def test_a_dimension_on_one_side_only_is_counted_with_its_weight():
    own = csr([([0, 1], [1.0, 2.0]), ([2], [0.5])], 4)
    other = csr([([0, 1, 3], [1.0, 2.25, 0.125]), ([2], [0.5])], 4)
    found = compare(own, other)
    assert (found.difference, found.alike, found.one_sided, found.heaviest) == (0.25, 1, 1, 0.125)
    assert found.largest == 2.0 and not found.agrees


def test_stored_zeros_are_not_active():
    found = compare(csr([([0, 1], [1.0, 0.0])], 3), csr([([0, 2], [1.0, 0.0])], 3))
    assert (found.alike, found.one_sided, found.heaviest) == (1, 0, 0.0)


@pytest.mark.parametrize(("share", "agrees"), [(1e-4, True), (1e-2, False)])
def test_what_rounding_explains_grows_with_the_weights(share, agrees):
    found = compare(csr([([0], [200.0])], 1), csr([([0], [200.0 * (1 + share)])], 1))
    assert found.agrees == agrees


def test_a_weight_that_is_not_a_number_does_not_agree():
    found = compare(csr([([0], [1.0])], 1), csr([([0], [np.nan])], 1))
    assert found.difference == np.inf and not found.agrees
