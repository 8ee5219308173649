"""An id that no token has never fires: after a transfer, after training, in every kind of encoder, by any method."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar

import numpy as np
import pytest
import scipy.sparse as sp
import torch
from sentence_transformers import SparseEncoder
from sentence_transformers.sparse_encoder.modules import SpladePooling, Transformer
from tokenizers import Tokenizer

from sembridge.assembly import assemble
from sembridge.encoder.modules import splade_modules
from sembridge.encoder.transplant import NEVER
from sembridge.initializer import Initialization, Transfer
from sembridge.options import BIAS_POLICIES
from sembridge.pipeline import transfer
from tests.helpers.families_made import Copying, family_encoder, represented, russian, texts, wrapped

HOLES = (7, 100, 101, 180)


def with_holes(tokenizer: Any) -> Any:
    """Return the tokenizer with its ids shifted so that HOLES belong to no token."""
    description = json.loads(tokenizer.backend_tokenizer.to_str())
    ids = [i for i in range(len(tokenizer) + len(HOLES)) if i not in HOLES]
    vocabulary = description["model"]["vocab"]
    description["model"]["vocab"] = {token: ids[i] for token, i in vocabulary.items()}
    for entry in description["added_tokens"]:
        entry["id"] = ids[entry["id"]]
    for entry in description["post_processor"]["special_tokens"].values():
        entry["ids"] = [ids[i] for i in entry["ids"]]
    return wrapped(Tokenizer.from_str(json.dumps(description)), tokenizer)


@dataclass(frozen=True)
class Careless:
    """A third-party method that gives every missing id a mixture, or rows of its own past `assemble`."""

    name: ClassVar[str] = "careless"
    needs: ClassVar[tuple[str, ...]] = ()
    assembled: bool = True

    def __call__(self, transfer: Transfer) -> Initialization:
        donors = np.flatnonzero(transfer.donors)
        mixture = np.zeros((len(transfer.missing), len(transfer.source)), dtype=np.float32)
        mixture[:, donors[:2]] = 0.5
        made = assemble(transfer, mixture=sp.csr_array(mixture))
        if self.assembled:
            return made
        rows = made.rows.copy()
        rows[list(HOLES)] = 9.0
        return Initialization(rows, made.mixture, made.origin)


def modern_bert(folder: Path, decoder_bias: bool) -> Any:
    """Return an encoder of ModernBERT's kind, whose decoder may have no bias."""
    from transformers import ModernBertConfig, ModernBertForMaskedLM

    from tests.helpers.families_made import source_tokenizer

    tokenizer = source_tokenizer("bert")
    size = {"hidden_size": 32, "num_hidden_layers": 2, "num_attention_heads": 4, "intermediate_size": 48}
    ids = {"pad_token_id": 0, "bos_token_id": 2, "eos_token_id": 3, "cls_token_id": 2, "sep_token_id": 3}
    config = ModernBertConfig(vocab_size=len(tokenizer), decoder_bias=decoder_bias, **size, **ids)
    torch.manual_seed(0)
    model = ModernBertForMaskedLM(config)
    with torch.no_grad():
        for name, parameter in model.named_parameters():
            if "norm" not in name:
                parameter.normal_(std=0.3)
    model.save_pretrained(folder)
    tokenizer.save_pretrained(folder)
    body = Transformer(str(folder), transformer_task="fill-mask")
    return SparseEncoder(modules=[body, SpladePooling("max")])


CASES = [(family, tied) for family in ("bert", "roberta", "distilbert") for tied in (True, False)]


def check_silent(encoder: Any, target: Any) -> None:
    """Check zero rows, negative biases, and that no text has a weight at an id without a token; others have some."""
    model = splade_modules(encoder).model
    holes = list(HOLES)
    output = model.get_output_embeddings()
    assert not model.get_input_embeddings().weight[holes].any() and not output.weight[holes].any()
    assert output.bias is None or (output.bias[holes] == NEVER).all()
    weights = represented(encoder, texts()[:30])
    fired = np.flatnonzero(weights.any(axis=0))
    assert len(fired) > 50 and not set(fired.tolist()) & set(HOLES)
    assert all(target.convert_ids_to_tokens(int(i)) is not None for i in fired)


@pytest.mark.parametrize(
    "method", [Copying(), Careless(), Careless(assembled=False)], ids=["ours", "mixed", "own rows"]
)
@pytest.mark.parametrize(("family", "tied"), CASES)
def test_no_text_reaches_an_id_without_a_token(tmp_path, family, tied, method):
    target = with_holes(russian("byte-bpe" if family == "roberta" else "wordpiece"))
    encoder = transfer(family_encoder(tmp_path, family, tied=tied), target, method)
    check_silent(encoder, target)
    assert np.flatnonzero(encoder.transfer_record.origin == "empty").tolist() == list(HOLES)


@pytest.mark.parametrize("bias", BIAS_POLICIES)
def test_under_every_policy_of_the_bias(tmp_path, bias):
    target = with_holes(russian())
    check_silent(transfer(family_encoder(tmp_path, "bert"), target, Copying(), bias=bias), target)


@pytest.mark.parametrize("decoder_bias", [True, False])
def test_decoders_without_a_bias(tmp_path, decoder_bias):
    target = with_holes(russian())
    check_silent(transfer(modern_bert(tmp_path, decoder_bias), target, Copying()), target)


@pytest.mark.parametrize(("family", "tied"), [("bert", True), ("bert", False), ("distilbert", True)])
def test_training_does_not_wake_them(tmp_path, family, tied):
    target = with_holes(russian())
    encoder = transfer(family_encoder(tmp_path, family, tied=tied), target, Copying()).train()
    model = splade_modules(encoder).model
    parameters = [parameter for parameter in model.parameters() if parameter.requires_grad]
    optimizer = torch.optim.AdamW(parameters, lr=0.05, weight_decay=0.01)
    before = model.get_input_embeddings().weight.detach().clone()
    for _ in range(5):
        batch = encoder.preprocess(texts()[:8])
        weights = encoder(batch)["sentence_embedding"]
        weights = weights.to_dense() if weights.is_sparse else weights
        loss = -weights[:, ::2].sum() + weights[:, 1::2].sum() + weights.square().mean()  # would raise even ids
        optimizer.zero_grad()
        loss.backward()
        assert not model.get_output_embeddings().bias.grad[list(HOLES)].any()
        optimizer.step()
    holes = list(HOLES)
    assert not torch.equal(model.get_input_embeddings().weight, before)
    assert not model.get_input_embeddings().weight[holes].any()
    assert (model.get_output_embeddings().bias[holes] < -0.9).all(), "weight decay alone acts on them"
    assert not represented(encoder.eval(), texts()[:30])[:, holes].any()


def test_rows_of_other_ids_are_those_of_the_same_tokenizer_without_holes(tmp_path):
    target, plain = with_holes(russian()), russian()
    made = [transfer(family_encoder(tmp_path / str(i), "bert"), t, Copying()) for i, t in enumerate((target, plain))]
    rows = [splade_modules(encoder).model.get_input_embeddings().weight.detach().numpy() for encoder in made]
    copied = made[1].transfer_record.origin == "copied"
    kept = np.setdiff1d(np.arange(len(rows[0])), HOLES)
    np.testing.assert_array_equal(rows[0][kept][copied], rows[1][copied])


def test_inference_free_encoders_refuse_gaps(tmp_path):
    encoder = family_encoder(tmp_path, "inference-free")
    with pytest.raises(ValueError, match="needs a vocabulary without gaps"):
        transfer(encoder, with_holes(russian()), Copying())
