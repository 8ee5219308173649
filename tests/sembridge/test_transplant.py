"""A transplant moves a vocabulary and nothing else: identity changes no bit, and a permutation of ids permutes the representations."""

from __future__ import annotations

import copy
import json
import random
import subprocess
import sys
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
import torch
from families_made import (
    FAMILIES,
    POSITIONS,
    Copying,
    family_encoder,
    family_folder,
    family_model,
    new_ids,
    renumbered,
    represented,
    source_tokenizer,
    texts,
    with_marks,
)
from tokenizers_made import made_tokenizer
from transformers import MPNetConfig, MPNetForMaskedLM

from sembridge.encoder import load_encoder
from sembridge.head import pad, represent
from sembridge.initializer import Initialization
from sembridge.pipeline import apply, question
from sembridge.transplant import BIAS_POLICIES, decoder_rows, source_rows, transplant

PADS = (0, 1, 5, 100)
MOVES = [(family, pad_at, tied) for family in FAMILIES for pad_at in PADS for tied in (True, False) if tied or pad_at == 5]


@pytest.fixture(scope="module")
def folders(tmp_path_factory: pytest.TempPathFactory) -> dict[tuple[str, bool], str]:
    return {(family, tied): family_folder(tmp_path_factory.mktemp(family), family, tied=tied) for family in FAMILIES for tied in (True, False)}


@pytest.fixture(params=FAMILIES)
def encoder(request: pytest.FixtureRequest, folders: Any) -> Any:
    return load_encoder(folders[request.param, True])


def russian(kind: str = "wordpiece") -> Any:
    return with_marks(made_tokenizer(kind, "russian", 350))  # of another size than the English ones


def answer_for(encoder: Any, tokenizer: Any) -> Initialization:
    return Copying()(question(encoder, tokenizer))


def decoder_bias(encoder: Any) -> np.ndarray:
    return encoder[0].model.get_output_embeddings().bias.detach().numpy()


def batch_of(encoder: Any, given: list[str]) -> dict[str, torch.Tensor]:
    tokenizer = encoder[0].processor
    return pad(tokenizer(given, truncation=True, max_length=encoder.max_seq_length)["input_ids"], tokenizer.pad_token_id)


# ---------------------------------------------------------------- what must not change


@pytest.mark.parametrize("tied", [True, False], ids=["tied", "untied"])
@pytest.mark.parametrize("family", FAMILIES)
def test_identity_changes_no_bit(family, tied, folders):
    encoder = load_encoder(folders[family, tied])
    before = represented(encoder, texts())
    assert before.shape[0] == 50 and (before > 0).any(axis=1).all() and before.std(axis=0).max() > 0.05
    state = {name: value.clone() for name, value in encoder[0].model.state_dict().items()}
    apply(encoder, source_tokenizer(family), Copying())
    assert represented(encoder, texts()).tobytes() == before.tobytes()
    after = encoder[0].model.state_dict()
    assert after.keys() == state.keys()
    changed = [name for name in state if not torch.equal(after[name], state[name])]
    # rows of a position table below the pad position are never read
    assert changed == (["roberta.embeddings.position_embeddings.weight"] if family == "roberta" else [])


@pytest.mark.parametrize(("family", "pad_at", "tied"), MOVES, ids=lambda value: str(value))
def test_permuted_ids_permute_the_representations(family, pad_at, tied, folders):
    encoder, tokenizer = load_encoder(folders[family, tied]), source_tokenizer(family)
    before = represented(encoder, texts())  # batches of 16 texts of mixed lengths
    order = new_ids(tokenizer, pad_at)
    target = renumbered(tokenizer, order)
    assert target.pad_token_id == pad_at and target(texts()[0])["input_ids"] == [order[i] for i in tokenizer(texts()[0])["input_ids"]]
    apply(encoder, target, Copying())
    after = represented(encoder, texts())
    assert after[:, order].tobytes() == before.tobytes()
    singly = represented(encoder, texts(), batch_size=1)
    np.testing.assert_allclose(singly, after, atol=1e-5, err_msg="padding a batch does not change a text")


