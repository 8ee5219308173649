"""The other side of the grid's benchmark: its rows are those of the published algorithm."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from experiments.benchmarks import published_cells
from harness.pocket.tokenizers import wordpiece
from sembridge.mixture.entmax import entmax

SOURCE, TARGET = ("cat", "dog", "song", "river", "Table"), ("song", "table", "кот", "река", "песня")


@pytest.fixture
def tokenizers(monkeypatch):
    monkeypatch.setattr(published_cells, "MANY_MARKS", 0)
    return [wordpiece(list(words), 60, lowercase=False) for words in (SOURCE, TARGET)]


def test_rows_are_copied_or_mixed_by_entmax(tokenizers):
    texts = [published_cells.texts_of(tokenizer) for tokenizer in tokenizers]
    generator = torch.Generator().manual_seed(0)
    vectors = [torch.randn(len(own), 6, generator=generator) for own in texts]
    rows = torch.randn(len(tokenizers[0]), 8, generator=generator)
    new = published_cells.mix(rows, tokenizers, texts, vectors, 2.0)
    copied = published_cells.copies(tokenizers, texts)
    assert new.shape == (len(tokenizers[1]), 8)
    names = tokenizers[1].get_vocab()
    assert copied[names["song"]] == tokenizers[0].get_vocab()["song"] and names["кот"] not in copied
    units = [(side / side.norm(dim=1, keepdim=True)).double().numpy() for side in vectors]
    expected = entmax(units[1] @ units[0].T, 2.0)[0] @ rows.double().numpy()
    for token_id in range(len(new)):
        row = rows[copied[token_id]].numpy() if token_id in copied else expected[token_id]
        np.testing.assert_allclose(new[token_id].numpy(), row, atol=1e-6)
