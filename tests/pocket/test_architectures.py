"""Untrained models of the pocket's architectures for a tiny tokenizer: shapes, head parameters, ids and positions."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from harness.pocket.architectures import ARCHITECTURES, BODY, english_text
from harness.pocket.tokenizers import MAX_LENGTH, wordpiece
from harness.store.artifact import Location

LINES = ["the cat sat on the mat", "a dog, a Cat and a bird"] * 5


@pytest.fixture(scope="module")
def inputs(tmp_path_factory) -> dict[str, Location]:
    """Return the inputs of the stage, a few lines of text and a WordPiece tokenizer trained on them."""
    folder: Path = tmp_path_factory.mktemp("inputs")
    (folder / "text").mkdir()
    (folder / "text" / "en.txt").write_text("\n".join(LINES) + "\n", encoding="utf-8")
    wordpiece(LINES, 60, lowercase=True).save_pretrained(folder / "en")
    return {"text": Location(str(folder)), "tokenizers": Location(str(folder))}


@pytest.fixture(scope="module", params=ARCHITECTURES)
def built(request, inputs) -> tuple[str, Any, Any]:
    """Return the name of an architecture, its tokenizer and its model."""
    architecture = ARCHITECTURES[request.param]
    tokenizer = architecture.tokenizer(inputs)
    return request.param, tokenizer, architecture.model(tokenizer, 0.02)


def test_the_english_text_is_read_by_lines(inputs):
    assert english_text(inputs) == LINES


def test_the_parameters_of_the_head_have_their_names(built):
    name, tokenizer, model = built
    parameters = dict(model.named_parameters())
    architecture = ARCHITECTURES[name]
    assert parameters[architecture.dense].shape == (BODY["hidden_size"], BODY["hidden_size"])
    assert parameters[architecture.bias].shape == (len(tokenizer),)
    assert architecture.inference_free == (name == "inference-free")


def test_every_body_has_the_same_layers_without_dropout(built):
    """Two layers of four 128 x 128 and two 128 x 512 matrices."""
    _, tokenizer, model = built
    squares = [
        tuple(p.shape) for n, p in model.named_parameters() if ".layer." in n and n.endswith("weight") and p.dim() > 1
    ]
    assert sorted(squares) == sorted(2 * ([(128, 128)] * 4 + [(128, 512), (512, 128)]))
    assert model.get_input_embeddings().weight.shape == (len(tokenizer), 128)
    assert {module.p for module in model.modules() if type(module).__name__ == "Dropout"} <= {0.0}


def test_texts_of_the_longest_length_are_read(built):
    """RoBERTa counts positions from the pad id + 1, so its table has that many more rows."""
    import torch

    name, tokenizer, model = built
    assert tokenizer.model_max_length == MAX_LENGTH
    rows = next(p for n, p in model.named_parameters() if "position_embeddings" in n).shape[0]
    assert rows == MAX_LENGTH + (tokenizer.pad_token_id + 1 if name == "roberta" else 0)
    batch = tokenizer(["cat " * 2 * MAX_LENGTH, "cat"], padding=True, truncation=True, return_tensors="pt")
    assert batch["input_ids"].shape == (2, MAX_LENGTH)
    with torch.no_grad():
        logits = model(**batch).logits
    assert logits.shape == (2, MAX_LENGTH, len(tokenizer)) and bool(logits.isfinite().all())


def test_ids_of_special_tokens_agree(built):
    name, tokenizer, model = built
    assert model.config.pad_token_id == tokenizer.pad_token_id
    assert model.get_input_embeddings().padding_idx == tokenizer.pad_token_id
    if name == "roberta":
        assert (model.config.bos_token_id, model.config.eos_token_id) == (
            tokenizer.bos_token_id,
            tokenizer.eos_token_id,
        )


def test_weights_have_the_asked_deviation(inputs):
    import torch

    tokenizer = ARCHITECTURES["bert"].tokenizer(inputs)
    for name in ("bert", "distilbert"):
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(0)
            model = ARCHITECTURES[name].model(tokenizer, 0.5)
        weights = dict(model.named_parameters())[ARCHITECTURES[name].dense]
        assert float(weights.detach().std()) == pytest.approx(0.5, rel=0.03)  # of 16,384 weights


def test_distilbert_has_the_tokenizer_of_bert_without_token_types(inputs):
    bert, distilbert = (ARCHITECTURES[name].tokenizer(inputs) for name in ("bert", "distilbert"))
    assert bert.get_vocab() == distilbert.get_vocab()
    read = [tokenizer("The cat, a DOG") for tokenizer in (bert, distilbert)]
    assert read[0]["input_ids"] == read[1]["input_ids"]
    assert "token_type_ids" in read[0] and "token_type_ids" not in read[1]
