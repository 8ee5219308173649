"""Tiny models with random weights, written to disk in the hub's layouts and read by the project's own loaders."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import torch

from sembridge.encoder.loading import load_encoder
from tests.helpers.tokenizers_made import made_tokenizer


def made_encoder_folder(
    folder: Path, *, dropout: float = 0.0, tied: bool = True, bias: float = 0.0, spare: int = 0, seed: int = 0
) -> Path:
    """Write a masked-LM folder: one layer of 32 dimensions, 48 positions, weights and biases drawn at `seed`.

    bias   added to the decoder's biases
    spare  rows of the embedding beyond the tokenizer's vocabulary, as many models on the hub have them
    """
    from transformers import BertConfig, BertForMaskedLM

    tokenizer = made_tokenizer("wordpiece", "english")
    body = {"hidden_size": 32, "num_hidden_layers": 1, "num_attention_heads": 2, "intermediate_size": 48}
    sizes = {"vocab_size": len(tokenizer) + spare, "max_position_embeddings": 48}
    dropouts = {"hidden_dropout_prob": dropout, "attention_probs_dropout_prob": dropout}
    options = {"pad_token_id": tokenizer.pad_token_id, "tie_word_embeddings": tied}
    config = BertConfig(**body, **sizes, **dropouts, **options)
    with torch.random.fork_rng(devices=[]):
        model = BertForMaskedLM(config)
    generator = torch.Generator().manual_seed(seed)
    with torch.no_grad():
        for name, parameter in model.named_parameters():
            if "LayerNorm" not in name:
                parameter.normal_(std=0.1, generator=generator)
        model.cls.predictions.bias += bias
    model.save_pretrained(folder)
    tokenizer.save_pretrained(folder)
    return folder


def made_encoder(folder: Path, **options: Any) -> Any:
    """Return the `SparseEncoder` of `made_encoder_folder`."""
    return load_encoder(str(made_encoder_folder(folder, **options)))


def made_bridge_folder(folder: Path, lines: list[str], *, size: int = 16, seed: int = 0) -> Path:
    """Write a SentenceTransformer of static embeddings with random rows, its WordPiece tokenizer trained on `lines`."""
    from sentence_transformers import SentenceTransformer
    from sentence_transformers.sentence_transformer.modules import StaticEmbedding

    from harness.pocket.tokenizers import wordpiece

    tokenizer = wordpiece(lines, 1000, lowercase=True).backend_tokenizer
    rows = np.random.default_rng(seed).standard_normal((1000, size)).astype(np.float32)
    model = SentenceTransformer(modules=[StaticEmbedding(tokenizer, embedding_weights=rows)])
    model.save_pretrained(str(folder), create_model_card=False)
    return folder


def weights(encoder: Any) -> dict[str, torch.Tensor]:
    """Return a copy of all parameters by name."""
    return {name: parameter.detach().clone() for name, parameter in encoder[0].model.named_parameters()}


def same_bits(left: dict[str, torch.Tensor], right: dict[str, torch.Tensor]) -> bool:
    return left.keys() == right.keys() and all(torch.equal(left[name], right[name]) for name in left)


def largest_difference(left: dict[str, torch.Tensor], right: dict[str, torch.Tensor]) -> float:
    assert left.keys() == right.keys()
    return max(float((left[name] - right[name]).abs().max()) for name in left)
