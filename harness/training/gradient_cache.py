"""Encode a worker's part of a batch so that its gradient can be computed a few texts at a time.

The loss needs the whole batch, but the memory of activations need not grow with it (gradient cache: Gao et al. 2021,
arXiv 2101.06983). All texts are encoded without storing activations, and the loss is differentiated with respect to the
representations alone. Then every micro batch is encoded again, from the same random state, and propagates its part of
that gradient to the parameters. Each text is encoded twice; loss and gradient are those of the whole batch.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import torch

from harness.training.settings import TrainingSettings
from sembridge.encoder.head import arithmetic, encode, pad, tokenize
from sembridge.encoder.modules import side_prompt, splade_modules


def representations(
    encoder: Any, side: str, texts: Sequence[str], settings: TrainingSettings
) -> tuple[torch.Tensor, Callable[[], None]]:
    """Return the texts' representations, [B, V] float32, and a function that brings their gradient to the parameters.

    Call the function after the backward pass of the loss.
    """
    size = settings.micro_batch
    if size is None or size >= len(texts):
        return _encode(encoder, side, texts, settings), lambda: None
    device = splade_modules(encoder).model.device
    micro_batches = [texts[start : start + size] for start in range(0, len(texts), size)]
    states, vectors = [], []
    with torch.no_grad():
        for micro_batch in micro_batches:
            states.append(_random_state(device))
            vectors.append(_encode(encoder, side, micro_batch, settings))
    cached = torch.cat(vectors).requires_grad_()

    def backward() -> None:
        assert cached.grad is not None, "the loss was not differentiated"
        with torch.random.fork_rng(devices=[device] if device.type == "cuda" else []):
            for micro_batch, state, gradient in zip(micro_batches, states, cached.grad.split(size), strict=True):
                _set_random_state(device, state)
                again = _encode(encoder, side, micro_batch, settings)
                if again.requires_grad:  # False if queries are looked up in fixed weights
                    again.backward(gradient)

    return cached, backward


def _encode(encoder: Any, side: str, texts: Sequence[str], settings: TrainingSettings) -> torch.Tensor:
    device = splade_modules(encoder).model.device
    prompt = side_prompt(encoder, side)
    ids = tokenize(encoder, [prompt + text for text in texts], side, settings.max_length)
    with arithmetic(device, settings.precision):
        return encode(encoder, pad(ids, splade_modules(encoder).tokenizer.pad_token_id, device), side).float()


def _random_state(device: torch.device) -> torch.Tensor:
    return torch.cuda.get_rng_state(device) if device.type == "cuda" else torch.get_rng_state()


def _set_random_state(device: torch.device, state: torch.Tensor) -> None:
    if device.type == "cuda":
        torch.cuda.set_rng_state(state, device)
    else:
        torch.set_rng_state(state)
