"""A sparse encoder of BERT-base's shape with random weights, and texts for it: time and memory depend on shapes."""

from __future__ import annotations

import tempfile
from collections.abc import Iterable
from typing import Any

import numpy as np

BIAS, SMALL_BIAS = -2.0, -0.6  # of every output, so that about as few dimensions are active as in a trained encoder
SPECIALS = ("[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]")


def base_encoder(vocabulary: int, *, small: bool = False) -> Any:
    """Return a `SparseEncoder` with `vocabulary` outputs: 12 layers, 768 dimensions (small: 2 and 128).

    Word number i of a text is "w<i>".
    """
    import torch
    from sentence_transformers import SparseEncoder
    from sentence_transformers.sparse_encoder.modules import SpladePooling, Transformer
    from tokenizers import pre_tokenizers
    from transformers import BertConfig, BertForMaskedLM

    words = (f"w{i}" for i in range(vocabulary - len(SPECIALS)))
    tokenizer = word_tokenizer(words, pre_tokenizers.WhitespaceSplit())
    small_shape = {"hidden_size": 128, "num_hidden_layers": 2, "num_attention_heads": 4, "intermediate_size": 512}
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        model = BertForMaskedLM(BertConfig(vocab_size=vocabulary, **(small_shape if small else {})))
    with torch.no_grad():
        model.get_output_embeddings().bias.fill_(SMALL_BIAS if small else BIAS)
    with tempfile.TemporaryDirectory() as folder:
        model.save_pretrained(folder)
        tokenizer.save_pretrained(folder)
        transformer = Transformer(folder, transformer_task="fill-mask")
    return SparseEncoder(modules=[transformer, SpladePooling()], similarity_fn_name="dot").eval()


def word_tokenizer(words: Iterable[str], split: Any) -> Any:
    """Return a tokenizer of SPECIALS and these words; `split` is the pre-tokenizer that cuts texts into words."""
    from tokenizers import Tokenizer, models, processors
    from transformers import PreTrainedTokenizerFast

    ids = {token: place for place, token in enumerate([*SPECIALS, *words])}
    backend = Tokenizer(models.WordLevel(ids, unk_token="[UNK]"))
    backend.pre_tokenizer = split
    marks = [(name, ids[name]) for name in ("[CLS]", "[SEP]")]
    backend.post_processor = processors.TemplateProcessing(single="[CLS] $A [SEP]", special_tokens=marks)
    special = {name.strip("[]").lower() + "_token": name for name in SPECIALS}
    return PreTrainedTokenizerFast(tokenizer_object=backend, model_max_length=512, **special)


def lengths(count: int, seed: int = 0) -> list[int]:
    """Return the tokens of `count` passages: log-normal like web passages (mean 75, one in a hundred above 180)."""
    return np.clip(np.random.default_rng(seed).lognormal(4.25, 0.4, count), 8, 512).astype(int).tolist()


def passages(vocabulary: int, sizes: list[int], seed: int = 0) -> list[str]:
    """Return texts of these numbers of tokens, the two special ones included."""
    rng = np.random.default_rng(seed)
    return [" ".join(f"w{i}" for i in rng.integers(0, vocabulary - len(SPECIALS), size - 2)) for size in sizes]
