"""What a transplant moves: rows, sizes, ids, tokenizer, bias, decoder; and what it refuses."""

from __future__ import annotations

import copy
import json
import random
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
import torch

from sembridge.encoder.loading import load_encoder
from sembridge.encoder.modules import splade_modules
from sembridge.encoder.transplant import decoder_rows, source_rows, transplant
from sembridge.initializer import Initialization
from sembridge.options import BIAS_POLICIES
from sembridge.pipeline import make_task, transfer
from tests.helpers.families_made import (
    FAMILIES,
    POSITIONS,
    Copying,
    decoder_bias,
    family_model,
    new_ids,
    renumbered,
    represented,
    russian,
    source_tokenizer,
    texts,
)


@pytest.fixture(params=FAMILIES)
def encoder(request: pytest.FixtureRequest, folders: Any) -> Any:
    return load_encoder(folders[request.param, True])


def answer_for(encoder: Any, tokenizer: Any) -> Initialization:
    return Copying()(make_task(encoder, tokenizer))


@pytest.mark.parametrize("kind", ["wordpiece", "byte-bpe", "unigram"])
def test_rows_and_sizes(encoder, kind):
    target = russian(kind)
    answer = answer_for(encoder, target)
    size = len(answer.rows)
    assert size != len(source_rows(encoder)) and transplant(encoder, target, answer) is encoder
    model = splade_modules(encoder).model
    assert np.array_equal(source_rows(encoder), answer.rows) and decoder_rows(encoder) is None
    assert model.get_output_embeddings().weight is model.get_input_embeddings().weight
    assert (
        model.config.vocab_size
        == size
        == splade_modules(encoder).pooling.embedding_dimension
        == encoder.get_embedding_dimension()
    )
    assert (
        model.get_input_embeddings().num_embeddings
        == size
        == model.get_output_embeddings().out_features
        == len(decoder_bias(encoder))
    )
    assert represented(encoder, ["новый кот", "the cat"]).shape == (2, size)
    assert not model.training and model.dtype == torch.float32


@pytest.mark.parametrize("kind", ["wordpiece", "byte-bpe"])
def test_special_ids_follow_the_target(encoder, kind):
    target, config = russian(kind), splade_modules(encoder).model.config
    had = {name for name in ("bos_token_id", "eos_token_id") if getattr(config, name, None) is not None}
    old_config = copy.deepcopy(config)
    transfer(encoder, target, Copying())
    config = splade_modules(encoder).model.config
    assert (
        config.pad_token_id == target.pad_token_id == splade_modules(encoder).model.get_input_embeddings().padding_idx
    )
    for name, part in (("bos_token_id", "cls_token_id"), ("eos_token_id", "sep_token_id")):
        if name in had:
            assert getattr(config, name) == getattr(target, name if kind == "byte-bpe" else part) is not None
    assert (had == {"bos_token_id", "eos_token_id"}) == (config.model_type == "roberta")
    assert old_config.vocab_size != config.vocab_size
    kept = {"vocab_size", "pad_token_id", "bos_token_id", "eos_token_id", "max_position_embeddings"}
    assert {k: v for k, v in config.to_dict().items() if k not in kept} == {
        k: v for k, v in old_config.to_dict().items() if k not in kept
    }


def test_tokenizer_is_a_copy_that_asks_for_what_the_model_takes(encoder):
    target = russian()
    before = (target.model_max_length, list(target.model_input_names))
    source_names = list(splade_modules(encoder).tokenizer.model_input_names)
    transfer(encoder, target, Copying())
    tokenizer = splade_modules(encoder).tokenizer
    assert tokenizer is not target and (target.model_max_length, list(target.model_input_names)) == before
    assert tokenizer.model_input_names == source_names and ("token_type_ids" in source_names) == (
        splade_modules(encoder).model.config.model_type == "bert"
    )
    assert (
        set(tokenizer(["кот"]))
        == set(source_names)
        == set(encoder.preprocess(["кот"])) & {"input_ids", "attention_mask", "token_type_ids"}
    )
    assert tokenizer(["новый кот"])["input_ids"] == target(["новый кот"])["input_ids"]


@pytest.mark.parametrize(("length", "expected"), [(10**30, POSITIONS), (POSITIONS + 100, POSITIONS), (9, 9)])
def test_max_seq_length(encoder, length, expected):
    target = russian()
    target.model_max_length = length
    transfer(encoder, target, Copying())
    assert splade_modules(encoder).transformer.max_seq_length == expected
    assert torch.isfinite(torch.from_numpy(represented(encoder, ["кот " * 200]))).all()