@pytest.mark.parametrize("pad_at", PADS)
def test_positions_of_roberta_start_as_before(pad_at, folders):
    encoder, tokenizer = load_encoder(folders["roberta", True]), source_tokenizer("roberta")
    met: list[torch.Tensor] = []

    def watch(watched: Any) -> None:
        watched[0].model.roberta.embeddings.position_embeddings.register_forward_hook(lambda module, given, output: met.append(output))

    watch(encoder)
    represent(encoder, batch_of(encoder, texts()[:8]))
    table = encoder[0].model.roberta.embeddings.position_embeddings.weight
    assert torch.equal(met[0][0][0], table[2]), "RoBERTa itself begins at pad id + 1 = 2"
    apply(encoder, renumbered(tokenizer, new_ids(tokenizer, pad_at)), Copying())
    watch(encoder)
    batch = batch_of(encoder, texts()[:8])
    assert (batch["attention_mask"] == 0).any()
    represent(encoder, batch)
    assert torch.equal(met[0], met[1])


@pytest.mark.parametrize("pad_at", PADS)
def test_every_position_can_still_be_used(pad_at, folders):
    encoder, tokenizer = load_encoder(folders["roberta", True]), source_tokenizer("roberta")
    apply(encoder, renumbered(tokenizer, new_ids(tokenizer, pad_at)), Copying())
    assert encoder.max_seq_length == POSITIONS
    batch = batch_of(encoder, [texts()[-1]])
    assert batch["input_ids"].shape == (1, POSITIONS), "the longest text is cut to every position there is"
    assert torch.isfinite(represent(encoder, batch)).all()


@pytest.mark.parametrize("pad_at", [0, 5])
def test_pads_do_not_train_and_the_token_with_the_old_pad_id_does(pad_at, folders):
    encoder, tokenizer = load_encoder(folders["roberta", False]), source_tokenizer("roberta")
    target = renumbered(tokenizer, new_ids(tokenizer, pad_at))
    apply(encoder, target, Copying())
    embedding = encoder[0].model.get_input_embeddings()
    assert embedding.padding_idx == pad_at
    ids = [target.bos_token_id, 1, 7, target.eos_token_id]  # 1 was the pad
    represent(encoder, pad([ids, ids[:2]], pad_at)).sum().backward()
    assert embedding.weight.grad[1].abs().max() > 0 and not embedding.weight.grad[pad_at].any()


def test_a_tokenizer_that_pads_on_the_left(folders):
    """Tokenizers of decoder models do; a body that numbers positions from the first column must not."""
    for family in FAMILIES:
        encoder, target = load_encoder(folders[family, True]), source_tokenizer(family)
        before = represented(encoder, texts())
        target.padding_side = target.truncation_side = "left"
        apply(encoder, target, Copying())
        assert represented(encoder, texts()).tobytes() == before.tobytes(), family
        assert target.padding_side == "left", "the tokenizer given is not changed"


# ---------------------------------------------------------------- what moves


@pytest.mark.parametrize("kind", ["wordpiece", "byte-bpe", "unigram"])
def test_rows_and_sizes(encoder, kind):
    target = russian(kind)
    answer = answer_for(encoder, target)
    size = len(answer.rows)
    assert size != len(source_rows(encoder)) and transplant(encoder, target, answer) is encoder
    model = encoder[0].model
    assert np.array_equal(source_rows(encoder), answer.rows) and decoder_rows(encoder) is None
    assert model.get_output_embeddings().weight is model.get_input_embeddings().weight
    assert model.config.vocab_size == size == encoder[1].embedding_dimension == encoder.get_embedding_dimension()
    assert model.get_input_embeddings().num_embeddings == size == model.get_output_embeddings().out_features == len(decoder_bias(encoder))
    assert represented(encoder, ["новый кот", "the cat"]).shape == (2, size)
    assert not model.training and model.dtype == torch.float32


@pytest.mark.parametrize("kind", ["wordpiece", "byte-bpe"])
def test_special_ids_follow_the_target(encoder, kind):
    target, config = russian(kind), encoder[0].model.config
    had = {name for name in ("bos_token_id", "eos_token_id") if getattr(config, name, None) is not None}
    old_config = copy.deepcopy(config)
    apply(encoder, target, Copying())
    config = encoder[0].model.config
    assert config.pad_token_id == target.pad_token_id == encoder[0].model.get_input_embeddings().padding_idx
    for name in had:
        assert getattr(config, name) == getattr(target, name)
    assert (had == {"bos_token_id", "eos_token_id"}) == (config.model_type == "roberta")
    assert old_config.vocab_size != config.vocab_size
    kept = {"vocab_size", "pad_token_id", "bos_token_id", "eos_token_id", "max_position_embeddings"}
    assert {k: v for k, v in config.to_dict().items() if k not in kept} == {k: v for k, v in old_config.to_dict().items() if k not in kept}


