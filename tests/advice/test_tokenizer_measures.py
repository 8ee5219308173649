"""How a tokenizer reads a text, counted by hand."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest
from tokenizers import Tokenizer, models, pre_tokenizers
from transformers import PreTrainedTokenizerFast

from harness.advice.tokenizer_measures import measure_tokenizer, read
from tests.helpers.transfers_made import made_transfer


def wordpiece(*tokens):
    """A WordPiece tokenizer of these tokens, in this order after [PAD] and [UNK]."""
    vocabulary = {token: i for i, token in enumerate(["[PAD]", "[UNK]", *tokens])}
    backend = Tokenizer(models.WordPiece(vocab=vocabulary, unk_token="[UNK]"))
    backend.pre_tokenizer = pre_tokenizers.BertPreTokenizer()
    return PreTrainedTokenizerFast(tokenizer_object=backend, pad_token="[PAD]", unk_token="[UNK]")


def test_words_count_as_often_as_they_occur():
    """Words: ab three times (a, ##b), a once, zz once ([UNK]): (3 x 2 + 1 + 1) / 5 pieces. The comma is not a word, but
    a token: 9 tokens, 1 unknown (the comma is known)."""
    reading = read(wordpiece("a", "##b", ","), ["ab ab, a", "ab zz"])
    assert (reading.lines, reading.tokens, reading.per) == (2, 9, "word")
    assert reading.pieces == pytest.approx(8 / 5)
    assert reading.unknown == pytest.approx(1 / 9)


def test_characters_where_there_are_no_spaces_between_words():
    """Five characters besides the space; 北京是 is three tokens, 北好 is unknown: 4 tokens."""
    reading = read(wordpiece("北", "##京", "##是"), ["北京是 北好"], "zh")
    assert (reading.tokens, reading.per) == (4, "character")
    assert reading.pieces == pytest.approx(4 / 5)
    assert reading.unknown == pytest.approx(1 / 4)
    with pytest.raises(ValueError, match="no spaces between words; add its language, such as --language zh"):
        read(wordpiece("北"), ["北京是 北京好"])


def test_a_text_without_words():
    with pytest.raises(ValueError, match="the text has no words"):
        read(wordpiece("a"), ["...", "?!"])


def test_coverage_by_rule_and_tokens_with_text():
    task = made_transfer([0, 1, -1, -1, 2], np.ones((3, 2)), target_roles=["pad", None, None, None, None])
    overlap = dataclasses.replace(task.overlap, rule=("role", "exact", "", "", "case"))
    measures = measure_tokenizer(dataclasses.replace(task, overlap=overlap), None)
    assert measures.tokens == 5
    assert dict(measures.copied) == {"case": 1, "exact": 1, "role": 1}
    assert measures.coverage == pytest.approx(3 / 5)
    assert measures.with_text == pytest.approx(4 / 5)
    assert measures.reading is None
