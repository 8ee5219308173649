"""Auxiliary vectors against the text that they are trained on: counts by hand, and the contexts of tokens."""

from __future__ import annotations

from collections import Counter

import numpy as np
import pytest

from baselines.vectors.auxiliary import train_auxiliary
from sembridge.vocabulary.vocabulary import Vocabulary
from tests.helpers.tokenizers_made import KINDS, made_tokenizer, russian

QUICK = {"dimension": 16, "epochs": 2, "min_count": 5, "buckets": 500, "sample": 1e-2}


@pytest.mark.parametrize("kind", KINDS)
def test_known_tokens_are_those_that_occur_often_enough(kind):
    tokenizer = made_tokenizer(kind, "russian")
    auxiliary = train_auxiliary([*russian(), "", "  \n"], tokenizer, **QUICK | {"epochs": 1})
    encoded = (tokenizer(line, add_special_tokens=False)["input_ids"] for line in russian())
    counts = Counter(token_id for ids in encoded for token_id in ids)
    size = len(Vocabulary.from_tokenizer(tokenizer))
    assert auxiliary.known.tolist() == [counts[i] >= QUICK["min_count"] for i in range(size)]
    assert auxiliary.known.any() and not auxiliary.known.all()
    assert auxiliary.vectors.shape == (size, QUICK["dimension"]) and auxiliary.vectors.dtype == np.float32
    assert not auxiliary.vectors[~auxiliary.known].any()
    assert np.abs(auxiliary.vectors[auxiliary.known]).max(axis=1).min() > 0


def test_tokens_of_the_same_contexts_get_similar_vectors():
    rng = np.random.default_rng(0)
    groups = [["кот", "зима", "лето", "сад"], ["поезд", "билет", "капитан", "станция"]]
    lines = [" ".join(rng.choice(groups[i % 2], size=12)) for i in range(2000)]
    tokenizer = made_tokenizer("wordpiece", "russian", size=1000)
    contexts_only = {"min_n": 9, "max_n": 8, "sample": 0}  # no n-grams
    auxiliary = train_auxiliary(lines, tokenizer, dimension=16, epochs=10, **contexts_only)
    assert auxiliary.known.sum() == 8  # each word is one token
    first, second = (auxiliary.vectors[tokenizer.convert_tokens_to_ids(group)] for group in groups)
    first, second = (vectors / np.linalg.norm(vectors, axis=1, keepdims=True) for vectors in (first, second))
    assert min((first @ first.T).min(), (second @ second.T).min()) > (first @ second.T).max() + 0.3


def test_too_little_text_says_what_to_do():
    tokenizer = made_tokenizer("wordpiece", "russian")
    message = r"no token occurs 10 times in the text \(\d tokens in 2 lines\).* lower min_count"
    with pytest.raises(ValueError, match=message):
        train_auxiliary(["кот", "зима"], tokenizer)
    with pytest.raises(ValueError, match=r"no token occurs 10 times in the text \(0 tokens in 0 lines\)"):
        train_auxiliary([], tokenizer)
    tokenizer = made_tokenizer("wordpiece", "russian", size=1000)
    enough = train_auxiliary(["кот"] * 10, tokenizer, **QUICK | {"min_count": 10})
    assert enough.known.sum() == 1
