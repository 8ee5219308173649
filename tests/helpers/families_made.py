"""Tiny sparse encoders of the four architectures, in their published layouts, and their tokenizers under other ids."""

from __future__ import annotations

import copy
import json
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any, ClassVar

import numpy as np
import torch
from sentence_transformers import SparseEncoder
from sentence_transformers.sparse_encoder.modules import Router, SparseStaticEmbedding, SpladePooling, Transformer
from tokenizers import Tokenizer, processors
from transformers import (
    BertConfig,
    BertForMaskedLM,
    DistilBertConfig,
    DistilBertForMaskedLM,
    PreTrainedTokenizerFast,
    RobertaConfig,
    RobertaForMaskedLM,
)

from sembridge.assembly import assemble
from sembridge.encoder.head import pad
from sembridge.encoder.loading import load_encoder
from sembridge.encoder.modules import splade_modules
from sembridge.initializer import Initialization, Transfer
from tests.helpers.tokenizers_made import english, made_tokenizer

FAMILIES = ("bert", "roberta", "distilbert", "inference-free")
POSITIONS = 24  # tokens a text may have
_KIND = {"bert": "wordpiece", "roberta": "byte-bpe", "distilbert": "wordpiece", "inference-free": "wordpiece"}


@dataclass(frozen=True)
class Copying:
    """Copy what can be copied, mix every third missing row from two donors, sample the rest: all origins, no bridge."""

    name: ClassVar[str] = "copying"
    needs: ClassVar[tuple[str, ...]] = ()

    def __call__(self, transfer: Transfer) -> Initialization:
        import scipy.sparse as sp

        donors = np.flatnonzero(transfer.donors)
        mixture = np.zeros((len(transfer.missing), len(transfer.source)), dtype=np.float32)
        for row in range(0, len(mixture), 3):
            mixture[row, donors[[row % len(donors), (row + 5) % len(donors)]]] = [0.75, 0.25]
        return assemble(transfer, mixture=sp.csr_array(mixture))


def texts() -> list[str]:
    """Return 200 texts of 1 to 40 words: most have known words, some have none, some exceed the model's length."""
    return [*_texts()]


@cache
def _texts() -> tuple[str, ...]:
    rng = np.random.default_rng(5)
    words = " ".join(english()[:20]).split()
    ordinary = [" ".join(rng.choice(words, size=int(size))) for size in rng.integers(1, 13, size=194)]
    unusual = ["Zebra! 안녕, ПЕСНЯ?", "x", "...", "The Captain's (old) bread-market"]
    return (*ordinary, *unusual, " ".join(words[:30]), " ".join(words[:40]))


def with_marks(tokenizer: Any, *, type_ids: bool = True) -> Any:
    """Return the tokenizer with its cls and sep around every text, as published ones have them."""
    cls, sep = tokenizer.cls_token or tokenizer.bos_token, tokenizer.sep_token or tokenizer.eos_token
    backend = Tokenizer.from_str(tokenizer.backend_tokenizer.to_str())
    ids = [(token, tokenizer.convert_tokens_to_ids(token)) for token in (cls, sep)]
    backend.post_processor = processors.TemplateProcessing(single=f"{cls} $A {sep}", special_tokens=ids)
    names = ["input_ids", "token_type_ids", "attention_mask"] if type_ids else ["input_ids", "attention_mask"]
    return wrapped(backend, tokenizer, names)


def wrapped(backend: Tokenizer, like: Any, names: list[str] | None = None) -> Any:
    return PreTrainedTokenizerFast(
        tokenizer_object=backend,
        **like.special_tokens_map,
        model_max_length=like.model_max_length,
        model_input_names=names or like.model_input_names,
    )


def source_tokenizer(family: str) -> Any:
    return with_marks(made_tokenizer(_KIND[family], "english"), type_ids=family == "bert")


def renumbered(tokenizer: Any, new_id: Sequence[int]) -> Any:
    """Return the same tokenizer, but id i is now id new_id[i]."""
    description = json.loads(tokenizer.backend_tokenizer.to_str())
    vocabulary = description["model"]["vocab"]
    description["model"]["vocab"] = {token: int(new_id[i]) for token, i in vocabulary.items()}
    for entry in description["added_tokens"]:
        entry["id"] = int(new_id[entry["id"]])
    description["added_tokens"].sort(key=lambda entry: entry["id"])
    for entry in description["post_processor"]["special_tokens"].values():
        entry["ids"] = [int(new_id[i]) for i in entry["ids"]]
    return wrapped(Tokenizer.from_str(json.dumps(description)), tokenizer)


