"""Where an export reads documents and queries from."""

from __future__ import annotations

import pytest
from tokenizers import Tokenizer

from harness.export.sources import lookup
from tests.helpers.families_made import family_encoder
from tests.helpers.tokenizers_made import english


@pytest.mark.parametrize("most", [None, 3])
def test_the_tokenizer_of_queries_cuts_where_the_documents_were_cut(tmp_path, most):
    encoder = family_encoder(tmp_path, "inference-free")
    found = lookup(encoder, most)
    assert found is not None
    tokenizer, text = Tokenizer.from_str(found.tokenizer), english()[0]
    whole = encoder[0].sub_modules["query"][0].tokenizer(text, add_special_tokens=False)["input_ids"]
    assert tokenizer.encode(text, add_special_tokens=False).ids == whole[:most] and len(whole) > 3


def test_an_encoder_whose_model_reads_queries_has_no_lookup(tmp_path):
    assert lookup(family_encoder(tmp_path, "bert")) is None
