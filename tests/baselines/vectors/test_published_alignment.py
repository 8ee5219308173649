"""The published reading against `wechsel`, by its authors, bit for bit, and the order of its columns by hand."""

from __future__ import annotations

import numpy as np
import pytest
from gensim.models import KeyedVectors

from baselines.vectors.aligned import read_dictionary, rotation
from baselines.vectors.published_alignment import decoded_vectors, published_rotation
from tests.helpers.published import Model, package
from tests.helpers.tokenizers_made import KINDS
from tests.helpers.vocabularies_made import real_kind


@pytest.mark.parametrize("kind", KINDS)
def test_tokens_are_read_as_by_the_package(models, kind):
    """Same bits: marks, capitals and the names of specials included."""
    model, subwords = (
        package("wechsel").WordEmbedding,
        package("wechsel").get_subword_embeddings_in_word_embedding_space,
    )
    for script, vectors, size in zip(("latin", "hangul"), models, (3000, 1500), strict=True):
        tokenizer = real_kind(kind, script, size)
        theirs, _ = subwords(tokenizer, model(Model(vectors)), verbose=False)
        np.testing.assert_array_equal(decoded_vectors(vectors, tokenizer, size), theirs.astype(np.float32))


def test_the_rotation_is_the_package_s_in_float32(models, dictionary):
    pairs = read_dictionary(dictionary)
    embeddings = [package("wechsel").WordEmbedding(Model(vectors)) for vectors in models]
    theirs = package("wechsel").WECHSEL._compute_align_matrix_from_dictionary(None, *embeddings, pairs)
    ours = published_rotation(*models, pairs)
    assert ours.dtype == theirs.dtype == np.float32
    np.testing.assert_array_equal(ours, theirs)
    assert np.abs(rotation(*models, pairs) - theirs).max() > 0.01  # another one where it is undetermined


def test_the_rotation_turns_the_source_onto_the_target():
    """A quarter turn: (1, 0) to (0, 1), and (0, 1) to (-1, 0)."""
    source, target = KeyedVectors(2), KeyedVectors(2)
    source.add_vectors(["sea", "hill", "odd"], np.array([[1, 0], [0, 2], [5, 5]], dtype=np.float32))
    target.add_vectors(["море", "гора"], np.array([[0, 3], [-1, 0]], dtype=np.float32))
    turned = published_rotation(source, target, [("sea", "море"), ("hill", "гора"), ("odd", "not there")])
    np.testing.assert_allclose(turned, [[0, 1], [-1, 0]], atol=1e-6)
