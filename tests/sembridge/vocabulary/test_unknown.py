"""Unknown tokens counted by hand, for tokenizers of every kind."""

from __future__ import annotations

import pytest
from tokenizers import Tokenizer, models, pre_tokenizers, processors
from transformers import PreTrainedTokenizerFast

from sembridge.vocabulary.unknown import TokenCount, TokenCounter, unknown_ids

WORDS = {"<unk>": 0, "<s>": 1, "</s>": 2, "cat": 3, "window": 4}


def tokenizer(unk="<unk>", end="</s>", **roles):
    backend = Tokenizer(models.WordLevel(WORDS, unk_token=unk))
    backend.pre_tokenizer = pre_tokenizers.Whitespace()
    marks = [("<s>", 1), (end, WORDS[end])]
    backend.post_processor = processors.TemplateProcessing(single=f"<s> $A {end}", special_tokens=marks)
    return PreTrainedTokenizerFast(tokenizer_object=backend, pad_token="</s>", **roles)


def count(tokenizer, texts, special=True):
    ids = tokenizer(texts, add_special_tokens=special)["input_ids"]
    return TokenCounter(tokenizer, special).count(ids)


TEXTS = ["cat dog", "", "window cat bird fish"]  # six words, three of them unknown


@pytest.mark.parametrize("special", [True, False])
def test_specials_do_not_count(special):
    assert count(tokenizer(unk_token="<unk>"), TEXTS, special) == TokenCount(3, 6)


def test_a_model_s_unknown_token_counts_without_a_role():
    unnamed = tokenizer()
    assert unnamed.unk_token_id is None and unknown_ids(unnamed) == {0}
    assert count(unnamed, TEXTS) == TokenCount(3, 6)


def test_the_end_of_a_text_that_doubles_as_unknown_counts_within_a_text_only():
    assert count(tokenizer(end="<unk>", unk_token="<unk>"), TEXTS) == TokenCount(3, 6)


def test_no_text_is_unknown_to_bytes():
    backend = Tokenizer(models.BPE({chr(i): i for i in range(33, 127)}, []))
    backend.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    bytes_only = PreTrainedTokenizerFast(tokenizer_object=backend, eos_token="!", unk_token="!")
    assert count(bytes_only, ["abc"]) == TokenCount(0, 3)


def test_unigram_and_a_bare_tokenizer_that_pads():
    backend = Tokenizer(models.Unigram([("<unk>", 0.0), ("a", -1.0), ("b", -1.0)], unk_id=0))
    backend.pre_tokenizer = pre_tokenizers.Whitespace()
    assert unknown_ids(backend) == {0}
    backend.enable_padding(length=8)
    ids = [[0, 1], [1, 2, 1]]
    assert TokenCounter(backend).count(ids) == TokenCount(1, 5)


def test_texts_in_a_row():
    import numpy as np

    ids = np.array([1, 0, 3, 2, 1, 2])  # "dog cat" and ""
    assert TokenCounter(tokenizer(unk_token="<unk>")).count_flat(ids, 2) == TokenCount(1, 2)
