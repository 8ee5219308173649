"""Queries without a model: the weights of a batch of queries, and the folder of an encoder that models documents only.

A query token weighs its inverse document frequency (`sembridge.encoder.idf`), as in Geng et al. 2024, arXiv 2411.04403.
"""

from __future__ import annotations

import tempfile
from pathlib import Path
from typing import Any, Literal

import torch

# Of documents: log1p is applied twice, as the third generation of these encoders does.
ACTIVATION: Literal["log1p_relu"] = "log1p_relu"


def weigh(weights: torch.Tensor, texts: dict[str, torch.Tensor]) -> torch.Tensor:
    """Return [B, V] the encoded queries of a padded batch: the weight of each token that occurs, however often."""
    present = torch.zeros(len(texts["input_ids"]), len(weights))
    present.scatter_reduce_(1, texts["input_ids"], texts["attention_mask"].float(), "amax")
    return present * weights


def save(out: Path, model: Any, tokenizer: Any, weights: torch.Tensor) -> None:
    """Write a sentence-transformers folder: a Router with token weights for queries and the masked LM for documents."""
    from sentence_transformers import SparseEncoder
    from sentence_transformers.base.modules.router import Router
    from sentence_transformers.sparse_encoder.modules import SparseStaticEmbedding, SpladePooling, Transformer

    with tempfile.TemporaryDirectory() as plain:  # a Transformer module can only be read from a folder
        model.save_pretrained(plain)
        tokenizer.save_pretrained(plain)
        document = Transformer(plain, transformer_task="fill-mask")
        query = SparseStaticEmbedding(tokenizer, weights, frozen=True)
        pooling = SpladePooling("max", ACTIVATION, embedding_dimension=len(weights))
        router = Router.for_query_document([query], [document, pooling])
        SparseEncoder(modules=[router], similarity_fn_name="dot").save_pretrained(str(out), create_model_card=False)