def test_tokenizer_is_a_copy_that_asks_for_what_the_model_takes(encoder):
    target = russian()
    before = (target.model_max_length, list(target.model_input_names))
    source_names = list(encoder[0].processor.model_input_names)
    apply(encoder, target, Copying())
    held = encoder[0].processor
    assert held is not target and (target.model_max_length, list(target.model_input_names)) == before
    assert held.model_input_names == source_names and ("token_type_ids" in source_names) == (encoder[0].model.config.model_type == "bert")
    assert set(held(["кот"])) == set(source_names) == set(encoder.preprocess(["кот"])) & {"input_ids", "attention_mask", "token_type_ids"}
    assert held(["новый кот"])["input_ids"] == target(["новый кот"])["input_ids"]


@pytest.mark.parametrize(("given", "expected"), [(10**30, POSITIONS), (POSITIONS + 100, POSITIONS), (9, 9)])
def test_max_seq_length(encoder, given, expected):
    target = russian()
    target.model_max_length = given
    apply(encoder, target, Copying())
    assert encoder.max_seq_length == expected
    assert torch.isfinite(torch.from_numpy(represented(encoder, ["кот " * 200]))).all()


def test_max_seq_length_set_before_stays(encoder):
    encoder.max_seq_length = 7
    assert apply(encoder, russian(), Copying()).max_seq_length == 7


# ---------------------------------------------------------------- bias policies


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
    assert not decoder_bias(apply(encoder, russian(), Copying(), bias="zero")).any()


@pytest.mark.parametrize("kind", ["wordpiece", "byte-bpe"])
def test_bias_kept_at_the_source_ids(encoder, kind):
    bias = decoder_bias(encoder).copy()
    kept = decoder_bias(apply(encoder, russian(kind), Copying(), bias="keep"))
    shared = min(len(bias), len(kept))
    assert len(kept) != len(bias) and np.array_equal(kept[:shared], bias[:shared]) and not kept[shared:].any()


def test_bias_keep_covers_a_smaller_and_a_larger_vocabulary(folders):
    sizes = [len(load_encoder(folders[family, True])[0].processor) for family in FAMILIES]
    targets = [len(russian(kind)) for kind in ("wordpiece", "byte-bpe")]
    assert min(targets) < max(sizes) and max(targets) > min(sizes)


def test_policies_differ_in_what_they_score(folders):
    results = {bias: represented(apply(load_encoder(folders["bert", True]), russian(), Copying(), bias=bias), ["the cat"]) for bias in BIAS_POLICIES}
    assert len({result.tobytes() for result in results.values()}) == 3


@pytest.mark.parametrize("bias", ["Transfer", "", "none"])
def test_unknown_bias_policy(bias, folders):
    encoder = load_encoder(folders["bert", True])
    with pytest.raises(ValueError, match=f"bias policy {bias!r} is unknown; choose one of transfer, zero, keep"):
        apply(encoder, russian(), Copying(), bias=bias)


# ---------------------------------------------------------------- untied decoders


@pytest.mark.parametrize("family", FAMILIES)
def test_an_untied_decoder_gets_rows_of_its_own(family, folders):
    encoder, target = load_encoder(folders[family, False]), russian()
    own = decoder_rows(encoder)
    assert own is not None and not np.array_equal(own, source_rows(encoder))
    asked = question(encoder, target)
    answer, decoder = Copying()(asked), Copying()(replace(asked, rows=own))
    bias = decoder_bias(encoder).copy()
    apply(encoder, target, Copying())
    assert np.array_equal(source_rows(encoder), answer.rows) and np.array_equal(decoder_rows(encoder), decoder.rows)
    np.testing.assert_allclose(decoder_bias(encoder), answer.carry(bias), rtol=1e-6)
    assert encoder[0].model.config.tie_word_embeddings is False


@pytest.mark.parametrize("tied", [True, False])
def test_decoder_rows_are_required_exactly_of_an_untied_decoder(tied, folders):
    encoder, target = load_encoder(folders["bert", tied]), russian()
    answer = answer_for(encoder, target)
    before = encoder[0].model
    with pytest.raises(ValueError, match=r"untied decoder needs rows of its own.*decoder_rows\(encoder\)"):
        transplant(encoder, target, answer, decoder=answer if tied else None)
    assert encoder[0].model is before and encoder[0].processor is not target, "a refused transplant leaves the encoder as it was"


