"""Products by oneDNN: those of float64 up to rounding, differentiable, and only inside their context."""

from __future__ import annotations

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from sembridge.encoder import matmul
from sembridge.encoder.matmul import FEWEST_ROWS, fast_linear, linear
from tests.helpers.products_seen import products_seen

PLENTY = 2 * FEWEST_ROWS


@pytest.fixture
def chosen(monkeypatch):
    return products_seen(monkeypatch)


def operands(
    shape: tuple[int, ...], outputs: int, seed: int = 0, dtype: torch.dtype = torch.float32
) -> list[torch.Tensor]:
    generator = torch.Generator().manual_seed(seed)
    return [
        torch.randn(size, generator=generator).to(dtype).requires_grad_()
        for size in (shape, (outputs, shape[-1]), (outputs,))
    ]


@settings(max_examples=40, deadline=None)
@given(
    texts=st.integers(1, 4),
    tokens=st.integers(FEWEST_ROWS, 90),
    size=st.integers(1, 70),
    outputs=st.integers(1, 90),
    seed=st.integers(0, 9),
)
def test_values_and_gradients_are_those_of_float64(texts, tokens, size, outputs, seed):
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(matmul, "_onednn_is_faster", lambda: True)
        inputs = operands((texts, tokens, size), outputs, seed)
        exact = [tensor.detach().double().requires_grad_() for tensor in inputs]
        result = linear(*inputs)
    assert "Product" in type(result.grad_fn).__name__
    expected = torch.nn.functional.linear(*exact)
    upstream = torch.linspace(-1, 1, expected.numel(), dtype=torch.float64).view_as(expected)
    result.backward(upstream.float())
    expected.backward(upstream)
    torch.testing.assert_close(result.double(), expected, rtol=1e-5, atol=1e-5)
    for ours, theirs in zip(inputs, exact, strict=True):
        torch.testing.assert_close(ours.grad.double(), theirs.grad, rtol=1e-4, atol=1e-4)


def test_operands_may_be_transposed_and_expanded(chosen):
    left, right = torch.randn(20, PLENTY).t(), torch.randn(20, 30).t()
    torch.testing.assert_close(linear(left, right), left @ right.t())
    result = linear(left.clone().requires_grad_(), right)
    result.sum().backward()  # its gradient is one number, expanded
    assert len(chosen) == 3


def test_only_the_gradients_that_are_wanted_are_computed(chosen):
    left, right, bias = operands((PLENTY, 8), 5)
    linear(left, right.detach(), bias.detach()).sum().backward()
    assert left.grad is not None and chosen == [(PLENTY, 8), (PLENTY, 5)]


@pytest.mark.parametrize(
    "left, right",
    [
        (torch.randn(FEWEST_ROWS - 1, 8), torch.randn(5, 8)),
        (torch.randn(8), torch.randn(5, 8)),
        (torch.randn(PLENTY, 8), torch.randn(8)),
        (torch.randn(0, 8), torch.randn(5, 8)),
        (torch.randn(PLENTY, 8).double(), torch.randn(5, 8).double()),
        (torch.randn(PLENTY, 8).bfloat16(), torch.randn(5, 8).bfloat16()),
    ],
    ids=["few rows", "a vector", "a vector on the right", "nothing", "float64", "bfloat16"],
)
def test_what_does_not_fit_is_torchs_own(left, right, chosen):
    assert torch.equal(linear(left, right), torch.nn.functional.linear(left, right)) and not chosen


def test_within_autocast_the_products_stay_autocasts(chosen):
    layer = torch.nn.Linear(8, 5)
    with fast_linear(), torch.autocast("cpu", torch.bfloat16):
        assert layer(torch.randn(PLENTY, 8)).dtype == torch.bfloat16
    assert not chosen


def test_linear_layers_are_redirected_inside_the_context_alone(chosen):
    layer, hidden = torch.nn.Linear(8, 5), torch.randn(2, PLENTY, 8)
    plain = layer(hidden)
    with fast_linear():
        quick = layer(hidden)
        torch.nn.functional.linear(input=hidden, weight=layer.weight, bias=None)
    assert chosen == [(2, PLENTY, 8)] * 2
    layer(hidden)
    assert len(chosen) == 2
    torch.testing.assert_close(quick, plain)


def test_elsewhere_nothing_changes(monkeypatch):
    monkeypatch.setattr(matmul, "_onednn_is_faster", lambda: False)
    left, right, bias = operands((PLENTY, 8), 5)
    with fast_linear():
        assert torch.equal(linear(left, right, bias), torch.nn.functional.linear(left, right, bias))


@pytest.mark.parametrize("path", ["onednn", "blas"])
def test_the_setting_decides(path, monkeypatch):
    monkeypatch.setenv("SEMBRIDGE_PRODUCTS", path)
    left, right, bias = operands((PLENTY, 8), 5)
    ours = "Product" in type(linear(left, right, bias).grad_fn).__name__
    assert ours is (path == "onednn")
