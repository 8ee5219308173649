"""Tiny sparse encoders of the four families a transplant has to know, in the layouts they are published in, and their tokenizers under other ids."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
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
    """Copies what there is to copy, mixes every third missing row from two donors, samples the rest: rows of every origin and no bridge."""

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
    """200 texts of 1 to 40 words: most have words of the vocabulary, some none, some are longer than the model can read."""
    rng = np.random.default_rng(5)
    words = " ".join(english()[:20]).split()
    made = [" ".join(rng.choice(words, size=int(size))) for size in rng.integers(1, 13, size=194)]
    return [
        *made,
        "Zebra! 안녕, ПЕСНЯ?",
        "x",
        "...",
        "The Captain's (old) bread-market",
        " ".join(words[:30]),
        " ".join(words[:40]),
    ]


def with_marks(tokenizer: Any, *, type_ids: bool = True) -> Any:
    """The tokenizer with its cls and sep put around every text, as real ones do."""
    cls, sep = tokenizer.cls_token or tokenizer.bos_token, tokenizer.sep_token or tokenizer.eos_token
    backend = Tokenizer.from_str(tokenizer.backend_tokenizer.to_str())
    ids = [(token, tokenizer.convert_tokens_to_ids(token)) for token in (cls, sep)]
    backend.post_processor = processors.TemplateProcessing(single=f"{cls} $A {sep}", special_tokens=ids)
    return wrapped(
        backend,
        tokenizer,
        ["input_ids", "token_type_ids", "attention_mask"] if type_ids else ["input_ids", "attention_mask"],
    )


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
    """The same tokenizer, but what had id i has id new_id[i]."""
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
    """[V] new id of each id: a permutation without fixed points among the specials, the pad moved to `pad_at`."""
    size = len(tokenizer)
    order = np.random.default_rng(seed).permutation(size)
    here, there = int(np.flatnonzero(order == pad_at)[0]), tokenizer.pad_token_id
    order[[here, there]] = order[[there, here]]
    return order


def family_model(family: str, vocab_size: int, pad_id: int, *, tied: bool = True, seed: int = 0) -> Any:
    """Two layers of 32 dimensions; every weight and bias is drawn with standard deviation 0.3, so that nothing is zero and nothing can hide."""
    small: dict[str, Any] = {
        "vocab_size": vocab_size,
        "pad_token_id": pad_id,
        "tie_word_embeddings": tied,
        "max_position_embeddings": POSITIONS,
    }
    body = {"hidden_size": 32, "num_hidden_layers": 2, "num_attention_heads": 4, "intermediate_size": 48}
    with torch.random.fork_rng(devices=[]):
        if family == "bert":
            model: Any = BertForMaskedLM(BertConfig(**small, **body))
        elif family == "roberta":
            small["max_position_embeddings"] = POSITIONS + pad_id + 1
            model = RobertaForMaskedLM(
                RobertaConfig(**small, **body, bos_token_id=0, eos_token_id=2, type_vocab_size=1)
            )
        else:
            model = DistilBertForMaskedLM(DistilBertConfig(**small, dim=32, n_layers=2, n_heads=4, hidden_dim=48))
    generator = torch.Generator().manual_seed(seed)
    with torch.no_grad():
        for name, parameter in model.named_parameters():
            parameter.normal_(
                mean=float("norm" in name.lower() and name.endswith("weight")), std=0.3, generator=generator
            )
    return model.eval()


def family_folder(folder: Path, family: str, *, tied: bool = True) -> str:
    """A plain masked-LM folder; for the inference-free family a Router of a DistilBERT and one weight in (0, 3) per token, specials 0."""
    tokenizer = source_tokenizer(family)
    model = folder / "document" if family == "inference-free" else folder
    family_model(family, len(tokenizer), tokenizer.pad_token_id, tied=tied).save_pretrained(model)
    tokenizer.save_pretrained(model)
    if family == "inference-free":
        weights = torch.rand(len(tokenizer), generator=torch.Generator().manual_seed(3)) * 3
        weights[tokenizer.all_special_ids] = 0
        document = Transformer(str(model), transformer_task="fill-mask")
        router = Router.for_query_document(
            [SparseStaticEmbedding(tokenizer, weights, frozen=True)],
            [document, SpladePooling("max", activation_function="log1p_relu")],
        )
        SparseEncoder(modules=[router], similarity_fn_name="dot").save_pretrained(str(folder), create_model_card=False)
    return str(folder)


def family_encoder(folder: Path, family: str, *, tied: bool = True) -> Any:
    return load_encoder(family_folder(folder, family, tied=tied))


def represented(encoder: Any, given: Sequence[str], batch_size: int = 16, side: str = "document") -> np.ndarray:
    """[n, V] by sentence-transformers itself."""
    encode = encoder.encode_query if side == "query" else encoder.encode_document
    return encode(list(given), batch_size=batch_size, convert_to_sparse_tensor=False, show_progress_bar=False).numpy()


def russian(kind: str = "wordpiece") -> Any:
    """A target tokenizer, of another size than the English ones."""
    return with_marks(made_tokenizer(kind, "russian", 350))


def decoder_bias(encoder: Any) -> np.ndarray:
    return splade_modules(encoder).model.get_output_embeddings().bias.detach().numpy()


def batch_of(encoder: Any, given: list[str]) -> dict[str, torch.Tensor]:
    tokenizer = splade_modules(encoder).tokenizer
    return pad(
        tokenizer(given, truncation=True, max_length=splade_modules(encoder).transformer.max_seq_length)["input_ids"],
        tokenizer.pad_token_id,
    )
