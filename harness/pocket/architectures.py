"""The families of the pocket's English encoders: body, tokenizer, and what the parts of the masked-LM head are called."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from harness.store.artifact import Location

BODY: dict[str, Any] = {"hidden_size": 128, "num_hidden_layers": 2, "num_attention_heads": 4, "intermediate_size": 512}
BPE_SIZE = 3200  # forms of the phrasebook fall into as many pieces as WordPiece cuts them into: words are there with and without a space before them


@dataclass(frozen=True)
class Family:
    """tokenizer       from the stage's inputs
    model           a fresh masked LM for a tokenizer; `initializer_range` is the deviation of its fresh weights
    dense, bias     parameters of its head: the square layer's weight, and the decoder's bias
    inference_free  queries have no model, each of their tokens weighs what its rarity says
    """

    tokenizer: Callable[[Mapping[str, Location]], Any]
    model: Callable[[Any, float], Any]
    dense: str
    bias: str
    inference_free: bool = False


def english_text(inputs: Mapping[str, Location]) -> list[str]:
    """The pocket's English running text, line by line."""
    return (inputs["text"].path / "text" / "en.txt").read_text(encoding="utf-8").splitlines()


def _bert_tokenizer(inputs: Mapping[str, Location]) -> Any:
    from transformers import AutoTokenizer

    return AutoTokenizer.from_pretrained(_wordpiece(inputs))


def _distilbert_tokenizer(inputs: Mapping[str, Location]) -> Any:
    """BERT's, but for token types, which DistilBERT does not have."""
    from transformers import AutoTokenizer, DistilBertTokenizer

    bert = AutoTokenizer.from_pretrained(_wordpiece(inputs))
    return DistilBertTokenizer(
        tokenizer_object=bert.backend_tokenizer,
        do_lower_case=True,
        strip_accents=False,
        model_max_length=bert.model_max_length,
    )


def _wordpiece(inputs: Mapping[str, Location]) -> Path:
    return inputs["tokenizers"].path / "en"


def _roberta_tokenizer(inputs: Mapping[str, Location]) -> Any:
    from harness.pocket.tokenizers import byte_bpe

    return byte_bpe(english_text(inputs), BPE_SIZE)


def _bert(tokenizer: Any, initializer_range: float) -> Any:
    from transformers import BertConfig, BertForMaskedLM

    config = BertConfig(
        vocab_size=len(tokenizer), **BODY,
        max_position_embeddings=tokenizer.model_max_length, pad_token_id=tokenizer.pad_token_id,
        hidden_dropout_prob=0.0, attention_probs_dropout_prob=0.0, initializer_range=initializer_range,
    )  # fmt: skip
    return BertForMaskedLM(config)


def _roberta(tokenizer: Any, initializer_range: float) -> Any:
    """Positions are numbered from the pad id + 1, so the table has as many rows more than a text has tokens."""
    from transformers import RobertaConfig, RobertaForMaskedLM

    config = RobertaConfig(
        vocab_size=len(tokenizer), **BODY, type_vocab_size=1,
        max_position_embeddings=tokenizer.pad_token_id + 1 + tokenizer.model_max_length,
        pad_token_id=tokenizer.pad_token_id, bos_token_id=tokenizer.bos_token_id, eos_token_id=tokenizer.eos_token_id,
        hidden_dropout_prob=0.0, attention_probs_dropout_prob=0.0, initializer_range=initializer_range,
    )  # fmt: skip
    return RobertaForMaskedLM(config)


def _distilbert(tokenizer: Any, initializer_range: float) -> Any:
    from transformers import DistilBertConfig, DistilBertForMaskedLM

    config = DistilBertConfig(
        vocab_size=len(tokenizer), dim=BODY["hidden_size"], n_layers=BODY["num_hidden_layers"], n_heads=BODY["num_attention_heads"],
        hidden_dim=BODY["intermediate_size"],
        max_position_embeddings=tokenizer.model_max_length, pad_token_id=tokenizer.pad_token_id,
        dropout=0.0, attention_dropout=0.0, initializer_range=initializer_range,
    )  # fmt: skip
    return DistilBertForMaskedLM(config)


FAMILIES = {
    "bert": Family(_bert_tokenizer, _bert, "cls.predictions.transform.dense.weight", "cls.predictions.bias"),
    "roberta": Family(_roberta_tokenizer, _roberta, "lm_head.dense.weight", "lm_head.bias"),
    "distilbert": Family(_distilbert_tokenizer, _distilbert, "vocab_transform.weight", "vocab_projector.bias"),
    "inference-free": Family(
        _distilbert_tokenizer, _distilbert, "vocab_transform.weight", "vocab_projector.bias", inference_free=True
    ),
}
