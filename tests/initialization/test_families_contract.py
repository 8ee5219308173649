"""Every initializer x kind of tokenizer x family: what the rows promise holds in the encoder with these rows."""

from __future__ import annotations

import dataclasses
import zlib
from functools import cache
from typing import Any

import numpy as np
import pytest
import torch

from sembridge.encoder.head import encode, pad
from sembridge.encoder.modules import splade_modules
from sembridge.encoder.transplant import decoder_rows, source_rows, transplant
from sembridge.initializer import Transfer
from sembridge.pipeline import make_task
from sembridge.registry import available_initializers
from tests.helpers.cases_made import Case, build, case_of
from tests.helpers.families_made import FAMILIES, loaded_copy, with_marks
from tests.helpers.tokenizers_made import FURTHER_KINDS, KINDS, made_tokenizer

TEXTS = ["новый кот смотрит window", "старый", "The train song забывает пароль и ещё одно слово", "..."]


@dataclasses.dataclass(frozen=True, eq=False)
class Prepared:
    """What all methods have in common: a tokenizer, an encoder's transfer to it, and how it read a text.

    The text's tokens all copy a row. It is written in source ids and in target ids: both encoders must read it alike.
    """

    target: Any
    task: Transfer
    case: Case
    decoder: np.ndarray | None
    in_target: list[int]
    before: np.ndarray
    query_weights: np.ndarray | None


@cache
@torch.no_grad()
def prepared(kind: str, family: str, folder: str) -> Prepared:
    target, encoder = with_marks(made_tokenizer(kind, "russian", 350)), loaded_copy(folder)
    task = make_task(encoder, target)
    copied = np.flatnonzero(task.copied >= 0)
    ordinary = [i for i in copied if task.target.roles[i] is None][:9]
    assert len(ordinary) >= 3
    in_target = [task.target.role_ids["cls"], *ordinary, task.target.role_ids["sep"]]
    in_source = task.copied[in_target].tolist()
    before = encode(encoder, pad([in_source, in_source[:3]], splade_modules(encoder).tokenizer.pad_token_id)).numpy()
    query = splade_modules(encoder).query
    return Prepared(
        target,
        task,
        case_of(task, np.random.default_rng(zlib.crc32(family.encode()))),
        decoder_rows(encoder),
        in_target,
        before,
        None if query is None else query.weight.numpy().copy(),
    )


@pytest.fixture(params=FAMILIES, scope="module")
def family(request: pytest.FixtureRequest) -> str:
    return request.param


@pytest.fixture(params=[*KINDS, *FURTHER_KINDS], scope="module")
def kind(request: pytest.FixtureRequest) -> str:
    return request.param


@pytest.fixture(params=[True, False], ids=["tied", "untied"], scope="module")
def tied(request: pytest.FixtureRequest) -> bool:
    return request.param


@pytest.fixture(params=[*available_initializers(), "toy-both"], scope="module")
def name(request: pytest.FixtureRequest) -> str:
    return request.param


@torch.no_grad()
def test_the_encoder_carries_what_the_method_answered(name, kind, family, tied, folders):
    common = prepared(kind, family, folders[family, tied])
    task, target = common.task, common.target
    copied, size = np.flatnonzero(task.copied >= 0), len(task.target)
    method, own = build(name, common.case), common.decoder
    embedding, decoder = (
        method(task),
        None if own is None else method(dataclasses.replace(task, rows=own[: len(task.source)])),
    )

    encoder = loaded_copy(folders[family, tied])
    transplant(encoder, target, embedding, decoder=decoder)
    assert (
        np.array_equal(source_rows(encoder), embedding.rows)
        and len(embedding.rows) == size == encoder.get_embedding_dimension()
    )
    assert (decoder is None and decoder_rows(encoder) is None) or np.array_equal(decoder_rows(encoder), decoder.rows)
    after = encode(encoder, pad([common.in_target, common.in_target[:3]], target.pad_token_id)).numpy()
    assert after.shape == (2, size)
    np.testing.assert_allclose(after[:, copied], common.before[:, task.copied[copied]], atol=1e-5)

    encoded = encoder.encode_document(TEXTS, convert_to_sparse_tensor=False).numpy()
    assert (
        encoded.shape == (len(TEXTS), size)
        and np.isfinite(encoded).all()
        and (encoded >= 0).all()
        and (encoded > 0).any(axis=1).all()
    )
    if common.query_weights is not None:
        moved = splade_modules(encoder).query.weight.numpy()
        np.testing.assert_allclose(moved[copied], common.query_weights[task.copied[copied]], rtol=1e-6)
        queries = encoder.encode_query(TEXTS, convert_to_sparse_tensor=False).numpy()
        assert queries.shape == encoded.shape and (queries[:3] > 0).any(axis=1).all()
