"""Queries without a model: what a batch of them weighs, and the folder of an encoder whose two sides differ.

A token weighs its inverse document frequency (`sembridge.encoder.idf`), as encoders of this kind do (Geng et al. 2024, arXiv 2411.04403).
"""

from __future__ import annotations

import tempfile
from pathlib import Path
from typing import Any, Literal

import torch

ACTIVATION: Literal["log1p_relu"] = (
    "log1p_relu"  # of documents: log1p is applied twice, as the third generation of these encoders does
)


def weigh(weights: torch.Tensor, texts: dict[str, torch.Tensor]) -> torch.Tensor:
    """[B, V] representations of a padded batch of queries: the weight of each token that is there, however often."""
    present = torch.zeros(len(texts["input_ids"]), len(weights))
    present.scatter_reduce_(1, texts["input_ids"], texts["attention_mask"].float(), "amax")
    return present * weights


def save(out: Path, model: Any, tokenizer: Any, weights: torch.Tensor) -> None:
    """Write a sentence-transformers folder with one Router: token weights for queries, the masked LM and its pooling for documents."""
    from sentence_transformers import SparseEncoder
    from sentence_transformers.base.modules.router import Router
    from sentence_transformers.sparse_encoder.modules import SparseStaticEmbedding, SpladePooling, Transformer

    with tempfile.TemporaryDirectory() as plain:  # a Transformer module is made from a folder only
        model.save_pretrained(plain)
        tokenizer.save_pretrained(plain)
        document = Transformer(plain, transformer_task="fill-mask")
        query = SparseStaticEmbedding(tokenizer, weights, frozen=True)
        router = Router.for_query_document(
            [query], [document, SpladePooling("max", ACTIVATION, embedding_dimension=len(weights))]
        )
        SparseEncoder(modules=[router], similarity_fn_name="dot").save_pretrained(str(out), create_model_card=False)