def test_max_seq_length_set_before_stays(encoder):
    splade_modules(encoder).transformer.max_seq_length = 7
    assert splade_modules(transfer(encoder, russian(), Copying())).transformer.max_seq_length == 7


def test_there_are_three_bias_policies():
    assert BIAS_POLICIES == ("transfer", "zero", "keep")


def test_bias_is_transferred_with_the_weights(encoder):
    bias, target = decoder_bias(encoder).copy(), russian()
    answer = answer_for(encoder, target)
    transplant(encoder, target, answer)
    mixture, moved = answer.mixture.toarray().astype(np.float64), decoder_bias(encoder)
    sampled = answer.origin == "sampled"
    assert sampled.any() and (answer.origin == "mixed").any() and np.abs(bias).min() > 0
    np.testing.assert_allclose(moved[~sampled], mixture[~sampled] @ bias, rtol=1e-5, atol=1e-7)
    np.testing.assert_allclose(moved[sampled], bias.mean(dtype=np.float64), rtol=1e-5)
    copied = answer.origin == "copied"
    assert np.array_equal(moved[copied], bias[mixture[copied].argmax(axis=1)])


def test_bias_zero(encoder):
    assert not decoder_bias(transfer(encoder, russian(), Copying(), bias="zero")).any()


@pytest.mark.parametrize("kind", ["wordpiece", "byte-bpe"])
def test_bias_kept_at_the_source_ids(encoder, kind):
    bias = decoder_bias(encoder).copy()
    kept = decoder_bias(transfer(encoder, russian(kind), Copying(), bias="keep"))
    shared = min(len(bias), len(kept))
    assert len(kept) != len(bias) and np.array_equal(kept[:shared], bias[:shared]) and not kept[shared:].any()


def test_bias_keep_covers_a_smaller_and_a_larger_vocabulary(folders):
    sizes = [len(splade_modules(load_encoder(folders[family, True])).tokenizer) for family in FAMILIES]
    targets = [len(russian(kind)) for kind in ("wordpiece", "byte-bpe")]
    assert min(targets) < max(sizes) and max(targets) > min(sizes)


def test_policies_differ_in_what_they_score(folders):
    results = {
        bias: represented(transfer(load_encoder(folders["bert", True]), russian(), Copying(), bias=bias), ["the cat"])
        for bias in BIAS_POLICIES
    }
    assert len({result.tobytes() for result in results.values()}) == 3


@pytest.mark.parametrize("bias", ["Transfer", "", "none"])
def test_unknown_bias_policy(bias, folders):
    encoder = load_encoder(folders["bert", True])
    with pytest.raises(ValueError, match=f"bias {bias!r} is unknown; .*known: calibrated, keep, transfer, zero"):
        transfer(encoder, russian(), Copying(), bias=bias)


@pytest.mark.parametrize("family", FAMILIES)
def test_an_untied_decoder_gets_rows_of_its_own(family, folders):
    encoder, target = load_encoder(folders[family, False]), russian()
    own = decoder_rows(encoder)
    assert own is not None and not np.array_equal(own, source_rows(encoder))
    asked = make_task(encoder, target)
    answer, decoder = Copying()(asked), Copying()(replace(asked, rows=own))
    bias = decoder_bias(encoder).copy()
    transfer(encoder, target, Copying())
    assert np.array_equal(source_rows(encoder), answer.rows) and np.array_equal(decoder_rows(encoder), decoder.rows)
    np.testing.assert_allclose(decoder_bias(encoder), answer.carry(bias), rtol=1e-6)
    assert splade_modules(encoder).model.config.tie_word_embeddings is False


@pytest.mark.parametrize("tied", [True, False])
def test_decoder_rows_are_required_exactly_of_an_untied_decoder(tied, folders):
    encoder, target = load_encoder(folders["bert", tied]), russian()
    answer = answer_for(encoder, target)
    before = splade_modules(encoder).model
    with pytest.raises(ValueError, match=r"untied decoder needs rows of its own.*decoder_rows\(encoder\)"):
        transplant(encoder, target, answer, decoder=answer if tied else None)
    assert splade_modules(encoder).model is before and splade_modules(encoder).tokenizer is not target, (
        "a refused transplant leaves the encoder as it was"
    )


