"""The kernels of the sparse head against all logits and autograd, on a GPU or in Triton's interpreter."""

from __future__ import annotations

import itertools

import numpy as np
import pytest
import torch

from sembridge.encoder import head, triton_head
from sembridge.encoder.head import encode, encode_sparse, pad
from sembridge.encoder.max_logits import max_logits
from sembridge.encoder.triton_head import fits, masked_max_logits
from tests.helpers.encoders_made import made_encoder
from tests.helpers.triton_device import DEVICE, HALF, NEEDS_TRITON

pytestmark = [NEEDS_TRITON, pytest.mark.gpu]
SHAPES = [(3, 21, 24, 40), (9, 5, 8, 9), (1, 1, 8, 1)]  # B, L, D, V


@pytest.fixture(params=[True, False], ids=["blocks by descriptors", "by pointers"])
def described(request, monkeypatch):
    """The two ways to load blocks: a card that has the unit for it can do both."""
    monkeypatch.setattr(triton_head, "loads_blocks", lambda device: request.param)


def made(shape, dtype=torch.float32, whole=False, seed=0):
    """hidden, weight, bias, and a mask with pads on both sides and within; whole: small integers, often equal."""
    texts, length, width, size = shape
    generator = torch.Generator().manual_seed(seed)
    tensors = [torch.randn(sizes, generator=generator) for sizes in ((texts, length, width), (size, width), (size,))]
    mask = (torch.rand((texts, length), generator=generator) > 0.4).long()
    mask[:, length // 2] = 1
    if texts > 2:
        mask[1] = 0
    tensors = [(tensor.round() if whole else tensor).to(DEVICE, dtype).requires_grad_() for tensor in tensors]
    return *tensors, mask.to(DEVICE)


def plain(hidden, mask, weight, bias):
    """All logits in float64, then torch.max of each text."""
    logits = torch.nn.functional.linear(hidden.double(), weight.double(), None if bias is None else bias.double())
    return logits.masked_fill(mask[:, :, None] == 0, -torch.inf).max(1)[0]


def gradients(function, hidden, weight, bias, mask):
    return gradients_of(function(hidden, mask, weight, bias), hidden, weight, bias)


def gradients_of(largest, *learning):
    weights = torch.log1p(torch.relu(largest))
    upstream = torch.linspace(-1, 1, weights.numel(), dtype=weights.dtype, device=DEVICE).view_as(weights)
    return torch.autograd.grad((weights * upstream).sum(), learning)


@pytest.mark.parametrize("dtype", [torch.float32, HALF], ids=str)
@pytest.mark.parametrize("shape", SHAPES, ids=str)
def test_values_and_gradients_are_those_of_all_logits(shape, dtype, described):
    hidden, weight, bias, mask = made(shape, dtype)
    largest, expected = masked_max_logits(hidden, mask, weight, bias), plain(hidden, mask, weight, bias)
    assert largest.dtype == torch.float32
    torch.testing.assert_close(largest.double(), expected, rtol=1e-5, atol=1e-5)
    rounding = torch.finfo(dtype).eps
    for ours, theirs, tensor in zip(
        gradients_of(largest, hidden, weight, bias),
        gradients_of(expected, hidden, weight, bias), (hidden, weight, bias), strict=True,
    ):  # fmt: skip
        assert ours.dtype == tensor.dtype and ours.shape == tensor.shape
        assert (ours - theirs).abs().max() <= 4 * rounding * theirs.abs().max()


@pytest.mark.parametrize(("entries", "piece"), [(1, 3), (2**22, 2)])
def test_how_the_sums_are_divided_changes_only_their_rounding(entries, piece, monkeypatch):
    tensors = made(SHAPES[1])
    whole = gradients(masked_max_logits, *tensors)
    monkeypatch.setattr(triton_head, "ENTRIES", entries)
    monkeypatch.setattr(triton_head, "PIECE", piece)
    for ours, theirs in zip(gradients(masked_max_logits, *tensors), whole, strict=True):
        torch.testing.assert_close(ours, theirs, rtol=1e-5, atol=1e-6)


def test_one_token_with_all_the_maxima():
    """Its gradient is a long sum, divided among programs; the other tokens have none."""
    hidden, weight, bias, mask = made((1, 9, 16, 700))
    with torch.no_grad():
        weight.abs_()
        hidden[:, 4] = 9.0
        mask[:] = 1
    ours, theirs = (gradients(function, hidden, weight, bias, mask)[0] for function in (masked_max_logits, plain))
    torch.testing.assert_close(ours, theirs, rtol=1e-4, atol=1e-4)
    assert ours[:, 4].ne(0).all() and not ours[:, :4].any() and not ours[:, 5:].any()


def test_a_text_of_512_tokens():
    hidden, weight, bias, mask = made((1, 512, 16, 8))
    torch.testing.assert_close(
        masked_max_logits(hidden, mask, weight, bias).double(), plain(hidden, mask, weight, bias), rtol=1e-5, atol=1e-5
    )


def test_the_first_of_equal_tokens_gets_the_gradient():
    """Small integers have exact products. A loop over the pads and tokens of each text finds the first maximum."""
    hidden, weight, bias, mask = made((4, 20, 8, 30), whole=True)
    mask[1] = mask[0].flip(0)
    upstream = torch.arange(1.0, 121.0, device=DEVICE).view(4, 30)
    ours = torch.autograd.grad((masked_max_logits(hidden, mask, weight, bias) * upstream).sum(), [hidden, weight, bias])
    logits = (hidden @ weight.T + bias).masked_fill(mask[:, :, None] == 0, -torch.inf).tolist()
    by_hand, ties = torch.zeros(4, 20, 30), 0
    for text, output in itertools.product(range(4), range(30)):
        column = [line[output] for line in logits[text]]
        ties += column.count(max(column)) > 1
        by_hand[text, column.index(max(column)), output] = upstream[text, output]
    assert ties > 20
    by_hand = by_hand.to(DEVICE)
    assert torch.equal(ours[0], by_hand @ weight)
    assert torch.equal(ours[1], torch.einsum("blv,bld->vd", by_hand, hidden))
    assert torch.equal(ours[2], upstream.sum(0))


def test_ties_are_those_of_the_processors_head():
    hidden, weight, bias, mask = made((3, 21, 8, 50), whole=True)
    mask[1] = torch.tensor([0, 1] * 10 + [1])
    tokens = mask.flatten().nonzero()[:, 0]

    def packed(hidden, mask, weight, bias):
        return max_logits(hidden.flatten(0, 1)[tokens], mask.sum(1).tolist(), weight, bias)

    for ours, theirs in zip(gradients(masked_max_logits, hidden, weight, bias, mask),
                            gradients(packed, hidden, weight, bias, mask), strict=True):  # fmt: skip
        torch.testing.assert_close(ours, theirs, rtol=1e-5, atol=1e-5)


def test_without_bias_without_gradient_and_with_parts_that_do_not_learn(monkeypatch):
    hidden, weight, _, mask = made(SHAPES[0])
    searched, real = [], triton_head._largest
    monkeypatch.setattr(triton_head, "_largest", lambda *given: searched.append(given[-1]) or real(*given))
    with torch.no_grad():
        frozen = masked_max_logits(hidden, mask, weight, None)
    assert searched == [False], "the tokens of the maxima are for the gradient alone"
    assert torch.equal(frozen, masked_max_logits(hidden, mask, weight, None)) and not frozen.requires_grad
    torch.testing.assert_close(frozen.double(), plain(hidden, mask, weight, None), rtol=1e-5, atol=1e-5)
    for learns, arguments in ((hidden, (hidden, mask, weight.detach())), (weight, (hidden.detach(), mask, weight))):
        ours, theirs = (
            torch.autograd.grad(torch.relu(function(*arguments, None)).sum(), learns)[0]
            for function in (masked_max_logits, plain)
        )
        torch.testing.assert_close(ours, theirs, rtol=1e-5, atol=1e-5)


@pytest.mark.parametrize("texts", [0, 2])
def test_no_texts_and_texts_without_tokens(texts):
    hidden, weight, bias, mask = made((texts, 5, 8, 7))
    mask[:] = 0
    largest = masked_max_logits(hidden, mask, weight, bias)
    assert largest.shape == (texts, 7) and bool((largest == -torch.inf).all())
    assert all(not gradient.any() for gradient in gradients(masked_max_logits, hidden, weight, bias, mask))


def test_extremes_and_numbers_that_are_none():
    hidden, weight, bias, mask = made((4, 20, 8, 40))
    with torch.no_grad():
        mask[:] = 1
        weight.abs_()
        hidden[0, 3], hidden[1, 17], hidden[2, 18:], hidden[3, 5, 0] = 1e30, float("inf"), float("nan"), -1e30
    largest = masked_max_logits(hidden, mask, weight, bias)
    assert bool((largest[0] > 1e28).all()) and bool((largest[1] == torch.inf).all())
    assert bool(largest[2].isnan().all()) and bool(largest[3].isfinite().all())
    (of_hidden,) = torch.autograd.grad(largest[2].sum(), hidden)  # the first NaN stands at 18
    torch.testing.assert_close(of_hidden[2, 18], weight.sum(0))
    assert of_hidden[2, 19].eq(0).all() and of_hidden[2, :18].eq(0).all()


def test_pads_do_not_count_whatever_they_hold(described):
    hidden, weight, bias, mask = made(SHAPES[0])
    spoiled = hidden.detach().clone()
    spoiled[mask == 0] = float("nan")
    assert torch.equal(masked_max_logits(spoiled, mask, weight, bias), masked_max_logits(hidden, mask, weight, bias))


def test_two_runs_give_the_same_bits():
    tensors = made(SHAPES[1], HALF)
    first, second = gradients(masked_max_logits, *tensors), gradients(masked_max_logits, *tensors)
    assert all(torch.equal(one, other) for one, other in zip(first, second, strict=True))


@pytest.mark.slow
def test_an_encoder_whose_head_it_computes(tmp_path, monkeypatch):
    """Representations, their gradient and sparse rows are those of the other head; nothing is packed."""
    encoder = made_encoder(tmp_path, bias=-0.3).to(DEVICE)
    encoder[1].activation_function = "log1p_relu"
    batch = pad([[2, 5, 6, 7, 3], [2, 8, 3], [2, 9, 10, 3]], 0, DEVICE)
    expected, sparse = encode(encoder, batch), encode_sparse(encoder, batch)
    expected.square().sum().backward()
    others = {name: parameter.grad.clone() for name, parameter in encoder.named_parameters() if parameter.requires_grad}
    encoder.zero_grad()
    monkeypatch.setattr(triton_head, "fits", lambda *_: True)
    monkeypatch.setattr(head, "max_logits", None)
    monkeypatch.setattr(head, "_packed", None)
    ours = encode(encoder, batch)
    ours.square().sum().backward()
    torch.testing.assert_close(ours, expected, rtol=1e-5, atol=1e-5)
    for name, parameter in encoder.named_parameters():
        if name in others:
            torch.testing.assert_close(parameter.grad, others[name], rtol=1e-3, atol=1e-4)
    rows = encode_sparse(encoder, batch)
    np.testing.assert_allclose(rows.toarray(), sparse.toarray(), atol=1e-5)
    assert 0 < rows.nnz < np.prod(rows.shape)


def test_processors_wide_types_and_odd_widths_are_left_to_other_code():
    hidden = torch.zeros((1, 1, 8), device=DEVICE, dtype=HALF)
    weight = torch.zeros((3, 8), device=DEVICE, dtype=HALF)
    assert fits(hidden, weight) == (DEVICE == "cuda")
    assert not fits(hidden.float(), weight) and not fits(hidden.cpu(), weight.cpu())
    assert not fits(hidden[..., :7], weight[:, :7])
