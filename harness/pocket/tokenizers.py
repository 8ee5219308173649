"""Stage: the pocket's tokenizers, trained on its own texts: WordPiece as the field's target tokenizers are."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from harness.pocket.phrasebook import LANGUAGES
from harness.store.artifact import Location

SIZE = {"en": 2800}  # most words are whole; the rarer ones fall into pieces, as in the field's own tokenizers
OTHER_SIZE = 3200
CASED = ("ru",)  # as the field's own Russian tokenizer
MAX_LENGTH = 128
SPECIALS = {"pad_token": "[PAD]", "unk_token": "[UNK]", "cls_token": "[CLS]", "sep_token": "[SEP]", "mask_token": "[MASK]"}


def build(out: Path, parameters: Mapping[str, Any], inputs: Mapping[str, Location]) -> None:
    """inputs: text (the pocket's texts)."""
    for language in LANGUAGES:
        lines = (inputs["text"].path / "text" / f"{language}.txt").read_text(encoding="utf-8").splitlines()
        wordpiece(lines, SIZE.get(language, OTHER_SIZE), lowercase=language not in CASED).save_pretrained(out / language)


def wordpiece(lines: list[str], size: int, *, lowercase: bool) -> Any:
    """A BERT tokenizer trained on `lines`; the same lines give the same vocabulary in every process.

    The trainer numbers continuing characters in the order of a hash map, and breaks ties between merges by these numbers. Handing it all
    characters as special tokens, which are numbered first, takes the chance out; the tokenizer is then built from the vocabulary alone.
    """
    from tokenizers import Tokenizer, decoders, models, normalizers, pre_tokenizers, processors, trainers
    from transformers import BertTokenizer

    specials = list(SPECIALS.values())
    tokenizer = Tokenizer(models.WordPiece(unk_token="[UNK]"))
    tokenizer.normalizer = normalizers.BertNormalizer(lowercase=lowercase, strip_accents=False)
    tokenizer.pre_tokenizer = pre_tokenizers.BertPreTokenizer()
    split = (tokenizer.pre_tokenizer.pre_tokenize_str(tokenizer.normalizer.normalize_str(line)) for line in lines)
    words = {word for line in split for word, _ in line}
    alphabet, continuing = sorted(set("".join(words))), sorted({character for word in words for character in word[1:]})
    numbered_first = [*specials, *alphabet, *(f"##{character}" for character in continuing)]
    trainer = trainers.WordPieceTrainer(vocab_size=size, special_tokens=numbered_first, show_progress=False)
    tokenizer.train_from_iterator(lines, trainer)

    built = Tokenizer(models.WordPiece(vocab=tokenizer.get_vocab(with_added_tokens=False), unk_token="[UNK]"))
    built.normalizer, built.pre_tokenizer, built.decoder = tokenizer.normalizer, tokenizer.pre_tokenizer, decoders.WordPiece()
    built.post_processor = processors.TemplateProcessing(single="[CLS] $A [SEP]", special_tokens=[("[CLS]", 2), ("[SEP]", 3)])
    assert [built.token_to_id(token) for token in specials] == list(range(len(specials)))
    return BertTokenizer(
        tokenizer_object=built,
        do_lower_case=lowercase,
        strip_accents=False,
        model_max_length=MAX_LENGTH,
        **SPECIALS,  # type: ignore[arg-type]
    )
