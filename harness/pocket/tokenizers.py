"""Stage: the pocket's tokenizers, trained on its texts: WordPiece, like most target tokenizers, and byte-level BPE."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from harness.pocket.phrasebook import LANGUAGES
from harness.store.artifact import Location
from harness.store.stage import Stage

SIZE = {"en": 2800}  # most words are whole, rarer ones fall into pieces, as in published tokenizers
OTHER_SIZE = 3200
CASED = ("ru",)  # as published Russian tokenizers are
MAX_LENGTH = 128
SPECIALS = {f"{role}_token": f"[{role.upper()}]" for role in ("pad", "unk", "cls", "sep", "mask")}
# As in RoBERTa on the hub: four special tokens before all others, the mask behind them.
BPE_FIRST, BPE_LAST = ("<s>", "<pad>", "</s>", "<unk>"), "<mask>"


def build(out: Path, parameters: Mapping[str, Any], inputs: Mapping[str, Location]) -> None:
    """Write a WordPiece tokenizer per language. inputs: text (the pocket's texts)."""
    for language in LANGUAGES:
        lines = (inputs["text"].path / "text" / f"{language}.txt").read_text(encoding="utf-8").splitlines()
        tokenizer = wordpiece(lines, SIZE.get(language, OTHER_SIZE), lowercase=language not in CASED)
        tokenizer.save_pretrained(out / language)


POCKET_TOKENIZERS = Stage("pocket-tokenizers", version=1, seconds=5, build=build)


def wordpiece(lines: list[str], size: int, *, lowercase: bool) -> Any:
    """Train a BERT tokenizer on `lines`; the same lines give the same vocabulary in every process.

    The trainer numbers continuing characters in the order of a hash map and breaks ties between merges by these
    numbers. Passing all characters as special tokens, which get the first numbers, makes it deterministic; the returned
    tokenizer is built from the vocabulary alone.
    """
    from tokenizers import Tokenizer, decoders, models, normalizers, pre_tokenizers, processors, trainers
    from transformers import BertTokenizer

    specials = list(SPECIALS.values())
    tokenizer = Tokenizer(models.WordPiece(unk_token="[UNK]"))
    tokenizer.normalizer = normalizers.BertNormalizer(lowercase=lowercase, strip_accents=False)
    tokenizer.pre_tokenizer = pre_tokenizers.BertPreTokenizer()
    chunks = {chunk for line in lines for chunk in line.split(" ")}  # far fewer than lines, and no word crosses a space
    split = (tokenizer.pre_tokenizer.pre_tokenize_str(tokenizer.normalizer.normalize_str(chunk)) for chunk in chunks)
    words = {word for chunk in split for word, _ in chunk}
    alphabet, continuing = sorted(set("".join(words))), sorted({character for word in words for character in word[1:]})
    numbered_first = [*specials, *alphabet, *(f"##{character}" for character in continuing)]
    trainer = trainers.WordPieceTrainer(vocab_size=size, special_tokens=numbered_first, show_progress=False)
    tokenizer.train_from_iterator(lines, trainer)

    built = Tokenizer(models.WordPiece(vocab=tokenizer.get_vocab(with_added_tokens=False), unk_token="[UNK]"))
    built.normalizer, built.pre_tokenizer = tokenizer.normalizer, tokenizer.pre_tokenizer
    built.decoder = decoders.WordPiece()
    marks = [("[CLS]", 2), ("[SEP]", 3)]
    built.post_processor = processors.TemplateProcessing(single="[CLS] $A [SEP]", special_tokens=marks)
    assert [built.token_to_id(token) for token in specials] == list(range(len(specials)))
    options: dict[str, Any] = {"do_lower_case": lowercase, "strip_accents": False, **SPECIALS}
    return BertTokenizer(tokenizer_object=built, model_max_length=MAX_LENGTH, **options)


def byte_bpe(lines: list[str], size: int) -> Any:
    """Train a byte-level BPE tokenizer of at most `size` tokens, as RoBERTa's (Liu et al. 2019, section 4.4).

    It is cased, its tokens contain spaces, and no text is unknown. The same lines give the same vocabulary in every
    process: unlike the WordPiece trainer, this one sorts the bytes and breaks ties between merges by the lower ids.
    """
    from tokenizers import AddedToken, Tokenizer, models, pre_tokenizers, trainers
    from transformers import RobertaTokenizer

    tokenizer = Tokenizer(models.BPE())
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    trainer = trainers.BpeTrainer(
        vocab_size=size - 1,
        special_tokens=list(BPE_FIRST),
        initial_alphabet=sorted(pre_tokenizers.ByteLevel.alphabet()),
        show_progress=False,
    )
    tokenizer.train_from_iterator(lines, trainer)
    trained = json.loads(tokenizer.to_str())["model"]
    vocabulary = trained["vocab"] | {BPE_LAST: len(trained["vocab"])}
    mask: Any = AddedToken(BPE_LAST, lstrip=True, special=True)  # takes the space before it along, as words do
    merges: Any = [tuple(merge) for merge in trained["merges"]]
    built = RobertaTokenizer(vocab=vocabulary, merges=merges, mask_token=mask, model_max_length=MAX_LENGTH)
    assert built.convert_tokens_to_ids([*BPE_FIRST, BPE_LAST]) == [0, 1, 2, 3, len(vocabulary) - 1]
    return built
