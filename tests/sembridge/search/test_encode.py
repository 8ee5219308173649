"""Encoding against sentence-transformers, and the promise that the result depends on the texts alone."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from harness.pocket.tokenizers import wordpiece
from sembridge.encoder import triton_head
from sembridge.encoder.loading import load_encoder
from sembridge.search import encode as encode_module
from sembridge.search.encode import WINDOW, encode, encode_all, length_batches
from sembridge.search.encode_options import EncodeOptions
from tests.helpers.encoders_made import made_encoder, made_encoder_folder
from tests.helpers.products_seen import products_seen
from tests.helpers.tokenizers_made import english
from tests.helpers.triton_device import NEEDS_GPU

OPTIONS = EncodeOptions(max_length=None, precision="float32")


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return str(made_encoder_folder(tmp_path_factory.mktemp("encoder"), bias=-1.0))


@pytest.fixture(scope="module")
def encoder(folder):
    return load_encoder(folder)


@pytest.fixture(scope="module")
def texts():
    """1,100 texts of 1 to 60 words (the encoder takes 48 tokens), lengths mixed."""
    rng = np.random.default_rng(0)
    words = " ".join(english()).split()
    return [" ".join(rng.choice(words, size)) for size in rng.integers(1, 61, size=1100)]


@pytest.fixture(scope="module")
def encoded(encoder, texts):
    return encode_all(encoder, texts, "document", OPTIONS)


def same(left, right):
    left.sort_indices(), right.sort_indices()
    return left.shape == right.shape and all(
        np.array_equal(getattr(left, part), getattr(right, part)) for part in ("indptr", "indices", "data")
    )


def test_equals_sentence_transformers(encoder, texts, encoded):
    expected = encoder.encode(texts, batch_size=16, convert_to_sparse_tensor=False).numpy()
    assert encoded.dtype == np.float32 and encoded.shape == expected.shape == (1100, encoder[0].model.config.vocab_size)
    assert 0.01 < (expected > 0).mean() < 0.9
    np.testing.assert_allclose(encoded.toarray(), expected, atol=1e-6, rtol=1e-6)


@pytest.mark.parametrize(("strategy", "activation"), [("sum", "relu"), ("max", "log1p_relu")])
def test_other_poolings_equal_sentence_transformers(folder, texts, strategy, activation):
    encoder = load_encoder(folder)
    encoder[1].pooling_strategy, encoder[1].activation_function = strategy, activation
    expected = encoder.encode(texts[:50], convert_to_sparse_tensor=False).numpy()
    np.testing.assert_allclose(
        encode_all(encoder, texts[:50], "document", OPTIONS).toarray(), expected, atol=1e-5, rtol=1e-5
    )


def test_windows_are_of_the_promised_size_and_in_order(encoder, texts, encoded):
    blocks = list(encode(encoder, texts, "document", OPTIONS))
    assert [block.shape[0] for block in blocks] == [WINDOW, WINDOW, 1100 - 2 * WINDOW]
    for number in (0, 1, 511, 512, 700, 1099):  # each row is its own text's
        alone = encode_all(encoder, [texts[number]], "document", OPTIONS).toarray()[0]
        np.testing.assert_allclose(encoded[[number]].toarray()[0], alone, atol=1e-6)


def test_slices_at_window_boundaries_give_the_same_bits(encoder, texts, encoded):
    parts = [encode_all(encoder, texts[start:end], "document", OPTIONS) for start, end in ((0, WINDOW), (WINDOW, 1100))]
    assert same(parts[0], encoded[:WINDOW]) and same(parts[1], encoded[WINDOW:])
    tail = encode_all(encoder, texts[2 * WINDOW :], "document", OPTIONS)
    assert same(tail, encoded[2 * WINDOW :])


def test_the_same_call_gives_the_same_bits_and_leaves_the_encoder_alone(encoder, texts, encoded):
    assert same(encode_all(encoder, texts, "document", OPTIONS), encoded)
    assert not encoder[0].model.training
    assert all(parameter.requires_grad and parameter.grad is None for parameter in encoder[0].model.parameters())


@pytest.mark.parametrize("most", [1, 100, 10**6])
def test_other_batches_change_rounding_at_most(encoder, texts, encoded, monkeypatch, most):
    """Also where a single text is longer than a batch may be."""
    monkeypatch.setattr("sembridge.search.encode.MOST_TOKENS", most)
    seen = []
    handle = encoder[0].model.register_forward_pre_hook(
        lambda module, args, kwargs: seen.append(kwargs["input_ids"].shape), with_kwargs=True
    )
    other = encode_all(encoder, texts[:100], "document", OPTIONS)
    handle.remove()
    np.testing.assert_allclose(other.toarray(), encoded[:100].toarray(), atol=1e-6)
    assert sum(size for size, _ in seen) == 100
    assert all(size * length <= most or size == 1 for size, length in seen)
    assert (len(seen) < 5) == (most == 10**6)


# Tokens of 5,000 texts: log-normal, like passages of web pages and of an encyclopedia; long mixed with short.
LENGTHS = {
    "web passages": lambda rng: rng.lognormal(4.25, 0.4, 5000),
    "paragraphs": lambda rng: rng.lognormal(4.8, 0.6, 5000),
    "wild": lambda rng: rng.lognormal(4.5, 1.0, 5000),
}


@pytest.mark.parametrize("kind", LENGTHS)
def test_fewer_than_one_token_in_ten_is_a_pad(kind):
    token_ids = [[0] * int(length) for length in np.clip(LENGTHS[kind](np.random.default_rng(1)), 8, 512)]
    tokens = padded = batches = 0
    for start in range(0, len(token_ids), WINDOW):
        window = token_ids[start : start + WINDOW]
        formed = list(length_batches(sorted(range(len(window)), key=lambda i: len(window[i])), window))
        assert sorted(i for batch in formed for i in batch) == list(range(len(window)))
        batches += len(formed)
        tokens += sum(map(len, window))
        padded += sum(len(batch) * len(window[batch[-1]]) for batch in formed)
    assert 0.05 < 1 - tokens / padded < 0.1
    assert padded / batches > 3000, "batches worth a call of the model"


def test_few_tokens_stay_together():
    token_ids = [[0] * length for length in (1, 2, 30, 40)]
    assert list(length_batches([0, 1, 2, 3], token_ids)) == [[0, 1, 2, 3]]


def test_for_lack_of_memory_batches_are_smaller_and_weights_the_same_but_for_rounding(
    encoder, texts, encoded, monkeypatch
):
    sizes = []
    real = encode_module.encode_sparse_later
    monkeypatch.setattr(
        encode_module,
        "encode_sparse_later",
        lambda e, batch, side: sizes.append(batch["input_ids"].numel()) or real(e, batch, side),
    )
    encode_all(encoder, texts, "document", EncodeOptions(max_length=32))
    usual, sizes[:] = max(sizes), []
    batch_divisor = encode_module.MOST_TOKENS // 64
    vectors = encode_all(encoder, texts, "document", EncodeOptions(max_length=32, batch_divisor=batch_divisor))
    assert max(sizes) <= 64 < usual
    np.testing.assert_allclose(
        vectors.toarray(), encode_all(encoder, texts, "document", EncodeOptions(max_length=32)).toarray(), atol=1e-6
    )


def test_chunks_of_the_vocabulary_and_all_logits_give_the_same_vectors(encoder, texts, monkeypatch):
    """What does not depend on windows and calls does not in either way."""
    with monkeypatch.context() as whole:
        whole.setattr("sembridge.encoder.head.decoder_input", lambda *_: None)
        encoded = encode_all(encoder, texts, "document", OPTIONS)
    monkeypatch.setattr("sembridge.encoder.max_logits.LOGITS", {"cpu": 2**18})
    monkeypatch.setattr("sembridge.encoder.head.pool", None)
    vectors = encode_all(encoder, texts, "document", OPTIONS)
    np.testing.assert_allclose(vectors.toarray(), encoded.toarray(), atol=1e-6)
    assert vectors.dtype == np.float32 and vectors.nnz == encoded.nnz
    assert same(encode_all(encoder, texts[WINDOW : 2 * WINDOW], "document", OPTIONS), vectors[WINDOW : 2 * WINDOW])
    low = encode_all(encoder, texts[:50], "document", EncodeOptions(max_length=None, precision="bfloat16")).toarray()
    np.testing.assert_allclose(low, encoded[:50].toarray(), atol=0.1)
    assert np.abs(low - encoded[:50].toarray()).max() > 1e-4


def test_in_float32_the_body_and_the_head_take_the_faster_products(encoder, texts, encoded, monkeypatch):
    made = products_seen(monkeypatch)
    encode_all(encoder, texts[:50], "document", EncodeOptions(max_length=None, precision="bfloat16"))
    assert not made
    vectors = encode_all(encoder, texts[:50], "document", OPTIONS).toarray()
    assert {len(shape) for shape in made} == {2, 3}, "chunks of the vocabulary, and batches of texts"
    np.testing.assert_allclose(vectors, encoded[:50].toarray(), atol=1e-5)


def test_max_length_cuts_and_the_encoders_own_limit_holds(encoder):
    words = [
        *dict.fromkeys(word for word in " ".join(english()).split() if len(encoder[0].processor.tokenize(word)) == 1)
    ] * 10
    long = " ".join(words)

    def vector(text, max_length):
        return encode_all(
            encoder, [text], "document", EncodeOptions(max_length=max_length, precision="float32")
        ).toarray()

    np.testing.assert_allclose(vector(long, 10), vector(" ".join(words[:10]), None), atol=1e-6)
    assert np.abs(vector(long, 10) - vector(" ".join(words[:11]), None)).max() > 1e-3
    for max_length in (None, 48, 500):
        np.testing.assert_allclose(vector(long, max_length), vector(" ".join(words[:48]), None), atol=1e-6)


def test_special_tokens_are_put_around_a_text_and_count(tmp_path):
    encoder = made_encoder(tmp_path)
    tokenizer = encoder[0].processor = wordpiece(english(), 300, lowercase=True)
    seen = []
    encoder[0].model.register_forward_pre_hook(
        lambda module, args, kwargs: seen.append(kwargs["input_ids"]), with_kwargs=True
    )
    encode_all(encoder, ["cat " * 30, "cat"], "document", EncodeOptions(max_length=6, precision="float32"))
    cat, cls, sep = tokenizer.convert_tokens_to_ids(["cat", "[CLS]", "[SEP]"])
    pad = tokenizer.pad_token_id  # what was seen first is the model tried on one text
    assert [ids.tolist() for ids in seen[1:]] == [[[cls, cat, sep, pad, pad, pad], [cls, cat, cat, cat, cat, sep]]]


def test_prompt_of_the_side_is_put_before_each_text(folder, texts):
    encoder = load_encoder(folder)
    without = encode_all(encoder, texts[:40], "query", OPTIONS).toarray()
    encoder.prompts = {"query": "question the ", "document": ""}
    prompted = encode_all(encoder, texts[:40], "query", OPTIONS)
    assert same(prompted, encode_all(encoder, ["question the " + text for text in texts[:40]], "document", OPTIONS))
    expected = encoder.encode(texts[:40], prompt="question the ", convert_to_sparse_tensor=False).numpy()
    np.testing.assert_allclose(prompted.toarray(), expected, atol=1e-6)
    assert np.abs(prompted.toarray() - without).max() > 1e-3


@pytest.mark.gpu
def test_precision(encoder, texts, encoded):
    """`auto` is float32 without a GPU; bfloat16 has 8 bits and shows it."""
    low = encode_all(encoder, texts[:100], "document", EncodeOptions(max_length=None, precision="bfloat16")).toarray()
    np.testing.assert_allclose(low, encoded[:100].toarray(), atol=0.1)
    assert np.abs(low - encoded[:100].toarray()).max() > 1e-4
    if not torch.cuda.is_available():
        assert same(encode_all(encoder, texts, "document", EncodeOptions(max_length=None)), encoded)


@NEEDS_GPU
@pytest.mark.gpu
def test_a_gpu_encodes_by_the_kernels_to_weights_within_bfloat16(folder, texts):
    """Three windows, whose batches are fetched while the next one is computed."""
    encoded = encode_all(load_encoder(folder, device="cpu"), texts, "document", OPTIONS)
    encoder = load_encoder(folder, device="cuda")
    taken = []
    with pytest.MonkeyPatch.context() as patch:
        real = triton_head.masked_max_logits
        patch.setattr(triton_head, "masked_max_logits", lambda *given: taken.append(len(given[0])) or real(*given))
        low = encode_all(encoder, texts, "document", EncodeOptions(max_length=None))
        again = encode_all(encoder, texts, "document", EncodeOptions(max_length=None))
    assert sum(taken) == 2 * len(texts) and len(taken) > 6
    assert same(low, again)
    np.testing.assert_allclose(low.toarray(), encoded.toarray(), atol=0.1)
    whole = encode_all(encoder, texts, "document", EncodeOptions(precision="float32"))
    np.testing.assert_allclose(whole.toarray(), encoded.toarray(), atol=1e-2)  # on some cards products are in tf32


def test_no_documents(encoder):
    assert list(encode(encoder, [], "document", OPTIONS)) == []


def test_a_text_without_active_dimensions_is_an_empty_row(tmp_path):
    encoder = made_encoder(tmp_path, bias=-1000.0)
    vectors = encode_all(encoder, ["cat", "window song"], "document", OPTIONS)
    assert vectors.nnz == 0 and vectors.shape == (2, encoder[0].model.config.vocab_size)
    assert torch.is_inference_mode_enabled() is False


def test_texts_may_be_a_stream_and_are_taken_window_by_window(encoder, texts, encoded):
    taken = []
    blocks = encode(encoder, (taken.append(text) or text for text in texts), "document", OPTIONS)
    first = next(blocks)
    assert len(taken) == WINDOW and same(first, encoded[:WINDOW])
    assert sum(block.shape[0] for block in blocks) == 1100 - WINDOW
