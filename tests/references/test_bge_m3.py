"""BGE-M3's sparse head: weights by hand and by another implementation, silent special tokens, a head of two tensors."""

from __future__ import annotations

import os
import pickle
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
import torch

from harness.references import bge_m3
from harness.references.bge_m3 import TokenWeights, check, load, read_head
from tests.helpers.reference_models_made import SIZE, made_bge_m3_folder, write_head
from tests.helpers.spoiled_models import as_type, rewritten, without
from tests.helpers.tokenizers_made import english

TEXTS = [*english()[:40], "the the cat the", "", "xyzzy Q9 the", "cat"]


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return made_bge_m3_folder(tmp_path_factory.mktemp("bge") / "m3")


def encode(model, texts, batch_size=7, precision="float32"):
    return bge_m3.encode(model, texts, "query", precision=precision, batch_size=batch_size)


class Body:
    """Hidden states that are worked out by hand: token i has (i, 1 - i)."""

    device, config = torch.device("cpu"), SimpleNamespace(vocab_size=8)

    def __call__(self, input_ids, attention_mask):
        ids = input_ids.float()
        return SimpleNamespace(
            last_hidden_state=torch.stack([ids + 0.25 * torch.arange(ids.shape[1]), 1 - ids], dim=-1)
        )


def test_weights_worked_out_by_hand():
    """Head (1, 2) and bias 0.5: a token i at position p weighs relu(i + p/4 + 2 - 2i + 0.5) = relu(2.5 - i + p/4)."""
    head = torch.nn.Linear(2, 1)
    with torch.no_grad():
        head.weight.copy_(torch.tensor([[1.0, 2.0]]))
        head.bias.fill_(0.5)

    def tokenizer(texts, truncation, max_length):
        return {"input_ids": [[0, *map(int, text.split()), 2][:max_length] for text in texts]}

    tokenizer.cls_token_id, tokenizer.pad_token_id, tokenizer.eos_token_id, tokenizer.unk_token_id = 0, 1, 2, 3
    model = TokenWeights(Body(), head, tokenizer, 6)
    weights = encode(model, ["4 4 4 3", "6 5", "4 4 4 4 4 4 4 4 4"])
    # Token 4 at positions 1, 2, 3 weighs relu(-1.25), relu(-1), relu(-0.75): nothing; later positions are cut off.
    assert weights.toarray().tolist() == [[0.0] * 8] * 3
    with torch.no_grad():
        head.bias.fill_(2.5)  # relu(4.5 - i + p/4)
    expected = np.zeros((3, 8))
    expected[0, 4] = 4.5 - 4 + 3 / 4  # the largest of three positions; unk (3) at position 4 would weigh 2.5
    expected[1, 6], expected[1, 5] = 0, 4.5 - 5 + 2 / 4  # relu(-1.25), and exactly 0
    expected[2, 4] = 4.5 - 4 + 5 / 4  # the sixth position is the last that is read
    assert encode(model, ["4 4 4 3", "6 5", "4 4 4 4 4 4 4 4 4"]).toarray().tolist() == expected.tolist()


def test_the_weights_of_another_implementation(folder):
    """One text after the other, a dictionary for each, and transformers alone."""
    from transformers import AutoTokenizer, XLMRobertaModel

    tokenizer, body = AutoTokenizer.from_pretrained(folder), XLMRobertaModel.from_pretrained(folder).eval()
    head = torch.load(folder / "sparse_linear.pt", weights_only=True)
    assert head["weight"].dtype == torch.float16, "as published"
    silent = {tokenizer.cls_token_id, tokenizer.eos_token_id, tokenizer.pad_token_id, tokenizer.unk_token_id}
    model = load(str(folder))
    weights = encode(model, TEXTS)
    assert weights.shape == (len(TEXTS), len(tokenizer)) and weights.dtype == np.float32 and weights.nnz
    for row, text in zip(weights.toarray(), TEXTS, strict=True):
        batch = tokenizer(text, return_tensors="pt", truncation=True, max_length=48)
        with torch.no_grad():
            hidden = body(**batch).last_hidden_state[0].double()
        expected: dict[int, float] = {}
        for token, state in zip(batch["input_ids"][0].tolist(), hidden, strict=True):
            weight = max(0.0, float(state @ head["weight"][0].double() + head["bias"].double()[0]))
            if token not in silent:
                expected[token] = max(weight, expected.get(token, 0.0))
        dense = np.zeros(len(tokenizer))
        dense[list(expected)] = list(expected.values())
        np.testing.assert_allclose(row, dense, atol=1e-5)
    assert weights[[TEXTS.index("")]].nnz == 0 and all(weights[:, [token]].nnz == 0 for token in silent)


def test_texts_are_read_up_to_a_limit(folder):
    assert [load(str(folder), max_length=length).limit for length in (None, 10_000, 5)] == [48, 48, 5]
    text = " ".join(english()[:20])
    assert encode(load(str(folder)), [text]).nnz > encode(load(str(folder), max_length=5), [text]).nnz > 0


def test_safetensors_come_first(folder, tmp_path):
    plain = made_bge_m3_folder(tmp_path / "plain", head="sparse_linear.safetensors")
    both = made_bge_m3_folder(tmp_path / "both", head="sparse_linear.safetensors")
    (both / "sparse_linear.pt").write_bytes(b"no pickle at all")
    expected = encode(load(str(folder)), TEXTS).toarray()
    for other in (plain, both):
        np.testing.assert_array_equal(encode(load(str(other)), TEXTS).toarray(), expected)


