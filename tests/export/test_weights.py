"""Weights as text, and as engines hold them: worked out by hand, or by the rule that an engine documents."""

from __future__ import annotations

import json

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import sparse

from harness.export.weights import byte, csr, folded, half, integers, nine_bits, shortest


def row(*weights: float) -> sparse.csr_array:
    return sparse.csr_array(np.array([weights], dtype=np.float32))


@given(st.floats(min_value=2.0**-126, max_value=1e6, width=32))
def test_the_text_gives_back_the_same_float32_and_is_json(weight):
    (text,) = shortest(np.array([weight], dtype=np.float32))
    assert np.float32(json.loads(text)) == np.float32(weight)


def test_the_text_is_short():
    assert shortest(np.array([0.4, 1.0, 1e-5, 123.25], dtype=np.float32)) == ["0.4", "1.0", "1e-05", "123.25"]


def test_nine_significant_bits_cut_the_rest_off():
    # 1 + 2^-8 needs nine bits, 1 + 2^-9 ten, and 1.999 is cut to 511/256
    assert nine_bits(row(1.0, 1 + 2**-8, 1 + 2**-9, 1.999, 0.4)).data.tolist() == pytest.approx(
        [1.0, 1 + 2**-8, 1.0, 511 / 256, 409 / 1024], abs=0
    )


@given(st.floats(min_value=2.0**-100, max_value=1e6, width=32))
def test_nine_bits_lose_less_than_one_in_256(weight):
    (held,) = nine_bits(row(weight)).data
    assert held <= weight and weight - held < weight / 256


def test_half_precision():
    assert half(row(1 + 2**-11, 0.1)).data.tolist() == [1.0, float(np.float16(0.1))]


def test_a_byte_below_a_ceiling():
    assert byte(row(2.0, 1.0, 0.003, 0.005, 9.0), 2.0).data.tolist() == [255, 128, 0, 1, 255]


def test_integers_round():
    assert integers(np.array([0.4, 0.0004, 0.0006, 1.2344], dtype=np.float32), 1000).tolist() == [400, 0, 1, 1234]


def test_ids_that_meet_keep_the_larger_weight():
    matrix = csr([([1, 2, 5], [0.5, 1.0, 2.0]), ([6], [3.0])], 7)
    assert folded(matrix, 4).toarray().tolist() == [[0, 2.0, 1.0, 0], [0, 0, 3.0, 0]]
    assert folded(matrix, 7) is matrix


def test_a_matrix_of_no_rows():
    assert csr([], 5).shape == (0, 5) and csr([([], [])], 5).nnz == 0
