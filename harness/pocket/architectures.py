"""The architectures of the pocket's English encoders: body, tokenizer, and parameter names of the masked-LM head."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from harness.store.artifact import Location

BODY: dict[str, Any] = {"hidden_size": 128, "num_hidden_layers": 2, "num_attention_heads": 4, "intermediate_size": 512}
# Byte-level BPE has words with and without a space before them, so it needs more tokens than WordPiece to cut the
# phrasebook's forms into as few pieces.
BPE_SIZE = 3200
_NO_DROPOUT: dict[str, Any] = {"hidden_dropout_prob": 0.0, "attention_probs_dropout_prob": 0.0}


@dataclass(frozen=True)
class Architecture:
    """tokenizer       builds the tokenizer from the stage's inputs
    model           builds an untrained masked LM for a tokenizer; the float is the standard deviation of its weights
    dense, bias     parameters of the head: the weight of its square layer, and the decoder's bias
    inference_free  queries have no model; each query token has a fixed weight, its inverse document frequency
    """

    tokenizer: Callable[[Mapping[str, Location]], Any]
    model: Callable[[Any, float], Any]
    dense: str
    bias: str
    inference_free: bool = False


def english_text(inputs: Mapping[str, Location]) -> list[str]:
    """Return the lines of the pocket's English running text."""
    return (inputs["text"].path / "text" / "en.txt").read_text(encoding="utf-8").splitlines()


def _bert_tokenizer(inputs: Mapping[str, Location]) -> Any:
    from transformers import AutoTokenizer

    return AutoTokenizer.from_pretrained(_wordpiece(inputs))


def _distilbert_tokenizer(inputs: Mapping[str, Location]) -> Any:
    """Build BERT's tokenizer without token types, which DistilBERT does not have."""
    from transformers import AutoTokenizer, DistilBertTokenizer

    bert = AutoTokenizer.from_pretrained(_wordpiece(inputs))
    options: dict[str, Any] = {"do_lower_case": True, "strip_accents": False}
    return DistilBertTokenizer(
        tokenizer_object=bert.backend_tokenizer, model_max_length=bert.model_max_length, **options
    )


def _wordpiece(inputs: Mapping[str, Location]) -> Path:
    return inputs["tokenizers"].path / "en"


def _roberta_tokenizer(inputs: Mapping[str, Location]) -> Any:
    from harness.pocket.tokenizers import byte_bpe

    return byte_bpe(english_text(inputs), BPE_SIZE)


def _bert(tokenizer: Any, initializer_range: float) -> Any:
    from transformers import BertConfig, BertForMaskedLM

    positions: dict[str, Any] = {
        "max_position_embeddings": tokenizer.model_max_length,
        "pad_token_id": tokenizer.pad_token_id,
    }
    shape: dict[str, Any] = {"vocab_size": len(tokenizer), **BODY, **positions}
    return BertForMaskedLM(BertConfig(**shape, **_NO_DROPOUT, initializer_range=initializer_range))


def _roberta(tokenizer: Any, initializer_range: float) -> Any:
    """Build RoBERTa's model; its positions start at the pad id + 1, so the position table has that many more rows."""
    from transformers import RobertaConfig, RobertaForMaskedLM

    positions: dict[str, Any] = {"max_position_embeddings": tokenizer.pad_token_id + 1 + tokenizer.model_max_length}
    ids: dict[str, Any] = {name: getattr(tokenizer, name) for name in ("pad_token_id", "bos_token_id", "eos_token_id")}
    shape: dict[str, Any] = {"vocab_size": len(tokenizer), **BODY, "type_vocab_size": 1, **positions}
    return RobertaForMaskedLM(RobertaConfig(**shape, **ids, **_NO_DROPOUT, initializer_range=initializer_range))


def _distilbert(tokenizer: Any, initializer_range: float) -> Any:
    from transformers import DistilBertConfig, DistilBertForMaskedLM

    names = {"dim": "hidden_size", "n_layers": "num_hidden_layers", "n_heads": "num_attention_heads"}
    body: dict[str, Any] = {name: BODY[bert_name] for name, bert_name in names.items()} | {
        "hidden_dim": BODY["intermediate_size"]
    }
    positions: dict[str, Any] = {
        "max_position_embeddings": tokenizer.model_max_length,
        "pad_token_id": tokenizer.pad_token_id,
    }
    shape: dict[str, Any] = {
        "vocab_size": len(tokenizer),
        **body,
        **positions,
        "dropout": 0.0,
        "attention_dropout": 0.0,
    }
    return DistilBertForMaskedLM(DistilBertConfig(**shape, initializer_range=initializer_range))


_DISTILBERT_HEAD = ("vocab_transform.weight", "vocab_projector.bias")
ARCHITECTURES = {
    "bert": Architecture(_bert_tokenizer, _bert, "cls.predictions.transform.dense.weight", "cls.predictions.bias"),
    "roberta": Architecture(_roberta_tokenizer, _roberta, "lm_head.dense.weight", "lm_head.bias"),
    "distilbert": Architecture(_distilbert_tokenizer, _distilbert, *_DISTILBERT_HEAD),
    "inference-free": Architecture(_distilbert_tokenizer, _distilbert, *_DISTILBERT_HEAD, inference_free=True),
}