class Evil:
    def __init__(self, path: Path):
        self.path = path

    def __reduce__(self):
        return os.system, (f"touch {self.path}",)


def test_a_pickle_that_does_something_is_refused_and_not_run(tmp_path):
    ran = tmp_path / "ran"
    folder = made_bge_m3_folder(tmp_path / "m3", head=None)
    tensors = {"weight": torch.zeros(1, SIZE), "bias": torch.zeros(1)}
    for content in (Evil(ran), tensors | {"more": Evil(ran)}, {"weight": Evil(ran), "bias": torch.zeros(1)}):
        torch.save(content, folder / "sparse_linear.pt")
        with pytest.raises(ValueError, match=r"sparse_linear\.pt is refused: it holds more than tensors") as refused:
            check(str(folder))
        assert "\n" not in str(refused.value) and not ran.exists()
    (folder / "sparse_linear.pt").write_bytes(pickle.dumps(Evil(ran)))
    with pytest.raises(ValueError, match="is refused"):
        load(str(folder))
    assert not ran.exists()
    pickle.loads(pickle.dumps(Evil(ran)))
    assert ran.exists(), "it would have run"


@pytest.mark.parametrize(
    "content",
    [
        {"weight": torch.zeros(1, SIZE)},
        {"weight": torch.zeros(1, SIZE), "bias": torch.zeros(1), "more": torch.zeros(1)},
        {"weight": torch.zeros(1, SIZE), "bias": torch.zeros(1), "more": "text"},
        {"weight": torch.zeros(1, SIZE - 1), "bias": torch.zeros(1)},
        {"weight": torch.zeros(SIZE, 1), "bias": torch.zeros(1)},
        torch.zeros(1, SIZE),
        [torch.zeros(1, SIZE), torch.zeros(1)],
    ],
    ids=["no bias", "one more", "a text more", "narrow", "turned", "a tensor", "a list"],
)
def test_a_head_is_two_tensors_of_the_body_s_size(tmp_path, content):
    (tmp_path / "config.json").write_text(f'{{"hidden_size": {SIZE}}}')
    write_head(tmp_path / "sparse_linear.pt", content)
    with pytest.raises(ValueError, match=r"sparse_linear\.pt is refused: it holds .* and not the head of this model"):
        read_head(str(tmp_path))


def test_what_is_no_bge_m3_is_refused(tmp_path):
    folder = made_bge_m3_folder(tmp_path / "m3")
    (folder / "model.safetensors").rename(folder / "pytorch_model.bin")
    with pytest.raises(ValueError, match=r"m3' has no model\.safetensors; convert its weights"):
        check(str(folder))
    write_head(folder / "sparse_linear.safetensors", {"weight": torch.zeros(1, SIZE), "bias": torch.zeros(1)})
    with pytest.raises(ValueError, match=r"m3' has no model\.safetensors; convert its weights"):
        check(str(folder))
    for name in ("sparse_linear.safetensors", "sparse_linear.pt"):
        (folder / name).unlink()
    with pytest.raises(
        ValueError,
        match=r"is not of kind bge-m3: it has no sparse_linear\.pt; make a dense model a bridge and add the row dense",
    ):
        check(str(folder))
    (folder / "config.json").unlink()
    with pytest.raises(ValueError, match=r"it has no config\.json with a hidden_size"):
        check(str(folder))


def test_on_the_hub_the_head_is_read_before_the_body(folder, tmp_path, hub):
    def added(name, path):
        return f"some/{name}", hub.add(
            f"some/{name}", {file.name: file.read_bytes() for file in path.iterdir()}, kind="models"
        )

    check(*(good := added("m3", folder)))
    evil = made_bge_m3_folder(tmp_path / "evil", head=None)
    torch.save(Evil(tmp_path / "ran"), evil / "sparse_linear.pt")
    with pytest.raises(ValueError, match=r"sparse_linear\.pt is refused"):
        check(*added("evil", evil))
    assert not (tmp_path / "ran").exists() and not [
        path for path in hub.transfers() if path.endswith("model.safetensors")
    ]
    np.testing.assert_array_equal(
        encode(load(*good), TEXTS[:5]).toarray(), encode(load(str(folder)), TEXTS[:5]).toarray()
    )


def test_a_body_that_lacks_weights_is_refused_and_the_pooler_is_not_needed(folder, tmp_path):
    pooled = rewritten(folder, tmp_path / "pooled", without("pooler"))
    check(str(pooled))
    expected = encode(load(str(folder)), TEXTS)
    assert (encode(load(str(pooled)), TEXTS) != expected).nnz == 0
    lacking = str(rewritten(folder, tmp_path / "lacking", without("output.dense.bias")))
    for refuse in (check, load):
        with pytest.raises(ValueError, match=r"lacks 2 tensors that XLMRobertaModel reads .* initialized at random"):
            refuse(lacking)


def test_half_precision_is_read_as_its_float32_copy(folder, tmp_path):
    half = rewritten(folder, tmp_path / "half", as_type(torch.float16))
    copy = rewritten(half, tmp_path / "copy", as_type(torch.float32))
    weights = [encode(load(str(model)), TEXTS) for model in (half, copy)]
    assert weights[0].nnz and (weights[0] != weights[1]).nnz == 0
