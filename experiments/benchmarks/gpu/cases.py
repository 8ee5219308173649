"""The sides of the GPU table: three sparse heads over one body, and what else runs on a card."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch

from experiments.benchmarks.gpu.timing import DEVICE, HALF

Head = Callable[[torch.Tensor, torch.Tensor, torch.Tensor, torch.Tensor], torch.Tensor]
WIDTH = 768


def eager(hidden: torch.Tensor, mask: torch.Tensor, weight: torch.Tensor, bias: torch.Tensor) -> torch.Tensor:
    """Return weights [B, V] as sentence-transformers' SpladePooling computes them, over all logits [B, L, V]."""
    logits = torch.nn.functional.linear(hidden, weight, bias)
    logits = (logits * mask.unsqueeze(-1).to(logits.dtype)).relu_()
    return (logits.log1p() if torch.is_grad_enabled() else logits.log1p_()).max(1).values


def late(hidden: torch.Tensor, mask: torch.Tensor, weight: torch.Tensor, bias: torch.Tensor) -> torch.Tensor:
    """Return the same with the saturation after the maximum, which saves memory: the best that PyTorch can do."""
    logits = torch.nn.functional.linear(hidden, weight, bias)
    return torch.log1p(torch.relu((logits * mask.unsqueeze(-1).to(logits.dtype)).max(1).values))


def ours(hidden: torch.Tensor, mask: torch.Tensor, weight: torch.Tensor, bias: torch.Tensor) -> torch.Tensor:
    """Return the same by our kernels."""
    from sembridge.encoder.triton_head import masked_max_logits

    return torch.log1p(torch.relu(masked_max_logits(hidden, mask, weight, bias)))


def heads(compiled: bool = True) -> dict[str, Head]:
    """Return the heads by name; `compiled` adds torch.compile's two."""
    sides: dict[str, Head] = {"eager": eager}
    if compiled:
        torch._dynamo.reset()
        sides["torch.compile"] = torch.compile(eager, dynamic=False)
        sides["torch.compile, saturated late"] = torch.compile(late, dynamic=False)
    return {**sides, "ours": ours}


def tensors(texts: int, length: int, size: int, width: int = WIDTH, active: float = 1.0) -> list[torch.Tensor]:
    """Return hidden [B, L, D], mask [B, L], weight [V, D] and bias [V] in 16 bits; about `active` outputs fire."""
    generator = torch.Generator(DEVICE).manual_seed(0)
    kind: dict[str, Any] = {"generator": generator, "device": DEVICE, "dtype": HALF}
    hidden, weight = torch.randn(texts, length, width, **kind), torch.randn(size, width, **kind) * 0.02
    mask = torch.ones(texts, length, dtype=torch.long, device=DEVICE)
    bias = torch.zeros(size, device=DEVICE, dtype=HALF)
    if active < 1:
        with torch.no_grad():
            sample = ours(hidden[:1], mask[:1], weight, bias).expm1()
        bias -= torch.quantile(sample[0, :100_000], 1 - active).to(bias.dtype)
    return [hidden.requires_grad_(), mask, weight.requires_grad_(), bias.requires_grad_()]


def backward(head: Head, arguments: list[torch.Tensor], upstream: torch.Tensor) -> None:
    """Compute the head and its gradients, as a training does."""
    for tensor in arguments:
        tensor.grad = None
    (head(*arguments).float() * upstream).sum().backward()


class Step:
    """A training step of an encoder of BERT-base's shape on pairs of texts, under autocast, with a given head."""

    def __init__(self, size: int, pairs: int, length: int, small: bool = False):
        from transformers import BertConfig, BertForMaskedLM

        shape = {"hidden_size": 128, "num_hidden_layers": 2, "num_attention_heads": 2} if small else {}
        torch.manual_seed(0)
        self.model = (
            BertForMaskedLM(BertConfig(vocab_size=size, attn_implementation="sdpa", **shape)).to(DEVICE).train()
        )
        self.optimizer = torch.optim.AdamW(self.model.parameters(), lr=2e-5, fused=True)
        self.size, self.length = size, length
        self.set_pairs(pairs)

    def set_pairs(self, pairs: int) -> None:
        generator = torch.Generator(DEVICE).manual_seed(1)
        places = (2, pairs, self.length)
        self.ids = torch.randint(5, self.size, places, generator=generator, device=DEVICE)
        self.mask = torch.ones(places, dtype=torch.long, device=DEVICE)
        self.keys = torch.arange(pairs, device=DEVICE)

    def __call__(self, head: Head) -> float:
        from harness.training.loss import flops, info_nce
        from sembridge.encoder.decoder_input import decoder_input

        decoder = self.model.get_output_embeddings()
        sides = []
        for ids, mask in zip(self.ids, self.mask, strict=True):
            with torch.autocast(DEVICE, torch.bfloat16, enabled=DEVICE == "cuda"):
                hidden = decoder_input(self.model, {"input_ids": ids, "attention_mask": mask})
                assert hidden is not None
                sides.append(head(hidden, mask, decoder.weight, decoder.bias).float())
        loss = info_nce(*sides, self.keys, 0.01) + 3e-5 * (flops(sides[0]) + flops(sides[1]))
        loss.backward()
        torch.nn.utils.clip_grad_norm_(self.model.parameters(), 1.0)
        self.optimizer.step()
        self.optimizer.zero_grad(set_to_none=False)
        return float(loss.detach())

    def of_pairs(self, head: Head) -> Callable[[int], None]:
        """Return a function that makes a step with a number of pairs and gives its gradients' memory back."""

        def work(pairs: int) -> None:
            try:
                self.set_pairs(pairs)
                self(head)
            finally:
                self.optimizer.zero_grad(set_to_none=True)

        return work
