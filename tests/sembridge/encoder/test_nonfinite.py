"""Source tokens whose numbers are NaN or infinite: named and refused, or left out of donors, copies and means."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch

from baselines.gaussian import Multivariate, Univariate
from baselines.mean import Mean
from baselines.ofa import factorized
from harness.initialization.encoders import zero_shot_encoder
from harness.store.artifact import Location
from sembridge.assembly import assemble
from sembridge.encoder.modules import splade_modules
from sembridge.initializer import Transfer
from sembridge.pipeline import make_task, transfer
from tests.helpers.encoders_made import made_encoder, made_encoder_folder
from tests.helpers.families_made import Copying, family_encoder, represented, russian, texts
from tests.helpers.tokenizers_made import made_tokenizer

BAD = (40, 90)


def spoil(encoder: Any, part: str, ids: tuple[int, ...] = BAD, value: float = float("nan")) -> Any:
    modules = splade_modules(encoder)
    output = modules.model.get_output_embeddings()
    query = None if modules.query is None else modules.query.weight
    tensors = {"embedding": modules.model.get_input_embeddings().weight, "decoder row": output.weight}
    tensors |= {"decoder bias": output.bias, "query weight": query}
    with torch.no_grad():
        tensors[part][list(ids)] = value
    return encoder


PARTS = [("bert", True, "embedding"), ("bert", False, "decoder row"), ("distilbert", True, "decoder bias")]
PARTS += [("inference-free", True, "query weight"), ("roberta", False, "embedding")]


@pytest.mark.parametrize("value", [float("nan"), float("inf"), float("-inf")])
@pytest.mark.parametrize(("family", "tied", "part"), PARTS)
def test_they_are_named_and_refused(tmp_path, family, tied, part, value):
    encoder = spoil(family_encoder(tmp_path, family, tied=tied), part, value=value)
    tokens = splade_modules(encoder).tokenizer.convert_ids_to_tokens(list(BAD))
    with pytest.raises(ValueError, match="has values that are not finite") as error:
        transfer(encoder, russian(), Copying())
    named = ", ".join(f"{token!r} id {i}" for token, i in zip(tokens, BAD, strict=True))
    assert f"{part} of 2 tokens ({named}); get the model again, or leave" in str(error.value)
    assert "--nonfinite leave-out" in str(error.value) and "\n" not in str(error.value)


@pytest.mark.parametrize("bias", ["transfer", "keep", "zero"])
@pytest.mark.parametrize(("family", "tied", "part"), PARTS)
def test_left_out_they_reach_nothing(tmp_path, family, tied, part, bias):
    target = russian("byte-bpe" if family == "roberta" else "wordpiece")
    encoder = spoil(family_encoder(tmp_path, family, tied=tied), part)
    encoder = transfer(encoder, target, Copying(), nonfinite="leave-out", bias=bias)
    assert all(parameter.isfinite().all() for parameter in encoder.parameters())
    assert np.isfinite(represented(encoder, texts()[:20])).all()
    record = encoder.transfer_record
    assert record.recipe.options["nonfinite"] == "leave-out" and not np.isin(record.donors, BAD).any()


def task_of(folder: Any, nonfinite: str = "leave-out", ids: tuple[int, ...] = BAD) -> Transfer:
    encoder = spoil(made_encoder(folder, spare=3), "embedding", ids)
    return make_task(encoder, made_tokenizer("wordpiece", "english"), nonfinite=nonfinite)


def test_a_token_that_would_copy_such_a_row_is_invented(tmp_path):
    task = task_of(tmp_path)
    assert task.missing.tolist() == list(BAD) and [task.overlap.rule[i] for i in BAD] == ["", ""]
    assert np.flatnonzero(~task.donors & task.source.has_text).tolist() == list(BAD)


@pytest.mark.parametrize("method", [Mean(), Univariate(), Multivariate()])
def test_means_and_deviations_are_those_of_the_finite_rows(tmp_path, method):
    task = task_of(tmp_path)
    finite = np.delete(task.rows, BAD, axis=0).astype(np.float64)
    rows = method(task).rows
    if isinstance(method, Mean):
        np.testing.assert_allclose(rows[list(BAD)], [finite.mean(axis=0)] * 2, atol=1e-7)
    if isinstance(method, Univariate):
        noise = torch.randn(2, 32, generator=task.generator(), dtype=torch.float64).numpy()
        np.testing.assert_allclose(rows[list(BAD)], finite.mean(axis=0) + noise * finite.std(axis=0), atol=1e-6)
    assert np.isfinite(rows).all()


def test_numbers_carried_with_the_mixture_have_the_mean_of_the_finite_ones(tmp_path):
    task = task_of(tmp_path)
    values = np.arange(len(task.source), dtype=np.float64)
    expected = np.delete(values, BAD).mean()
    values[list(BAD)] = np.nan
    carried = Univariate()(task).carry(values)
    assert np.isfinite(carried).all() and carried[list(BAD)] == pytest.approx(expected)


def test_a_factorization_is_that_of_the_finite_rows(tmp_path):
    from baselines.ofa import OFA

    task = task_of(tmp_path)
    rows, _ = OFA(factorize=5)._rows(task, False)
    assert rows is not None and not rows[list(BAD)].any()
    coordinates, primitives = factorized(np.delete(task.rows, BAD, axis=0), 5)
    np.testing.assert_allclose(np.delete(rows, BAD, axis=0), coordinates @ primitives)


def test_a_method_that_uses_such_rows_all_the_same_is_refused(tmp_path):
    task = task_of(tmp_path)
    with pytest.raises(ValueError, match=r"made 2 rows that are not finite, the first for id 40; take means of"):
        assemble(task, sampled=np.broadcast_to(task.rows.mean(axis=0), (2, 32)))


def test_finite_encoders_do_not_notice_the_option(tmp_path):
    encoder = made_encoder(tmp_path)
    tasks = [make_task(encoder, russian(), nonfinite=nonfinite) for nonfinite in ("refuse", "leave-out")]
    rows = [Univariate()(task).rows for task in tasks]
    assert tasks[1].left_out is None and np.array_equal(*rows)


def test_rows_past_the_last_token_are_not_read_by_a_transfer_but_by_the_encoder_itself(tmp_path):
    size = len(made_tokenizer("wordpiece", "english"))
    assert task_of(tmp_path / "task", "refuse", (size, size + 2)).left_out is None
    folder = made_encoder_folder(tmp_path / "base", spare=3)
    from sembridge.encoder.loading import load_encoder

    encoder = spoil(load_encoder(str(folder)), "embedding", (size + 1,))
    encoder.save_pretrained(str(tmp_path / "saved"), create_model_card=False)
    with pytest.raises(ValueError, match=rf"embedding is not finite for 1 ids \({size + 1}\)"):
        zero_shot_encoder({}, {"encoder": Location(str(tmp_path / "saved"))})
    zero_shot_encoder({}, {"encoder": Location(str(folder))})


def test_an_unknown_way_is_refused(tmp_path):
    with pytest.raises(ValueError, match="nonfinite 'drop' is unknown; known: leave-out, refuse"):
        transfer(tmp_path, tmp_path, Copying(), nonfinite="drop")
