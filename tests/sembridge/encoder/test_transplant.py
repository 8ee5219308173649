"""A transplant moves a vocabulary and nothing else: identity changes no bit, permuted ids permute representations."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch
from transformers import MPNetConfig, MPNetForMaskedLM

from sembridge.encoder.head import encode, pad
from sembridge.encoder.loading import load_encoder
from sembridge.encoder.modules import splade_modules
from sembridge.pipeline import transfer
from tests.helpers.families_made import (
    FAMILIES,
    POSITIONS,
    Copying,
    batch_of,
    family_encoder,
    new_ids,
    renumbered,
    represented,
    source_tokenizer,
    texts,
)

PADS = (0, 1, 5, 100)
MOVES = [
    (family, pad_at, tied) for family in FAMILIES for pad_at in PADS for tied in (True, False) if tied or pad_at == 5
]


def test_the_made_encoders_tell_texts_apart(tmp_path):
    """Were the tiny encoders blind to positions or to word order, the tests above would prove little."""
    encoder = family_encoder(tmp_path, "roberta")
    first, second = represented(encoder, ["cat river the", "the river cat"])
    assert np.abs(first - second).max() > 1e-3


@pytest.mark.parametrize("tied", [True, False], ids=["tied", "untied"])
@pytest.mark.parametrize("family", FAMILIES)
def test_identity_changes_no_bit(family, tied, folders):
    encoder = load_encoder(folders[family, tied])
    before = represented(encoder, texts())
    assert before.shape[0] == 200 and (before > 0).any(axis=1).all() and before.std(axis=0).max() > 0.05
    state = {name: value.clone() for name, value in splade_modules(encoder).model.state_dict().items()}
    transfer(encoder, source_tokenizer(family), Copying())
    assert represented(encoder, texts()).tobytes() == before.tobytes()
    after = splade_modules(encoder).model.state_dict()
    assert after.keys() == state.keys()
    changed = [name for name in state if not torch.equal(after[name], state[name])]
    # rows of a position table below the pad position are never read
    assert changed == (["roberta.embeddings.position_embeddings.weight"] if family == "roberta" else [])


@pytest.mark.parametrize("pad_at", PADS)
def test_queries_of_an_inference_free_encoder_move_along(pad_at, folders):
    """Only stored weights read a query: identity changes no bit of them, a permutation permutes them."""
    encoder, tokenizer = load_encoder(folders["inference-free", True]), source_tokenizer("inference-free")
    before = represented(encoder, texts(), side="query")
    assert (before > 0).any(axis=1).sum() > 150 and len(np.unique(before[before > 0])) > 20
    transfer(encoder, tokenizer, Copying())
    assert represented(encoder, texts(), side="query").tobytes() == before.tobytes()
    order = new_ids(tokenizer, pad_at)
    transfer(encoder, renumbered(tokenizer, order), Copying())
    assert represented(encoder, texts(), side="query")[:, order].tobytes() == before.tobytes()
    assert represented(encoder, texts(), batch_size=1, side="query")[:, order].tobytes() == before.tobytes()


@pytest.mark.parametrize(("family", "pad_at", "tied"), MOVES, ids=lambda value: str(value))
def test_permuted_ids_permute_the_representations(family, pad_at, tied, folders):
    encoder, tokenizer = load_encoder(folders[family, tied]), source_tokenizer(family)
    before = represented(encoder, texts())  # batches of 16 texts of mixed lengths
    order = new_ids(tokenizer, pad_at)
    target = renumbered(tokenizer, order)
    assert target.pad_token_id == pad_at and target(texts()[0])["input_ids"] == [
        order[i] for i in tokenizer(texts()[0])["input_ids"]
    ]
    transfer(encoder, target, Copying())
    after = represented(encoder, texts())
    assert after[:, order].tobytes() == before.tobytes()
    singly = represented(encoder, texts()[-20:], batch_size=1)  # with the unusual ones and the longest
    np.testing.assert_allclose(singly, after[-20:], atol=1e-5, err_msg="padding a batch does not change a text")


@pytest.mark.parametrize("pad_at", PADS)
def test_positions_of_roberta_start_as_before(pad_at, folders):
    encoder, tokenizer = load_encoder(folders["roberta", True]), source_tokenizer("roberta")
    met: list[torch.Tensor] = []

    def watch(watched: Any) -> None:
        splade_modules(watched).model.roberta.embeddings.position_embeddings.register_forward_hook(
            lambda module, arguments, output: met.append(output)
        )

    watch(encoder)
    encode(encoder, batch_of(encoder, texts()[:8]))
    before = met[-1]  # each model is tried on one text before its first batch
    table = splade_modules(encoder).model.roberta.embeddings.position_embeddings.weight
    assert torch.equal(before[0][0], table[2]), "RoBERTa itself begins at pad id + 1 = 2"
    transfer(encoder, renumbered(tokenizer, new_ids(tokenizer, pad_at)), Copying())
    watch(encoder)
    batch = batch_of(encoder, texts()[:8])
    assert (batch["attention_mask"] == 0).any()
    encode(encoder, batch)
    assert met[-1] is not before and torch.equal(met[-1], before)


@pytest.mark.parametrize("pad_at", PADS)
def test_every_position_can_still_be_used(pad_at, folders):
    encoder, tokenizer = load_encoder(folders["roberta", True]), source_tokenizer("roberta")
    transfer(encoder, renumbered(tokenizer, new_ids(tokenizer, pad_at)), Copying())
    assert splade_modules(encoder).transformer.max_seq_length == POSITIONS
    batch = batch_of(encoder, [texts()[-1]])
    assert batch["input_ids"].shape == (1, POSITIONS), "the longest text is cut to every position there is"
    assert torch.isfinite(encode(encoder, batch)).all()


@pytest.mark.parametrize("pad_at", [0, 5])
def test_pads_do_not_train_and_the_token_with_the_old_pad_id_does(pad_at, folders):
    encoder, tokenizer = load_encoder(folders["roberta", False]), source_tokenizer("roberta")
    target = renumbered(tokenizer, new_ids(tokenizer, pad_at))
    transfer(encoder, target, Copying())
    embedding = splade_modules(encoder).model.get_input_embeddings()
    assert embedding.padding_idx == pad_at
    ids = [target.bos_token_id, 1, 7, target.eos_token_id]  # 1 was the pad
    encode(encoder, pad([ids, ids[:2]], pad_at)).sum().backward()
    assert embedding.weight.grad[1].abs().max() > 0 and not embedding.weight.grad[pad_at].any()


def test_a_tokenizer_that_pads_on_the_left(folders):
    """Tokenizers of decoder models do; a body that numbers positions from the first column must not."""
    for family in FAMILIES:
        encoder, target = load_encoder(folders[family, True]), source_tokenizer(family)
        before = represented(encoder, texts())
        target.padding_side = target.truncation_side = "left"
        transfer(encoder, target, Copying())
        assert represented(encoder, texts()).tobytes() == before.tobytes(), family
        assert target.padding_side == "left", "the tokenizer given is not changed"


def test_two_transplants_in_a_row(folders):
    """There and back: nothing of the way remains, whatever the pad id was meanwhile."""
    for family in FAMILIES:
        encoder, tokenizer = load_encoder(folders[family, True]), source_tokenizer(family)
        before = represented(encoder, texts())
        transfer(encoder, renumbered(tokenizer, new_ids(tokenizer, 33)), Copying())
        transfer(encoder, tokenizer, Copying())
        assert represented(encoder, texts()).tobytes() == before.tobytes(), family
        assert splade_modules(encoder).model.config.max_position_embeddings == POSITIONS + (
            2 if family == "roberta" else 0
        )


def test_a_body_with_a_fixed_pad_id_is_refused(tmp_path):
    """MPNet numbers positions from pad id 1 whatever its configuration says: another pad would give wrong scores."""
    tokenizer = source_tokenizer("roberta")
    config = MPNetConfig(
        vocab_size=len(tokenizer),
        hidden_size=32,
        num_hidden_layers=1,
        num_attention_heads=2,
        intermediate_size=32,
        max_position_embeddings=26,
    )
    MPNetForMaskedLM(config).save_pretrained(tmp_path)
    tokenizer.save_pretrained(tmp_path)
    encoder = load_encoder(str(tmp_path))
    before = represented(encoder, texts())
    assert represented(transfer(encoder, tokenizer, Copying()), texts()).tobytes() == before.tobytes()
    with pytest.raises(ValueError, match=r"MPNet.* pad id 1 .*target tokenizer pads with id 5"):
        transfer(encoder, renumbered(tokenizer, new_ids(tokenizer, 5)), Copying())
