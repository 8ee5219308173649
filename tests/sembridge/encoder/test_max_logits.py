"""`max_logits` against all logits and autograd: values, gradients, ties, texts without tokens, extremes, memory."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from torch.utils._python_dispatch import TorchDispatchMode

from sembridge.encoder import max_logits as module
from sembridge.encoder.max_logits import max_logits, max_logits_chunks
from tests.helpers.triton_device import NEEDS_GPU

DEVICES = ["cpu", pytest.param("cuda", marks=[NEEDS_GPU, pytest.mark.gpu])]
SHAPES = [  # lengths of the texts, D, V, logits held at a time
    ([1], 1, 1, 1),
    ([3, 1, 2], 4, 5, 12),
    ([7, 7, 7], 8, 33, 100),
    ([5, 9, 9, 1, 30], 16, 1003, 54 * 64),
    ([0, 4, 0, 0, 4], 6, 50, 8 * 7),
    ([2] * 40, 3, 9, 10**9),
]


@pytest.fixture(params=SHAPES, ids=lambda shape: f"{shape[0][:5]}-{shape[1]}-{shape[2]}")
def shape(request, monkeypatch):
    """Small chunks of the vocabulary, so that there are several and the last is shorter."""
    lengths, dimensions, outputs, logits = request.param
    monkeypatch.setattr(module, "LOGITS", {"cpu": logits, "cuda": logits})
    monkeypatch.setattr(module, "NARROWEST", 1)
    monkeypatch.setattr(module, "ROWS", 7)
    return lengths, dimensions, outputs


def random_tensors(
    lengths: list[int],
    dimensions: int,
    outputs: int,
    *,
    device: str = "cpu",
    dtype: torch.dtype = torch.float64,
    whole: bool = False,
) -> Any:
    """hidden, weight, bias; whole: small integers, whose products are exact and often equal."""
    generator = torch.Generator().manual_seed(sum(lengths) + outputs)
    tensors = [
        torch.randn(size, generator=generator, dtype=torch.float64)
        for size in ((sum(lengths), dimensions), (outputs, dimensions), (outputs,))
    ]
    return [(tensor.round() if whole else tensor).to(device, dtype).requires_grad_() for tensor in tensors]


def expected(hidden: torch.Tensor, lengths: list[int], weight: torch.Tensor, bias: torch.Tensor | None) -> torch.Tensor:
    """All logits, then torch.max of each text."""
    logits = torch.nn.functional.linear(hidden, weight, bias)
    return torch.stack(
        [text.max(0)[0] if len(text) else torch.full_like(weight[:, 0], -torch.inf) for text in logits.split(lengths)]
    )


def gradients(function: Any, lengths: list[int], tensors: list[torch.Tensor]) -> list[torch.Tensor]:
    hidden, weight, bias = tensors
    weights = torch.log1p(torch.relu(function(hidden, lengths, weight, bias)))
    upstream = torch.linspace(-1, 1, weights.numel(), dtype=weights.dtype, device=weights.device).view_as(weights)
    return list(torch.autograd.grad((weights * upstream).sum(), [hidden, weight, bias]))


@pytest.mark.parametrize("device", DEVICES)
def test_values_and_gradients_are_those_of_all_logits(shape, device):
    tensors = random_tensors(*shape, device=device)
    maxima = max_logits(tensors[0], shape[0], *tensors[1:])
    torch.testing.assert_close(maxima, expected(tensors[0], shape[0], *tensors[1:]), rtol=1e-12, atol=1e-12)
    for ours, theirs in zip(
        gradients(max_logits, shape[0], tensors), gradients(expected, shape[0], tensors), strict=True
    ):
        torch.testing.assert_close(ours, theirs, rtol=1e-12, atol=1e-12)


@pytest.mark.parametrize("device", DEVICES)
def test_in_float32_gradients_are_within_1e_5_of_autograd(device):
    lengths = [64, 3, 40]
    tensors = random_tensors(lengths, 256, 9001, device=device, dtype=torch.float32)
    for ours, theirs in zip(
        gradients(max_logits, lengths, tensors), gradients(expected, lengths, tensors), strict=True
    ):
        assert (ours - theirs).abs().max() <= 1e-5 * theirs.abs().max()


def test_pieces_are_the_whole(shape):
    hidden, weight, bias = random_tensors(*shape)
    whole = max_logits(hidden, shape[0], weight, bias)
    with torch.no_grad():
        pieces = list(max_logits_chunks(hidden, shape[0], weight, bias))
    assert [start for start, _ in pieces] == [sum(p.shape[1] for _, p in pieces[:i]) for i in range(len(pieces))]
    assert torch.equal(torch.cat([piece for _, piece in pieces], dim=1), whole)


def test_the_first_of_equal_tokens_gets_the_gradient():
    lengths = [6, 1, 8, 8]
    hidden, weight, bias = random_tensors(lengths, 2, 40, whole=True)
    logits = torch.nn.functional.linear(hidden, weight, bias)
    upstream = torch.arange(1.0, 161, dtype=torch.float64).view(4, 40)
    by_hand = torch.zeros_like(logits)
    ties = first = 0
    for text, length in enumerate(lengths):
        for output in range(40):
            column = logits[first : first + length, output].tolist()
            ties += column.count(max(column)) > 1
            by_hand[first + column.index(max(column)), output] = upstream[text, output]
        first += length
    assert ties > 40
    by_autograd = torch.autograd.grad(
        (max_logits(hidden, lengths, weight, bias) * upstream).sum(), [hidden, weight, bias]
    )
    for ours, theirs in zip(by_autograd, (by_hand @ weight, by_hand.T @ hidden, by_hand.sum(0)), strict=True):
        assert torch.equal(ours, theirs)


def test_without_bias_and_with_parts_that_do_not_learn():
    lengths = [2, 5]
    hidden, weight, _ = random_tensors(lengths, 4, 30)
    torch.testing.assert_close(max_logits(hidden, lengths, weight, None), expected(hidden, lengths, weight, None))
    for learns, fixed in ((hidden, weight), (weight, hidden)):
        arguments = {id(hidden): hidden, id(weight): weight, id(fixed): fixed.detach()}
        ours, theirs = (
            torch.autograd.grad(function(arguments[id(hidden)], lengths, arguments[id(weight)], None).sum(), learns)[0]
            for function in (max_logits, expected)
        )
        torch.testing.assert_close(ours, theirs)


def test_texts_that_activate_nothing_have_no_gradient():
    lengths = [3, 4]
    hidden, weight, bias = random_tensors(lengths, 4, 30)
    with torch.no_grad():
        bias -= 1000
    assert all(not gradient.any() for gradient in gradients(max_logits, lengths, [hidden, weight, bias]))


def test_gradients_accumulate_over_calls():
    lengths = [3, 4]
    tensors = random_tensors(lengths, 4, 30)
    for _ in range(2):
        torch.relu(max_logits(tensors[0], lengths, *tensors[1:])).sum().backward()
    once = torch.autograd.grad(torch.relu(expected(tensors[0], lengths, *tensors[1:])).sum(), tensors)
    for tensor, gradient in zip(tensors, once, strict=True):
        torch.testing.assert_close(tensor.grad, 2 * gradient)


@pytest.mark.parametrize("extreme", [1e30, -1e30, float("inf"), float("-inf")])
def test_extreme_logits(extreme):
    lengths = [2, 3]
    hidden, weight, bias = random_tensors(lengths, 1, 20, dtype=torch.float32)
    with torch.no_grad():
        weight.abs_()
        hidden.copy_(torch.tensor([[1.0], [extreme], [0.5], [0.25], [2.0]]))
    maxima = max_logits(hidden, lengths, weight, bias)
    torch.testing.assert_close(maxima, expected(hidden, lengths, weight, bias))
    if abs(extreme) < float("inf"):
        for ours, theirs in zip(gradients(max_logits, lengths, [hidden, weight, bias]),
                                gradients(expected, lengths, [hidden, weight, bias]), strict=True):  # fmt: skip
            torch.testing.assert_close(ours, theirs)
    else:
        assert all(
            gradient[2:].isfinite().all() for gradient in gradients(max_logits, lengths, [hidden, weight, bias])[:1]
        )


def test_nan_is_not_hidden():
    hidden, weight, bias = random_tensors([2, 2], 3, 10)
    with torch.no_grad():
        hidden[0, 0] = float("nan")
    maxima = max_logits(hidden, [2, 2], weight, bias)
    assert maxima[0].isnan().all() and maxima[1].isfinite().all()


@pytest.mark.parametrize("device", DEVICES)
def test_autocast(device):
    lengths = [40, 9, 40]
    tensors = random_tensors(lengths, 64, 3000, device=device, dtype=torch.float32)
    with torch.autocast(device, torch.bfloat16):
        maxima = max_logits(tensors[0], lengths, *tensors[1:])
        ours = gradients(max_logits, lengths, tensors)
        theirs = gradients(expected, lengths, tensors)
    rounded = [tensor.detach().bfloat16() for tensor in tensors[:2]]
    logits = (rounded[0] @ rounded[1].T).float()
    by_hand = torch.stack([text.max(0)[0] for text in logits.split(lengths)]) + tensors[2]
    assert maxima.dtype == torch.float32 and (maxima - by_hand).abs().max() <= 2**-7 * logits.abs().max()
    assert not torch.equal(maxima, max_logits(tensors[0], lengths, *tensors[1:]))
    for mine, autograd in zip(ours, theirs, strict=True):
        assert mine.dtype == torch.float32 and mine.isfinite().all()
        assert torch.cosine_similarity(mine.flatten(), autograd.flatten(), dim=0) > 0.97


def test_a_model_in_bfloat16():
    lengths = [5, 6]
    tensors = random_tensors(lengths, 8, 300, dtype=torch.bfloat16)
    ours = gradients(max_logits, lengths, tensors)
    assert [gradient.dtype for gradient in ours] == [torch.bfloat16] * 3
    assert (
        torch.cosine_similarity(
            ours[1].float().flatten(), gradients(expected, lengths, tensors)[1].float().flatten(), dim=0
        )
        > 0.97
    )


class Largest(TorchDispatchMode):
    """Numbers of elements of what operations return, sparse matrices left out."""

    def __init__(self) -> None:
        super().__init__()
        self.numbers: list[int] = []

    def __torch_dispatch__(self, function: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        returned = function(*args, **(kwargs or {}))
        tensors = [
            item
            for item in (returned if isinstance(returned, tuple) else (returned,))
            if isinstance(item, torch.Tensor)
        ]
        self.numbers += [tensor.numel() for tensor in tensors if tensor.layout == torch.strided]
        return returned


def test_the_logits_of_all_tokens_are_never_held(monkeypatch):
    monkeypatch.setattr(module, "LOGITS", {"cpu": 4096})
    lengths = [100, 60]
    tensors = random_tensors(lengths, 8, 5000)
    for function, keeps_all in ((max_logits, False), (expected, True)):
        with Largest() as seen:
            gradients(function, lengths, tensors)
        assert (max(seen.numbers) >= 160 * 5000) == keeps_all
        assert keeps_all or max(seen.numbers) <= 8 * 5000, "nothing larger than the weights"
