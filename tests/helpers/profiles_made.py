"""Vocabularies by hand that exercise every choice of the reference implementation, and bridges to compute by hand."""

from __future__ import annotations

from collections.abc import Callable
from functools import cache
from typing import Any

import numpy as np
from sentence_transformers import SentenceTransformer
from sentence_transformers.sentence_transformer.modules import StaticEmbedding
from tokenizers import Tokenizer, decoders, models, pre_tokenizers
from transformers import PreTrainedTokenizerFast

BERT = {"pad_token": "[PAD]", "unk_token": "[UNK]", "cls_token": "[CLS]", "sep_token": "[SEP]", "mask_token": "[MASK]"}
ROBERTA = {"bos_token": "<s>", "pad_token": "<pad>", "eos_token": "</s>", "unk_token": "<unk>", "mask_token": "<mask>"}
FILL = 101  # marked tokens, so that their number reveals the kind


def wordpiece(*tokens: str, fill: str = "", **roles: str) -> Any:
    """Return a BERT-style tokenizer; `fill` adds 101 continuations that contain this letter."""
    tokens = (*BERT.values(), *roles.values(), *tokens, *(f"##{fill}{i}" for i in range(FILL) if fill))
    backend = Tokenizer(models.WordPiece({token: i for i, token in enumerate(tokens)}, unk_token="[UNK]"))
    backend.pre_tokenizer, backend.decoder = pre_tokenizers.BertPreTokenizer(), decoders.WordPiece()
    return PreTrainedTokenizerFast(tokenizer_object=backend, **BERT, **roles)


def byte_level(*tokens: str) -> Any:
    """Return a RoBERTa-style tokenizer."""
    backend = Tokenizer(models.BPE({token: i for i, token in enumerate((*ROBERTA.values(), *tokens))}, []))
    backend.pre_tokenizer, backend.decoder = pre_tokenizers.ByteLevel(add_prefix_space=False), decoders.ByteLevel()
    return PreTrainedTokenizerFast(tokenizer_object=backend, **ROBERTA)


def unigram(*tokens: str, fill: str = "") -> Any:
    """Return an XLM-RoBERTa-style tokenizer; `fill` adds 101 word-initial tokens that contain this letter."""
    tokens = (*ROBERTA.values(), *tokens, *(f"▁{fill}{i}" for i in range(FILL) if fill))
    backend = Tokenizer(models.Unigram([(token, -1.0) for token in tokens], unk_id=3))
    backend.pre_tokenizer, backend.decoder = pre_tokenizers.Metaspace(), decoders.Metaspace()
    return PreTrainedTokenizerFast(tokenizer_object=backend, **ROBERTA)


ENGLISH = ("[unused0]", "[unused1]", "a", "##a", "b", "##b", "play", "##play", "##ing", "##ed", "cat", "the", "1", "!")
ENGLISH += ("##", "[x]")
RUSSIAN = ("[unused1]", "[unused2]", "A", "B", "##a", "Play", "##Play", "кот", "##от", "1", "##!", "안", "녕")
UNUSED = ("Play", "play", "кот", "[unused1]")
BYTES = ("play", "Ġplay", "ĠPlay", "Ġcat", "Ã", "ìķ", "Ġìķ", "Ã©", "Ġ", "Ċ", "Ġ[x]", "!", "Ġ1")
MAKERS: dict[str, Callable[[], Any]] = {
    "uncased English": lambda: wordpiece(*ENGLISH, fill="e"),
    "cased Russian": lambda: wordpiece(*RUSSIAN, fill="ы"),
    "with unused sentence marks": lambda: wordpiece(*UNUSED, fill="ы", bos_token="<s>", eos_token="</s>"),
    "small": lambda: wordpiece("play", "##ing", "##play", "Cat", "!"),
    "byte-level": lambda: byte_level(*BYTES),
    "metaspace": lambda: unigram("▁play", "play", "▁Cat", "▁", "!", "▁!", "안", fill="o"),
    "small metaspace": lambda: unigram("▁play", "play", "▁Cat", "▁"),
}


@cache
def tokenizer(name: str) -> Any:
    return MAKERS[name]()


def bytes_bridge(size: int | None = None) -> Any:
    """Return a bridge for all strings: the mean of its bytes' vectors, each an axis, or random of `size` dimensions."""
    alphabet = sorted(pre_tokenizers.ByteLevel.alphabet())
    backend = Tokenizer(models.BPE({character: i for i, character in enumerate(alphabet)}, []))
    backend.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    rows = np.eye(256) if size is None else np.random.default_rng(3).standard_normal((256, size)) + 0.5
    embedding = StaticEmbedding(backend, embedding_weights=rows.astype(np.float32))
    return SentenceTransformer(modules=[embedding], device="cpu")


def words_bridge(*words: str) -> Any:
    """Return a bridge with an axis for each of these words, and one for the unknown token, which all others are."""
    backend = Tokenizer(models.WordLevel({word: i for i, word in enumerate(("[UNK]", *words))}, unk_token="[UNK]"))
    backend.pre_tokenizer = pre_tokenizers.WhitespaceSplit()
    rows = np.eye(len(words) + 1, dtype=np.float32)
    return SentenceTransformer(modules=[StaticEmbedding(backend, embedding_weights=rows)], device="cpu")
