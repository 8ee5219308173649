"""Encoders to convert to graphs: further families than `families_made`, prompts, and further poolings."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import torch
from sentence_transformers import SparseEncoder
from sentence_transformers.sparse_encoder.modules import SpladePooling, Transformer
from transformers import ModernBertConfig, ModernBertForMaskedLM, XLMRobertaConfig, XLMRobertaForMaskedLM

from tests.helpers.families_made import FAMILIES, POSITIONS, family_folder, with_marks
from tests.helpers.tokenizers_made import made_tokenizer

MORE = ("xlm-roberta", "modernbert")
ALL = (*FAMILIES, *MORE)


def graph_folder(folder: Path, family: str) -> str:
    """Write an encoder of a family of ALL, its weights drawn so that none is zero; returns the folder."""
    if family in FAMILIES:
        return family_folder(folder, family)
    kind = {"xlm-roberta": "unigram", "modernbert": "byte-bpe"}[family]
    tokenizer = with_marks(made_tokenizer(kind, "english"), type_ids=False)
    tokenizer.model_max_length = POSITIONS
    body: dict[str, Any] = {"hidden_size": 32, "num_attention_heads": 4, "intermediate_size": 48}
    ids = {"bos_token_id": 0, "eos_token_id": 2, "pad_token_id": tokenizer.pad_token_id}
    with torch.random.fork_rng(devices=[]):
        if family == "xlm-roberta":
            sizes = {"max_position_embeddings": POSITIONS + tokenizer.pad_token_id + 1, "type_vocab_size": 1}
            config: Any = XLMRobertaConfig(vocab_size=len(tokenizer), num_hidden_layers=2, **sizes, **body, **ids)
            model: Any = XLMRobertaForMaskedLM(config)
        else:  # layers with a window of 4 tokens and layers without
            windows = {"local_attention": 4, "global_attn_every_n_layers": 2, "max_position_embeddings": POSITIONS}
            more = {"cls_token_id": 0, "sep_token_id": 2}
            config = ModernBertConfig(vocab_size=len(tokenizer), num_hidden_layers=4, **windows, **body, **ids, **more)
            model = ModernBertForMaskedLM(config)
    generator = torch.Generator().manual_seed(0)
    with torch.no_grad():
        for name, parameter in model.named_parameters():
            mean = float("norm" in name.lower() and name.endswith("weight"))
            parameter.normal_(mean=mean, std=0.3, generator=generator)
    model.save_pretrained(folder)
    tokenizer.save_pretrained(folder)
    return str(folder)


def pooled_folder(
    folder: Path, strategy: str, activation: str, prompts: dict[str, str] | None = None, family: str = "distilbert"
) -> str:
    """Write an encoder with modules, so with a pooling and prompts of its own; returns the folder."""
    transformer = Transformer(graph_folder(folder / "masked-lm", family), transformer_task="fill-mask")
    pooling = SpladePooling(strategy, activation_function=activation)  # type: ignore[arg-type]
    encoder = SparseEncoder(modules=[transformer, pooling], prompts=prompts)
    encoder.save_pretrained(str(folder / "encoder"), create_model_card=False)
    return str(folder / "encoder")