def new_ids(tokenizer: Any, pad_at: int, seed: int = 0) -> np.ndarray:
    """Return [V] the new id of each id: a permutation that moves the pad to `pad_at`."""
    size = len(tokenizer)
    order = np.random.default_rng(seed).permutation(size)
    here, there = int(np.flatnonzero(order == pad_at)[0]), tokenizer.pad_token_id
    order[[here, there]] = order[[there, here]]
    return order


def family_model(family: str, vocab_size: int, pad_id: int, *, tied: bool = True, seed: int = 0) -> Any:
    """Return two layers of 32 dimensions, all weights and biases of standard deviation 0.3, so that none is zero."""
    small: dict[str, Any] = {"vocab_size": vocab_size, "pad_token_id": pad_id, "tie_word_embeddings": tied}
    small["max_position_embeddings"] = POSITIONS
    body = {"hidden_size": 32, "num_hidden_layers": 2, "num_attention_heads": 4, "intermediate_size": 48}
    with torch.random.fork_rng(devices=[]):
        if family == "bert":
            model: Any = BertForMaskedLM(BertConfig(**small, **body))
        elif family == "roberta":
            small["max_position_embeddings"] = POSITIONS + pad_id + 1
            ids = {"bos_token_id": 0, "eos_token_id": 2, "type_vocab_size": 1}
            model = RobertaForMaskedLM(RobertaConfig(**small, **body, **ids))
        else:
            model = DistilBertForMaskedLM(DistilBertConfig(**small, dim=32, n_layers=2, n_heads=4, hidden_dim=48))
    generator = torch.Generator().manual_seed(seed)
    with torch.no_grad():
        for name, parameter in model.named_parameters():
            mean = float("norm" in name.lower() and name.endswith("weight"))
            parameter.normal_(mean=mean, std=0.3, generator=generator)
    return model.eval()


def family_folder(folder: Path, family: str, *, tied: bool = True) -> str:
    """Write a masked-LM folder, or for inference-free a Router of a DistilBERT and a weight in (0, 3) per token.

    The weights of special tokens are 0.
    """
    tokenizer = source_tokenizer(family)
    model = folder / "document" if family == "inference-free" else folder
    family_model(family, len(tokenizer), tokenizer.pad_token_id, tied=tied).save_pretrained(model)
    tokenizer.save_pretrained(model)
    if family == "inference-free":
        weights = torch.rand(len(tokenizer), generator=torch.Generator().manual_seed(3)) * 3
        weights[tokenizer.all_special_ids] = 0
        document = Transformer(str(model), transformer_task="fill-mask")
        pooling = SpladePooling("max", activation_function="log1p_relu")
        query = SparseStaticEmbedding(tokenizer, weights, frozen=True)
        router = Router.for_query_document([query], [document, pooling])
        SparseEncoder(modules=[router], similarity_fn_name="dot").save_pretrained(str(folder), create_model_card=False)
    return str(folder)


def family_encoder(folder: Path, family: str, *, tied: bool = True) -> Any:
    return load_encoder(family_folder(folder, family, tied=tied))


@cache
def _loaded(folder: str) -> Any:
    return load_encoder(folder)


def loaded_copy(folder: str) -> Any:
    """Return the encoder of a folder that does not change, copied in memory from the one that was loaded first."""
    return copy.deepcopy(_loaded(folder))


def represented(encoder: Any, texts: Sequence[str], batch_size: int = 16, side: str = "document") -> np.ndarray:
    """Return [n, V] by sentence-transformers itself."""
    encode = encoder.encode_query if side == "query" else encoder.encode_document
    return encode(list(texts), batch_size=batch_size, convert_to_sparse_tensor=False, show_progress_bar=False).numpy()


def russian(kind: str = "wordpiece") -> Any:
    """Return a target tokenizer, of another size than the English ones."""
    return with_marks(made_tokenizer(kind, "russian", 350))


def decoder_bias(encoder: Any) -> np.ndarray:
    return splade_modules(encoder).model.get_output_embeddings().bias.detach().numpy()


def batch_of(encoder: Any, texts: list[str]) -> dict[str, torch.Tensor]:
    tokenizer, longest = splade_modules(encoder).tokenizer, splade_modules(encoder).transformer.max_seq_length
    return pad(tokenizer(texts, truncation=True, max_length=longest)["input_ids"], tokenizer.pad_token_id)
