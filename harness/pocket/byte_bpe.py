"""A byte-level BPE tokenizer as RoBERTa's (Liu et al. 2019, section 4.4): cased, spaces inside the tokens, no text unknown."""

from __future__ import annotations

import json
from typing import Any

from harness.pocket.tokenizers import MAX_LENGTH

FIRST, LAST = ("<s>", "<pad>", "</s>", "<unk>"), "<mask>"  # as on the hub: four special tokens before all others, the mask behind them


def byte_bpe(lines: list[str], size: int) -> Any:
    """A RoBERTa tokenizer of at most `size` tokens trained on `lines`; the same lines give the same vocabulary in every process.

    Unlike the WordPiece trainer's, this one's numbering is a matter of the lines alone: bytes are sorted, and of equally frequent merges the one of
    lower ids comes first.
    """
    from tokenizers import AddedToken, Tokenizer, models, pre_tokenizers, trainers
    from transformers import RobertaTokenizer

    tokenizer = Tokenizer(models.BPE())
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    trainer = trainers.BpeTrainer(
        vocab_size=size - 1, special_tokens=list(FIRST), initial_alphabet=sorted(pre_tokenizers.ByteLevel.alphabet()), show_progress=False
    )
    tokenizer.train_from_iterator(lines, trainer)
    trained = json.loads(tokenizer.to_str())["model"]
    vocabulary = trained["vocab"] | {LAST: len(trained["vocab"])}
    built = RobertaTokenizer(
        vocab=vocabulary,
        merges=[tuple(merge) for merge in trained["merges"]],  # type: ignore[misc]
        mask_token=AddedToken(LAST, lstrip=True, special=True),  # type: ignore[arg-type]  # it takes the space before it along, as words do
        model_max_length=MAX_LENGTH,
    )
    assert built.convert_tokens_to_ids([*FIRST, LAST]) == [0, 1, 2, 3, len(vocabulary) - 1]
    return built
