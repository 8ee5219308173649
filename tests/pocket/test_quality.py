"""The pocket's encoders retrieve English, and synonyms share weight, after a fifteenth of their training.

docs/pocket.md has the scores of whole trainings. These tests fail where parts do not work together: without the static
rows (also those of words after a space), the identity in the head, or the initial biases, no architecture reaches its
floors.
"""

from __future__ import annotations

from itertools import chain

import numpy as np
import pytest

from harness.collections import beir
from harness.pocket import encoder, static_embeddings
from harness.pocket.architectures import ARCHITECTURES
from harness.pocket.names import SEED
from harness.pocket.phrasebook import concepts
from sembridge.encoder.loading import load_encoder
from tests.helpers.short_training import cut_short

pytestmark = pytest.mark.slow

STEPS, CASES = 15, 3
QUERIES, DOCUMENTS = 80, 300
# Lowest nDCG@10 on faq and on passages, and lowest fraction of concepts whose two forms are nearest to each other.
FLOORS = {
    "bert": (0.75, 0.8, 0.5),
    "roberta": (0.6, 0.7, 0.3),
    "distilbert": (0.8, 0.85, 0.5),
    "inference-free": (0.65, 0.9, 0.5),
}


@pytest.fixture(scope="module", params=ARCHITECTURES)
def trained(request, pocket_inputs, tmp_path_factory):
    folder = tmp_path_factory.mktemp(request.param)
    with cut_short(STEPS, CASES, static_embeddings.STEPS):
        encoder.build(folder, {"family": request.param, "seed": SEED}, pocket_inputs)
    return request.param, load_encoder(str(folder))


def dense(encode, texts):
    return encode(texts, batch_size=64, convert_to_sparse_tensor=False, show_progress_bar=False).numpy()


def ndcg(loaded, folder):
    """nDCG@10 with one relevant document per query, ties against it: 1 / log2(1 + rank)."""
    collection = beir.load(folder)
    query_ids = collection.query_ids[:QUERIES]
    relevant = [next(iter(collection.qrels[query])) for query in query_ids]
    ids = sorted({*relevant, *collection.document_ids[:DOCUMENTS]})
    text_of = dict(zip(collection.document_ids, collection.document_texts, strict=True))
    documents = dense(loaded.encode_document, [text_of[name] for name in ids])
    scores = dense(loaded.encode_query, list(collection.query_texts[:QUERIES])) @ documents.T
    ranks = np.array([(row >= row[ids.index(name)]).sum() for row, name in zip(scores, relevant, strict=True)])
    return float(np.where(ranks <= 10, 1 / np.log2(1 + ranks), 0).mean())


def synonym_accuracy(loaded):
    """Fraction of concepts whose first form has the second as its nearest among all."""
    forms = [concept.forms["en"][:2] for concept in chain.from_iterable(concepts().values())]
    left, right = (dense(loaded.encode_document, [f"the {pair[side]}" for pair in forms]) for side in (0, 1))
    left, right = (rows / np.linalg.norm(rows, axis=1, keepdims=True) for rows in (left, right))
    return float(((left @ right.T).argmax(1) == np.arange(len(forms))).mean())


def test_english_retrieval_and_synonyms(trained, pocket_text):
    architecture, loaded = trained
    folder = pocket_text / "collections" / "en"
    reached = (ndcg(loaded, folder / "faq"), ndcg(loaded, folder / "passages"), synonym_accuracy(loaded))
    assert all(score > floor for score, floor in zip(reached, FLOORS[architecture], strict=True)), reached