def test_a_decoder_stored_beside_a_tied_config_is_not_lost(folders, tmp_path):
    """opensearch v1: compare before assuming. Whatever the loader makes of such a folder, the transplant must not change its scores."""
    folder = tmp_path / "stored"
    model = family_model("bert", len(source_tokenizer("bert")), 0, tied=False)
    model.save_pretrained(folder)
    source_tokenizer("bert").save_pretrained(folder)
    config = json.loads((folder / "config.json").read_text())
    (folder / "config.json").write_text(json.dumps({**config, "tie_word_embeddings": True}))
    encoder = load_encoder(str(folder))
    before = represented(encoder, texts())
    assert represented(apply(encoder, source_tokenizer("bert"), Copying()), texts()).tobytes() == before.tobytes()


# ---------------------------------------------------------------- refusals and manners


def test_more_ids_than_rows(encoder):
    target = russian()
    answer = answer_for(encoder, target)
    target.add_tokens(["ещё", "одно"])
    last = len(answer.rows) + 1
    with pytest.raises(ValueError, match=f"emit ids up to {last} but the initialization has only {last - 1} rows"):
        transplant(encoder, target, answer)
    assert len(source_rows(encoder)) == len(encoder[0].processor), "a refused transplant leaves the encoder as it was"


def test_rows_beyond_the_tokenizer_are_allowed(encoder):
    """A matrix rounded up to a multiple of 64, as many models are."""
    target = russian()
    answer = answer_for(encoder, target)
    size = len(answer.rows)
    mixture = answer.mixture.copy()
    mixture.resize((size + 64, mixture.shape[1]))
    transplant(encoder, target, Initialization(np.pad(answer.rows, ((0, 64), (0, 0))), mixture, np.pad(answer.origin, (0, 64))))
    assert encoder.get_embedding_dimension() == size + 64


def test_source_rows_beyond_the_source_tokenizer(folders, tmp_path):
    tokenizer = source_tokenizer("bert")
    family_model("bert", len(tokenizer) + 19, tokenizer.pad_token_id).save_pretrained(tmp_path)
    tokenizer.save_pretrained(tmp_path)
    encoder = load_encoder(str(tmp_path))
    bias, before = decoder_bias(encoder)[: len(tokenizer)].copy(), represented(encoder, texts())
    apply(encoder, tokenizer, Copying())
    assert len(source_rows(encoder)) == len(tokenizer) and np.array_equal(decoder_bias(encoder), bias)
    np.testing.assert_allclose(represented(encoder, texts()), before[:, : len(tokenizer)], rtol=1e-6)


def test_global_generators_are_untouched(encoder):
    torch.manual_seed(3)
    np.random.seed(3)
    random.seed(3)
    before = torch.get_rng_state(), np.random.get_state()[1].tobytes(), random.getstate()
    apply(encoder, russian(), Copying())
    assert torch.equal(torch.get_rng_state(), before[0])
    assert (np.random.get_state()[1].tobytes(), random.getstate()) == before[1:]


def test_the_answer_is_not_shared_with_the_model(encoder):
    target = russian()
    answer = answer_for(encoder, target)
    rows = answer.rows.copy()
    transplant(encoder, target, answer)
    with torch.no_grad():
        encoder[0].model.get_input_embeddings().weight.zero_()
    assert np.array_equal(answer.rows, rows)


def test_half_precision_and_training_mode_stay(encoder):
    encoder[0].model.to(torch.bfloat16).train()
    apply(encoder, russian(), Copying())
    assert {parameter.dtype for parameter in encoder[0].model.parameters()} == {torch.bfloat16} and encoder[0].model.training
    assert all(parameter.requires_grad for parameter in encoder[0].model.parameters())


def test_two_transplants_in_a_row(folders):
    """There and back: nothing of the way remains, whatever the pad id was meanwhile."""
    for family in FAMILIES:
        encoder, tokenizer = load_encoder(folders[family, True]), source_tokenizer(family)
        before = represented(encoder, texts())
        apply(encoder, renumbered(tokenizer, new_ids(tokenizer, 33)), Copying())
        apply(encoder, tokenizer, Copying())
        assert represented(encoder, texts()).tobytes() == before.tobytes(), family
        assert encoder[0].model.config.max_position_embeddings == POSITIONS + (2 if family == "roberta" else 0)


def test_a_body_with_a_fixed_pad_id_is_refused(tmp_path):
    """MPNet numbers positions from pad id 1 whatever its configuration says: with another pad its scores would be silently wrong."""
    tokenizer = source_tokenizer("roberta")
    config = MPNetConfig(
        vocab_size=len(tokenizer), hidden_size=32, num_hidden_layers=1, num_attention_heads=2, intermediate_size=32, max_position_embeddings=26
    )
    MPNetForMaskedLM(config).save_pretrained(tmp_path)
    tokenizer.save_pretrained(tmp_path)
    encoder = load_encoder(str(tmp_path))
    before = represented(encoder, texts())
    assert represented(apply(encoder, tokenizer, Copying()), texts()).tobytes() == before.tobytes()
    with pytest.raises(ValueError, match=r"MPNet.* pad id 1 .*target tokenizer pads with id 5"):
        apply(encoder, renumbered(tokenizer, new_ids(tokenizer, 5)), Copying())


