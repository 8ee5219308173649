"""Tokens counted while texts are encoded, in windows and shards, against counts by hand."""

from __future__ import annotations

import pytest

from sembridge.search import encode
from sembridge.search.encode_options import EncodeOptions
from sembridge.search.unknown import UnknownTokens, merge, share
from sembridge.vocabulary.unknown import TokenCount
from tests.helpers.encoders_made import made_encoder

OPTIONS = EncodeOptions(precision="float32")


def test_rates():
    tokens = UnknownTokens()
    assert tokens.rates() == {} and share(TokenCount(0, 0)) == 0.0
    tokens.add("query", TokenCount(1, 4))
    tokens.add("query", TokenCount(0, 4))
    assert tokens.rates() == {"queries": 1 / 8, "documents": 0.0}
    tokens.add("document", TokenCount(3, 5))
    assert tokens.rates() == {"queries": 1 / 8, "documents": 3 / 5}


def test_shards_share_the_queries():
    merged = merge([UnknownTokens([[1, 4], [2, 10]]), UnknownTokens([[1, 4], [0, 7]]), UnknownTokens([[1, 4], [5, 5]])])
    assert merged.counts.tolist() == [[1, 4], [7, 22]]
    with pytest.raises(ValueError, match="the parts read different queries"):
        merge([UnknownTokens([[1, 4], [2, 10]]), UnknownTokens([[1, 5], [2, 10]])])


def test_encoding_counts_what_is_read(tmp_path, monkeypatch):
    encoder = made_encoder(tmp_path)
    monkeypatch.setattr(encode, "WINDOW", 2)
    texts = ["cat \ud55c window", "\ud55c \ud55c", "cat"]  # the tokenizer knows the Latin letters, and words of theirs
    known = [len(encoder.tokenizer.tokenize(text)) for text in ("cat", "window")]
    tokens = UnknownTokens()
    assert len(list(encode.encode(encoder, texts, "document", OPTIONS, tokens))) == 2
    assert tokens.counts.tolist() == [[0, 0], [3, 3 + 2 * known[0] + known[1]]]
    short = UnknownTokens()
    list(encode.encode(encoder, texts, "query", EncodeOptions(precision="float32", max_length=1), short))
    assert short.counts.tolist() == [[1, 3], [0, 0]], "one token of each text is read"