def test_a_decoder_stored_beside_a_tied_config_is_not_lost(folders, tmp_path):
    """opensearch v1: however the loader reads such a folder, the transplant must not change its scores."""
    folder = tmp_path / "stored"
    model = family_model("bert", len(source_tokenizer("bert")), 0, tied=False)
    model.save_pretrained(folder)
    source_tokenizer("bert").save_pretrained(folder)
    config = json.loads((folder / "config.json").read_text())
    (folder / "config.json").write_text(json.dumps({**config, "tie_word_embeddings": True}))
    encoder = load_encoder(str(folder))
    before = represented(encoder, texts())
    assert represented(transfer(encoder, source_tokenizer("bert"), Copying()), texts()).tobytes() == before.tobytes()


def test_more_ids_than_rows(encoder):
    target = russian()
    answer = answer_for(encoder, target)
    target.add_tokens(["ещё", "одно"])
    last = len(answer.rows) + 1
    with pytest.raises(ValueError, match=f"emit ids up to {last} but the initialization has only {last - 1} rows"):
        transplant(encoder, target, answer)
    assert len(source_rows(encoder)) == len(splade_modules(encoder).tokenizer), (
        "a refused transplant leaves the encoder as it was"
    )


def test_rows_beyond_the_tokenizer_are_allowed(encoder):
    """A matrix rounded up to a multiple of 64, as many models are."""
    target = russian()
    answer = answer_for(encoder, target)
    size = len(answer.rows)
    mixture = answer.mixture.copy()
    mixture.resize((size + 64, mixture.shape[1]))
    wider = Initialization(np.pad(answer.rows, ((0, 64), (0, 0))), mixture, np.pad(answer.origin, (0, 64)))
    if splade_modules(encoder).query is not None:
        with pytest.raises(
            ValueError,
            match=f"{size} tokens but ids up to {size + 63}; an inference-free encoder needs a vocabulary without gaps",
        ):
            transplant(encoder, target, wider)
        return
    transplant(encoder, target, wider)
    assert encoder.get_embedding_dimension() == size + 64


def test_source_rows_beyond_the_source_tokenizer(folders, tmp_path):
    tokenizer = source_tokenizer("bert")
    family_model("bert", len(tokenizer) + 19, tokenizer.pad_token_id).save_pretrained(tmp_path)
    tokenizer.save_pretrained(tmp_path)
    encoder = load_encoder(str(tmp_path))
    bias, before = decoder_bias(encoder)[: len(tokenizer)].copy(), represented(encoder, texts())
    transfer(encoder, tokenizer, Copying())
    assert len(source_rows(encoder)) == len(tokenizer) and np.array_equal(decoder_bias(encoder), bias)
    np.testing.assert_allclose(represented(encoder, texts()), before[:, : len(tokenizer)], rtol=1e-6)


def test_global_generators_are_untouched(encoder):
    torch.manual_seed(3)
    np.random.seed(3)
    random.seed(3)
    before = torch.get_rng_state(), np.random.get_state()[1].tobytes(), random.getstate()
    transfer(encoder, russian(), Copying())
    assert torch.equal(torch.get_rng_state(), before[0])
    assert (np.random.get_state()[1].tobytes(), random.getstate()) == before[1:]


def test_the_answer_is_not_shared_with_the_model(encoder):
    target = russian()
    answer = answer_for(encoder, target)
    rows = answer.rows.copy()
    transplant(encoder, target, answer)
    with torch.no_grad():
        splade_modules(encoder).model.get_input_embeddings().weight.zero_()
    assert np.array_equal(answer.rows, rows)


def test_half_precision_and_training_mode_stay(encoder):
    splade_modules(encoder).model.to(torch.bfloat16).train()
    transfer(encoder, russian(), Copying())
    assert {parameter.dtype for parameter in splade_modules(encoder).model.parameters()} == {
        torch.bfloat16
    } and splade_modules(encoder).model.training
    assert all(parameter.requires_grad for parameter in splade_modules(encoder).model.parameters())


