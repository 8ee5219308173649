"""Small tokenizers of each kind, trained in memory on a few sentences, with specials and a pad; no files, no network.

The vocabulary is the same in every process: trainers number characters and break ties between merges in the order of
hash maps, so these leave them no choice.
"""

from __future__ import annotations

import math
from collections import Counter
from functools import cache
from typing import Any

import numpy as np
from tokenizers import AddedToken, Tokenizer, decoders, models, normalizers, pre_tokenizers, trainers
from transformers import PreTrainedTokenizerFast

KINDS = ("wordpiece", "byte-bpe", "unigram")
FURTHER_KINDS = ("bpe", "wordlevel")
_BERT = {"pad_token": "[PAD]", "unk_token": "[UNK]", "cls_token": "[CLS]", "sep_token": "[SEP]", "mask_token": "[MASK]"}
_ROBERTA = {"bos_token": "<s>", "pad_token": "<pad>", "eos_token": "</s>", "unk_token": "<unk>", "mask_token": "<mask>"}


_ENGLISH = (
    "the a new old teacher doctor cat engine opens watches forgets repairs password window song river mountain letter "
    "question answer market bread water winter summer garden bridge street station train ticket captain sailor storm "
    "island library reader story morning evening silence music"
)
_RUSSIAN = (
    "новый старый учитель врач кот двигатель открывает смотрит забывает чинит пароль окно песня река гора письмо "
    "вопрос ответ рынок хлеб вода зима лето сад мост улица станция поезд билет капитан моряк буря остров библиотека "
    "читатель рассказ утро вечер тишина музыка cat window song The train"
)


def english() -> list[str]:
    """Return 300 English word sequences."""
    return [*_sequences(_ENGLISH)]


def russian() -> list[str]:
    """Return 300 Russian word sequences with some English words among them, as real text has."""
    return [*_sequences(_RUSSIAN)]


@cache
def _sequences(words: str) -> tuple[str, ...]:
    rng = np.random.default_rng(0)
    return tuple(" ".join(rng.choice(words.split(), size=8)) for _ in range(300))


@cache
def made_tokenizer(kind: str, language: str, size: int = 320) -> Any:
    """Return a transformers tokenizer of a kind (KINDS, FURTHER_KINDS) for `english` or `russian`, ~`size` tokens."""
    lines = english() if language == "english" else russian()
    roles = _BERT if kind == "wordpiece" else _ROBERTA
    return PreTrainedTokenizerFast(tokenizer_object=_BACKENDS[kind](lines, size, list(roles.values())), **roles)


def _wordpiece(lines: list[str], size: int, specials: list[str]) -> Tokenizer:
    """English is lowercased, as by BERT's tokenizer."""
    backend = Tokenizer(models.WordPiece(unk_token="[UNK]"))
    backend.pre_tokenizer = pre_tokenizers.BertPreTokenizer()
    if lines == english():
        backend.normalizer = normalizers.Lowercase()
    words = _words(lines, lowercase=lines == english())
    continuing = sorted({f"##{character}" for word in words for character in word[1:]})
    first = [*specials, *sorted(set("".join(words))), *continuing]  # numbered first, so not in the order of a hash map
    trainer = trainers.WordPieceTrainer(vocab_size=size, special_tokens=first, show_progress=False)
    backend.train_from_iterator(lines, trainer)
    # Built again, because in the first one those characters are special tokens.
    built = Tokenizer(models.WordPiece(vocab=backend.get_vocab(), unk_token="[UNK]"))
    built.pre_tokenizer, built.decoder = backend.pre_tokenizer, decoders.WordPiece()
    if backend.normalizer is not None:
        built.normalizer = backend.normalizer
    return _special(built, specials)


def _byte_bpe(lines: list[str], size: int, specials: list[str]) -> Tokenizer:
    backend = Tokenizer(models.BPE())
    backend.pre_tokenizer, backend.decoder = pre_tokenizers.ByteLevel(add_prefix_space=False), decoders.ByteLevel()
    options = {"initial_alphabet": pre_tokenizers.ByteLevel.alphabet(), "show_progress": False}
    trainer = trainers.BpeTrainer(vocab_size=size + 100, special_tokens=specials, **options)
    backend.train_from_iterator(lines, trainer)
    return backend


def _bpe(lines: list[str], size: int, specials: list[str]) -> Tokenizer:
    """Not byte-level: characters, and a mark for the space."""
    backend = Tokenizer(models.BPE(unk_token="<unk>"))
    backend.pre_tokenizer, backend.decoder = pre_tokenizers.Metaspace(), decoders.Metaspace()
    trainer = trainers.BpeTrainer(vocab_size=size, special_tokens=specials, show_progress=False)
    backend.train_from_iterator(lines, trainer)
    return backend


def _unigram(lines: list[str], size: int, specials: list[str]) -> Tokenizer:
    """Pieces by frequency, not by expectation maximization: all characters, then beginnings and ends of words."""
    counts = Counter(piece for line in lines for word in line.split() for piece in _pieces(f"\u2581{word}"))
    characters = sorted({piece for piece in counts if len(piece) == 1})
    longer = [piece for piece in counts if len(piece) > 1]
    longer.sort(key=lambda piece: (-counts[piece] * len(piece), piece))
    pieces = [*characters, *longer][: size - len(specials)]
    scored = [(piece, math.log(counts[piece] / counts.total())) for piece in pieces]
    vocabulary = [*((token, 0.0) for token in specials), *scored]
    backend = Tokenizer(models.Unigram(vocabulary, unk_id=specials.index("<unk>")))
    backend.pre_tokenizer, backend.decoder = pre_tokenizers.Metaspace(), decoders.Metaspace()
    return _special(backend, specials)


def _pieces(word: str) -> list[str]:
    beginnings = (word[:end] for end in range(2, len(word) + 1))
    return [*word, *beginnings, *(word[start:] for start in range(1, len(word) - 1))]


def _wordlevel(lines: list[str], size: int, specials: list[str]) -> Tokenizer:
    tokens = [*specials, *_words(lines, lowercase=False)][:size]
    backend = Tokenizer(models.WordLevel({token: token_id for token_id, token in enumerate(tokens)}, unk_token="<unk>"))
    backend.pre_tokenizer = pre_tokenizers.Whitespace()
    return _special(backend, specials)


def _words(lines: list[str], lowercase: bool) -> list[str]:
    return sorted({word.lower() if lowercase else word for line in lines for word in line.split()})


def _special(backend: Tokenizer, specials: list[str]) -> Tokenizer:
    backend.add_special_tokens([AddedToken(token, special=True) for token in specials])
    return backend


_BACKENDS = {"wordpiece": _wordpiece, "byte-bpe": _byte_bpe, "unigram": _unigram, "bpe": _bpe, "wordlevel": _wordlevel}
