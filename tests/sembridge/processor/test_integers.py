"""Up to which value products of integers are exact: tried, because processors cut sums off without a word."""

from __future__ import annotations

import pytest
import torch

from sembridge.processor import integers


def pairs_in_16_bits(left: torch.Tensor, right: torch.Tensor) -> torch.Tensor:
    """Multiply as AVX2 does: the left side shifted by 128, pairs of products added in 16 bits, then set right."""
    shifted, columns = left.long() + 128, right.long()
    if shifted.shape[1] % 2:
        shifted = torch.nn.functional.pad(shifted, (0, 1))
        columns = torch.nn.functional.pad(columns, (0, 0, 0, 1))
    products = shifted[:, :, None] * columns[None]
    cut = (products[:, ::2] + products[:, 1::2]).clamp(-(2**15), 2**15 - 1)
    return (cut.sum(1) - 128 * right.long().sum(0)).int()


@pytest.fixture
def multiplying(monkeypatch):
    """Let products of integers be computed by a function; returns `largest` for it."""
    monkeypatch.setattr(integers, "_SHAPES", ((5, 4, 16), (3, 2, 7)))

    def largest(multiply) -> int:
        monkeypatch.setattr(torch, "_int_mm", multiply, raising=False)
        return integers.largest.__wrapped__()

    return largest


def test_exact_products_use_all_bits(multiplying):
    assert multiplying(lambda left, right: (left.long() @ right.long()).int()) == 127


def test_products_whose_pairs_are_cut_off_use_fewer(multiplying):
    assert multiplying(pairs_in_16_bits) == 79


def test_products_that_are_wrong_are_not_used(multiplying):
    assert multiplying(lambda left, right: (left.long() @ right.long()).int().clamp(-1000, 1000)) == 0


def test_a_torch_without_them(multiplying, monkeypatch):
    def refuse(left: torch.Tensor, right: torch.Tensor) -> torch.Tensor:
        raise NotImplementedError("'aten::_int_mm' is not available on this backend")

    assert multiplying(refuse) == 0
    monkeypatch.delattr(torch, "_int_mm")
    assert integers.largest.__wrapped__() == 0


@pytest.mark.skipif(not integers.largest(), reason="this PyTorch multiplies no integers exactly")
@pytest.mark.parametrize("shape", [(70, 90, 1024), (3, 1, 5), (1, 40, 385)])
def test_here_they_are_exact(shape):
    rows, columns, terms = shape
    most, generator = integers.largest(), torch.Generator().manual_seed(1)
    left, right = (
        torch.randint(-most, most + 1, (count, terms), dtype=torch.int8, generator=generator)
        for count in (rows, columns)
    )
    assert torch.equal(torch._int_mm(left, right.T).long(), left.long() @ right.long().T)