# ---------------------------------------------------------------- saved and read again elsewhere

READER = """
import json, sys
import numpy as np, torch
from sentence_transformers import SparseEncoder
from transformers import AutoModelForMaskedLM, AutoTokenizer
torch.set_num_threads(1)  # as here: the number of threads decides how sums are cut
folder, given = sys.argv[1], json.load(open(sys.argv[1] + "/texts.json", encoding="utf-8"))
for name in sys.argv[2:]:
    encoder = SparseEncoder(f"{folder}/{name}", device="cpu")
    weights = encoder.encode(given, batch_size=16, convert_to_sparse_tensor=False).numpy()
    tokenizer = AutoTokenizer.from_pretrained(f"{folder}/{name}")
    model = AutoModelForMaskedLM.from_pretrained(f"{folder}/{name}").eval()
    batch = tokenizer(given[:16], padding=True, truncation=True, return_tensors="pt")
    with torch.no_grad():
        logits = model(**batch).logits.numpy()
    about = [encoder.max_seq_length, encoder.get_embedding_dimension(), sorted(encoder.preprocess(["a"])), sorted(batch), tokenizer.padding_side]
    np.savez(f"{folder}/{name}.npz", weights=weights, logits=logits, about=json.dumps(about))
assert "sembridge" not in sys.modules
"""


def test_reloaded_in_another_process_it_scores_bit_identically(folders, tmp_path):
    given = [*texts()[:30], "новый кот смотрит", "забывает пароль", "The cat, старый!"]
    (tmp_path / "texts.json").write_text(json.dumps(given), encoding="utf-8")
    cases = {f"{family}-{tied}": (family, tied, russian()) for family in FAMILIES for tied in (True, False)}
    cases["roberta-pad5"] = ("roberta", True, renumbered(source_tokenizer("roberta"), new_ids(source_tokenizer("roberta"), 5)))
    cases["bert-left"] = ("bert", True, russian())
    cases["bert-left"][2].padding_side = "left"
    expected = {}
    for name, (family, tied, target) in cases.items():
        encoder = apply(load_encoder(folders[family, tied]), target, Copying())
        encoder.save_pretrained(str(tmp_path / name), create_model_card=False)
        with torch.no_grad():
            logits = encoder[0].model(**batch_of(encoder, given[:16])).logits.numpy()
        names = sorted(set(encoder[0].processor.model_input_names))
        expected[name] = represented(encoder, given), logits, encoder.max_seq_length, encoder.get_embedding_dimension(), names
    ran = subprocess.run([sys.executable, "-c", READER, str(tmp_path), *cases], cwd=tmp_path, capture_output=True, text=True)
    assert ran.returncode == 0, ran.stderr
    for name, (weights, logits, length, dimension, names) in expected.items():
        with np.load(tmp_path / f"{name}.npz") as read:
            about = json.loads(str(read["about"]))
            assert read["weights"].tobytes() == weights.tobytes(), f"{name}: SparseEncoder"
            assert read["logits"].tobytes() == logits.tobytes(), f"{name}: AutoModelForMaskedLM"
            assert about[:2] == [length, dimension], name
            assert [n for n in about[2] if n in about[3]] == about[3] == names, f"{name}: inputs of the reloaded tokenizer"
            assert about[4] == "right"


@pytest.mark.parametrize("family", FAMILIES)
def test_a_reloaded_encoder_can_be_transplanted_again(family, folders, tmp_path):
    encoder, tokenizer = load_encoder(folders[family, True]), source_tokenizer(family)
    before = represented(encoder, texts())
    apply(encoder, renumbered(tokenizer, new_ids(tokenizer, 5)), Copying()).save_pretrained(str(tmp_path), create_model_card=False)
    again = apply(load_encoder(str(tmp_path)), tokenizer, Copying())
    assert represented(again, texts()).tobytes() == before.tobytes()


def test_the_encoders_of_this_file_are_told_apart_by_their_texts(tmp_path):
    """Were the tiny encoders blind to positions or to word order, the tests above would prove little."""
    encoder = family_encoder(tmp_path, "roberta")
    one, other = represented(encoder, ["cat river the", "the river cat"])
    assert np.abs(one - other).max() > 1e-3
