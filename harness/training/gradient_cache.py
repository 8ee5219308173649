"""Representations of a worker's share of a batch, with a gradient that can be had a few texts at a time.

The loss sees the whole batch, but the memory of an encoder's activations need not grow with it (gradient cache: Gao et al. 2021,
arXiv 2101.06983). All texts are encoded without activations; the loss is computed and differentiated by the representations alone; then every
micro batch is encoded once more, from the same random state, and takes its part of that gradient further to the parameters. Each text is read
twice, and loss and gradient are those of the whole batch.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import torch

from harness.training.settings import TrainingSettings
from sembridge.encoder.head import arithmetic, encode, pad, tokenize
from sembridge.encoder.modules import splade_modules


def representations(
    encoder: Any, side: str, texts: Sequence[str], settings: TrainingSettings
) -> tuple[torch.Tensor, Callable[[], None]]:
    """[B, V] float32 of the texts, and what to call after the backward pass of the loss, to bring its gradient to the parameters."""
    size = settings.micro_batch
    if size is None or size >= len(texts):
        return _encode(encoder, side, texts, settings), lambda: None
    device = splade_modules(encoder).model.device
    shares = [texts[start : start + size] for start in range(0, len(texts), size)]
    states, found = [], []
    with torch.no_grad():
        for share in shares:
            states.append(_random_state(device))
            found.append(_encode(encoder, side, share, settings))
    cached = torch.cat(found).requires_grad_()

    def backward() -> None:
        assert cached.grad is not None, "the loss was not differentiated"
        with torch.random.fork_rng(devices=[device] if device.type == "cuda" else []):
            for share, state, gradient in zip(shares, states, cached.grad.split(size), strict=True):
                _set_random_state(device, state)
                again = _encode(encoder, side, share, settings)
                if again.requires_grad:  # not where queries are looked up in fixed weights
                    again.backward(gradient)

    return cached, backward


def _encode(encoder: Any, side: str, texts: Sequence[str], settings: TrainingSettings) -> torch.Tensor:
    device = splade_modules(encoder).model.device
    prompt = (getattr(encoder, "prompts", None) or {}).get(side) or ""
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
