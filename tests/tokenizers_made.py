"""Small tokenizers of each kind, trained in memory on a few sentences: real `tokenizers` models with specials and a pad, no files, no network."""

from __future__ import annotations

from functools import cache
from typing import Any

import numpy as np
from tokenizers import Tokenizer, decoders, models, normalizers, pre_tokenizers, trainers
from transformers import PreTrainedTokenizerFast

KINDS = ("wordpiece", "byte-bpe", "unigram")
_ROLES = {
    "wordpiece": {"pad_token": "[PAD]", "unk_token": "[UNK]", "cls_token": "[CLS]", "sep_token": "[SEP]", "mask_token": "[MASK]"},
    "byte-bpe": {"bos_token": "<s>", "pad_token": "<pad>", "eos_token": "</s>", "unk_token": "<unk>", "mask_token": "<mask>"},
    "unigram": {"bos_token": "<s>", "pad_token": "<pad>", "eos_token": "</s>", "unk_token": "<unk>", "mask_token": "<mask>"},
}


_ENGLISH = (
    "the a new old teacher doctor cat engine opens watches forgets repairs password window song river mountain letter question answer market bread "
    "water winter summer garden bridge street station train ticket captain sailor storm island library reader story morning evening silence music"
)
_RUSSIAN = (
    "новый старый учитель врач кот двигатель открывает смотрит забывает чинит пароль окно песня река гора письмо вопрос ответ рынок хлеб вода зима "
    "лето сад мост улица станция поезд билет капитан моряк буря остров библиотека читатель рассказ утро вечер тишина музыка cat window song The train"
)


def english() -> list[str]:
    """300 English word sequences."""
    return _sequences(_ENGLISH)


def russian() -> list[str]:
    """300 Russian word sequences, with some English words among them, as real text has."""
    return _sequences(_RUSSIAN)


def _sequences(words: str) -> list[str]:
    rng = np.random.default_rng(0)
    return [" ".join(rng.choice(words.split(), size=8)) for _ in range(300)]


@cache
def made_tokenizer(kind: str, language: str, size: int = 320) -> Any:
    """A transformers tokenizer of the given kind (one of KINDS) for `english` or `russian`, about `size` tokens."""
    specials = list(_ROLES[kind].values())
    if kind == "wordpiece":
        backend = Tokenizer(models.WordPiece(unk_token="[UNK]"))
        backend.pre_tokenizer, backend.decoder = pre_tokenizers.BertPreTokenizer(), decoders.WordPiece()
        if language == "english":
            backend.normalizer = normalizers.Lowercase()
        trainer: Any = trainers.WordPieceTrainer(vocab_size=size, special_tokens=specials, show_progress=False)
    elif kind == "byte-bpe":
        backend = Tokenizer(models.BPE())
        backend.pre_tokenizer, backend.decoder = pre_tokenizers.ByteLevel(add_prefix_space=False), decoders.ByteLevel()
        alphabet = pre_tokenizers.ByteLevel.alphabet()
        trainer = trainers.BpeTrainer(vocab_size=size + 100, special_tokens=specials, initial_alphabet=alphabet, show_progress=False)
    else:
        backend = Tokenizer(models.Unigram())
        backend.pre_tokenizer, backend.decoder = pre_tokenizers.Metaspace(), decoders.Metaspace()
        trainer = trainers.UnigramTrainer(vocab_size=size, special_tokens=specials, unk_token="<unk>", show_progress=False)
    backend.train_from_iterator(english() if language == "english" else russian(), trainer)
    return PreTrainedTokenizerFast(tokenizer_object=backend, **_ROLES[kind])
