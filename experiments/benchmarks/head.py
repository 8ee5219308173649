"""The sparse head alone, decoder and pooling, forward and backward, against SpladePooling over all logits."""

from __future__ import annotations

from typing import Any

from experiments.benchmarks.measure import Row, compare

HELP = "decoder and pooling, 16 texts of 128 tokens, against a linear layer and SpladePooling"
TEXTS, TOKENS, DIMENSIONS = 16, 128, 768


def rows(quick: bool) -> list[Row]:
    sizes = [(vocabulary // (16 if quick else 1), less) for vocabulary, less in ((30_522, 10), (119_547, 20))]
    return [row for vocabulary, less in sizes for row in _rows(vocabulary, less, 1 if quick else 3)]


def _rows(vocabulary: int, less: int, rounds: int) -> list[Row]:
    import torch
    from sentence_transformers.sparse_encoder.modules import SpladePooling

    from sembridge.encoder.max_logits import max_logits

    generator = torch.Generator().manual_seed(0)
    hidden = torch.randn(TEXTS * TOKENS, DIMENSIONS, generator=generator)  # as after a layer norm
    weight = torch.randn(vocabulary, DIMENSIONS, generator=generator) * 0.02
    parameters = [tensor.requires_grad_() for tensor in (hidden, weight, torch.zeros(vocabulary))]
    upstream = torch.rand(TEXTS, vocabulary, generator=generator)
    mask = torch.ones(TEXTS, TOKENS, dtype=torch.long)
    pooling = SpladePooling()

    def ours() -> Any:
        return torch.log1p(torch.relu(max_logits(hidden, [TOKENS] * TEXTS, *parameters[1:])))

    def theirs() -> Any:
        logits = torch.nn.functional.linear(hidden, *parameters[1:]).view(TEXTS, TOKENS, vocabulary)
        return pooling({"token_embeddings": logits, "attention_mask": mask})["sentence_embedding"]

    def backward(side: Any) -> None:
        pooling.train()
        for parameter in parameters:
            parameter.grad = None
        (side() * upstream).sum().backward()

    def forward(side: Any) -> None:
        pooling.eval()
        with torch.no_grad():
            side()

    against = "linear layer and SpladePooling"
    shape = f"{TEXTS} texts of {TOKENS} tokens, V {vocabulary:,}"
    note = "nearly every output of every text is active: the most our sparse backward pass can have to do"
    rows = []
    for job, work, goal, note_text in (
        ("head forward", forward, None, f"goal: {less} x less memory"),
        ("head forward and backward", backward, 4.0, f"goal: 4 x less memory; {note}"),
    ):
        sides = [lambda work=work, side=side: work(side) for side in (ours, theirs)]
        rows.append(compare(f"{job}, {shape}", against, *sides, rounds=rounds, goal=goal, note=note_text))
    return rows