def test_query_weights_move_with_the_mixture(folders):
    encoder, target = load_encoder(folders["inference-free", True]), russian()
    answer = answer_for(encoder, target)
    weights = splade_modules(encoder).query.weight.detach().numpy().copy()
    transplant(encoder, target, answer)
    query = splade_modules(encoder).query
    mixture, moved = answer.mixture.toarray().astype(np.float64), query.weight.detach().numpy()
    sampled = answer.origin == "sampled"
    np.testing.assert_allclose(moved[~sampled], mixture[~sampled] @ weights, rtol=1e-5)
    np.testing.assert_allclose(moved[sampled], weights.mean(dtype=np.float64), rtol=1e-5)
    assert query.frozen and not query.weight.requires_grad and len(query.tokenizer) == len(moved)
    activations = represented(encoder, ["новый кот кот"], side="query")[0]
    ids = sorted(set(target("новый кот кот", add_special_tokens=False)["input_ids"]))
    assert np.flatnonzero(activations).tolist() == ids and np.array_equal(activations[ids], moved[ids])


def test_query_weights_given(folders):
    encoder, target = load_encoder(folders["inference-free", True]), russian()
    weights = np.linspace(0, 4, len(target), dtype=np.float32)
    transplant(encoder, target, answer_for(encoder, target), query_weights=weights)
    assert np.array_equal(splade_modules(encoder).query.weight.detach().numpy(), weights)


@pytest.mark.parametrize("wrong", [[1.0], "negative", "infinite"])
def test_query_weights_that_are_none(wrong, folders):
    encoder, target = load_encoder(folders["inference-free", True]), russian()
    weights = np.ones(len(target) if isinstance(wrong, str) else 1)
    weights[0] = {"negative": -1, "infinite": np.inf}.get(str(wrong), 1)
    before = splade_modules(encoder).query
    with pytest.raises(
        ValueError, match=f"query_weights need one finite weight of at least 0 for each of {len(target)} tokens"
    ):
        transplant(encoder, target, answer_for(encoder, target), query_weights=weights)
    assert splade_modules(encoder).query is before


def test_query_weights_where_the_model_reads_queries(folders):
    encoder, target = load_encoder(folders["bert", True]), russian()
    with pytest.raises(ValueError, match="this encoder reads queries with its masked LM; leave them out"):
        transplant(encoder, target, answer_for(encoder, target), query_weights=np.ones(len(target)))


@pytest.mark.parametrize("family", FAMILIES)
def test_special_ids_kept_at_the_source(family, folders):
    """What published code leaves behind: wrong wherever the ids differ, and offered to reproduce its numbers."""
    encoder, target = (
        load_encoder(folders[family, True]),
        renumbered(source_tokenizer(family), new_ids(source_tokenizer(family), 5)),
    )
    before = represented(encoder, texts())
    old = copy.deepcopy(splade_modules(encoder).model.config)
    answer = answer_for(encoder, target)
    transplant(encoder, target, answer, special_ids="keep")
    config = splade_modules(encoder).model.config
    assert config.pad_token_id == old.pad_token_id != target.pad_token_id and config.to_dict() == {
        **old.to_dict(),
        "vocab_size": len(answer.rows),
    }
    wrong = represented(encoder, texts())[:, new_ids(source_tokenizer(family), 5)]
    assert np.allclose(wrong, before, atol=1e-5) == (family != "roberta"), (
        "RoBERTa counts its positions from the pad id; the others never look"
    )


def test_special_ids_that_do_not_fit(folders):
    encoder, target = load_encoder(folders["bert", True]), russian()
    with pytest.raises(ValueError, match="special_ids 'source' is unknown; known: keep, target"):
        transplant(encoder, target, answer_for(encoder, target), special_ids="source")


def cosine(left: np.ndarray, right: np.ndarray) -> np.ndarray:
    return (left * right).sum(axis=1) / np.linalg.norm(left, axis=1) / np.linalg.norm(right, axis=1)


@pytest.mark.parametrize(
    ("family", "kept", "mean", "unchanged"),
    [("bert", {"bias": "keep"}, 0.975, 0), ("roberta", {"special_ids": "keep"}, 0.9986, 196), ("bert", {}, 1, 200)],
)
def test_what_keeping_costs(family, kept, mean, unchanged, folders):
    """The figures of rows 6 and 8 in docs/fidelity.md: 200 texts before and after all ids were renumbered."""
    encoder, tokenizer = load_encoder(folders[family, True]), source_tokenizer(family)
    order = new_ids(tokenizer, 5)
    target = renumbered(tokenizer, order)
    before = represented(encoder, texts())
    transplant(encoder, target, answer_for(encoder, target), **kept)
    cosines = cosine(represented(encoder, texts())[:, order], before)
    assert cosines.mean() == pytest.approx(mean, abs=5e-4) and (cosines > 1 - 1e-5).sum() == unchanged
