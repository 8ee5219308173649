"""Every initializer x kind of tokenizer x family: what the rows promise holds in the encoder with these rows."""

from __future__ import annotations

import dataclasses
import zlib

import numpy as np
import pytest
import torch

from sembridge.encoder.head import encode, pad
from sembridge.encoder.loading import load_encoder
from sembridge.encoder.modules import splade_modules
from sembridge.encoder.transplant import decoder_rows, source_rows, transplant
from sembridge.pipeline import make_task
from sembridge.registry import available_initializers
from tests.helpers.cases_made import build, case_of
from tests.helpers.families_made import FAMILIES, with_marks
from tests.helpers.tokenizers_made import FURTHER_KINDS, KINDS, made_tokenizer

TEXTS = ["новый кот смотрит window", "старый", "The train song забывает пароль и ещё одно слово", "..."]


@pytest.fixture(params=FAMILIES, scope="module")
def family(request: pytest.FixtureRequest) -> str:
    return request.param


@pytest.fixture(params=[*KINDS, *FURTHER_KINDS], scope="module")
def target(request: pytest.FixtureRequest):
    return with_marks(made_tokenizer(request.param, "russian", 350))


@pytest.fixture(params=[True, False], ids=["tied", "untied"], scope="module")
def tied(request: pytest.FixtureRequest) -> bool:
    return request.param


@pytest.fixture(params=[*available_initializers(), "toy-both"], scope="module")
def name(request: pytest.FixtureRequest) -> str:
    return request.param


@torch.no_grad()
def test_the_encoder_carries_what_the_method_answered(name, target, family, tied, folders):
    encoder = load_encoder(folders[family, tied])
    task = make_task(encoder, target)
    case = case_of(task, np.random.default_rng(zlib.crc32(family.encode())))
    method, own = build(name, case), decoder_rows(encoder)
    embedding, decoder = (
        method(task),
        None if own is None else method(dataclasses.replace(task, rows=own[: len(task.source)])),
    )

    # A text whose tokens all copy a row, written in source ids and in target ids: both encoders must read it alike.
    copied = np.flatnonzero(task.copied >= 0)
    ordinary = [i for i in copied if task.target.roles[i] is None][:9]
    in_target = [task.target.role_ids["cls"], *ordinary, task.target.role_ids["sep"]]
    in_source = task.copied[in_target].tolist()
    before = encode(encoder, pad([in_source, in_source[:3]], splade_modules(encoder).tokenizer.pad_token_id)).numpy()
    weights = None if splade_modules(encoder).query is None else splade_modules(encoder).query.weight.numpy().copy()

    transplant(encoder, target, embedding, decoder=decoder)
    size = len(task.target)
    assert (
        np.array_equal(source_rows(encoder), embedding.rows)
        and len(embedding.rows) == size == encoder.get_embedding_dimension()
    )
    assert (decoder is None and decoder_rows(encoder) is None) or np.array_equal(decoder_rows(encoder), decoder.rows)
    after = encode(encoder, pad([in_target, in_target[:3]], target.pad_token_id)).numpy()
    assert after.shape == (2, size) and len(ordinary) >= 3
    np.testing.assert_allclose(after[:, copied], before[:, task.copied[copied]], atol=1e-5)

    encoded = encoder.encode_document(TEXTS, convert_to_sparse_tensor=False).numpy()
    assert (
        encoded.shape == (len(TEXTS), size)
        and np.isfinite(encoded).all()
        and (encoded >= 0).all()
        and (encoded > 0).any(axis=1).all()
    )
    if weights is not None:
        moved = splade_modules(encoder).query.weight.numpy()
        np.testing.assert_allclose(moved[copied], weights[task.copied[copied]], rtol=1e-6)
        queries = encoder.encode_query(TEXTS, convert_to_sparse_tensor=False).numpy()
        assert queries.shape == encoded.shape and (queries[:3] > 0).any(axis=1).all()
