"""Inverse document frequencies against hand-computed values."""

from __future__ import annotations

import math

import numpy as np
import pytest

from sembridge.encoder.idf import idf
from tests.helpers.tokenizers_made import made_tokenizer

LINES = ["the cat", "the cat cat", "", "  ", "the window"]


@pytest.fixture(scope="module")
def tokenizer():
    return made_tokenizer("wordpiece", "english")


def test_by_hand(tokenizer):
    weights = idf(LINES, tokenizer, len(tokenizer))
    the, cat, window, song = tokenizer.convert_tokens_to_ids(["the", "cat", "window", "song"])
    assert weights.dtype == np.float32 and weights.shape == (len(tokenizer),)
    assert weights[the] == pytest.approx(math.log(1 + 0.5 / 3.5))
    assert weights[cat] == pytest.approx(math.log(1 + 1.5 / 2.5)), "two lines have it, one of them twice"
    assert weights[window] == pytest.approx(math.log(1 + 2.5 / 1.5))
    assert weights[song] == pytest.approx(math.log(1 + 3.5 / 0.5)) == weights.max()


def test_specials_weigh_nothing_even_where_the_text_has_them(tokenizer):
    weights = idf(["the cat zebra€", "[CLS] cat"], tokenizer, len(tokenizer))
    assert len(tokenizer.all_special_ids) == 5 and not weights[tokenizer.all_special_ids].any()
    assert (np.delete(weights, tokenizer.all_special_ids) > 0).all()


def test_many_lines_count_as_few(tokenizer, monkeypatch):
    whole = idf(LINES * 3, tokenizer, len(tokenizer))
    monkeypatch.setattr("sembridge.encoder.idf._LINES", 2)
    assert np.array_equal(idf(iter(LINES * 3), tokenizer, len(tokenizer)), whole)


def test_no_text(tokenizer):
    with pytest.raises(ValueError, match="need text: the file has no line that is not empty"):
        idf(["", " "], tokenizer, len(tokenizer))


def test_ids_past_the_size(tokenizer):
    cat = tokenizer.convert_tokens_to_ids("cat")
    with pytest.raises(ValueError, match=rf"gave id \d+, but there are {cat} tokens"):
        idf(["cat"], tokenizer, cat)
