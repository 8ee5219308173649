"""The pocket's encoders retrieve English, and synonyms share weight: after a fifteenth of their training, on a fifth of a collection.

The scores of whole trainings are in docs/pocket.md. What these tests find are parts that do not work together: without its static rows (those of
words after a space among them), the identity in its head, or the start of its biases, no family reaches its floors.
"""

from __future__ import annotations

from itertools import chain

import numpy as np
import pytest

from harness.collections import beir
from harness.pocket import encoder, static_embeddings
from harness.pocket.architectures import FAMILIES
from harness.pocket.names import SEED
from harness.pocket.phrasebook import concepts
from sembridge.encoder.loading import load_encoder
from tests.helpers.short_training import cut_short

STEPS, CASES = 15, 3
QUERIES, DOCUMENTS = 80, 300
FLOORS = {  # least nDCG@10 of faq and of passages, and least share of the concepts of which one form finds the other among all
    "bert": (0.75, 0.8, 0.5),
    "roberta": (0.6, 0.7, 0.3),
    "distilbert": (0.8, 0.85, 0.5),
    "inference-free": (0.65, 0.9, 0.5),
}


@pytest.fixture(scope="module", params=FAMILIES)
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
    asked = collection.query_ids[:QUERIES]
    right = [next(iter(collection.qrels[query])) for query in asked]
    kept = sorted({*right, *collection.document_ids[:DOCUMENTS]})
    text_of = dict(zip(collection.document_ids, collection.document_texts, strict=True))
    documents = dense(loaded.encode_document, [text_of[name] for name in kept])
    scores = dense(loaded.encode_query, list(collection.query_texts[:QUERIES])) @ documents.T
    ranks = np.array([(row >= row[kept.index(name)]).sum() for row, name in zip(scores, right, strict=True)])
    return float(np.where(ranks <= 10, 1 / np.log2(1 + ranks), 0).mean())


def found_by_a_synonym(loaded):
    forms = [concept.forms["en"][:2] for concept in chain.from_iterable(concepts().values())]
    left, right = (dense(loaded.encode_document, [f"the {pair[side]}" for pair in forms]) for side in (0, 1))
    left, right = (rows / np.linalg.norm(rows, axis=1, keepdims=True) for rows in (left, right))
    return float(((left @ right.T).argmax(1) == np.arange(len(forms))).mean())


def test_english_retrieval_and_synonyms(trained, pocket_text):
    family, loaded = trained
    folder = pocket_text / "collections" / "en"
    reached = (ndcg(loaded, folder / "faq"), ndcg(loaded, folder / "passages"), found_by_a_synonym(loaded))
    assert all(score > floor for score, floor in zip(reached, FLOORS[family], strict=True)), reached
