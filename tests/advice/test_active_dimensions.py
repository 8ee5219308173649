"""Active dimensions: those of the real transfer where nothing is sampled, and near them where something is."""

from __future__ import annotations

import numpy as np
import pytest

from harness.advice.active_dimensions import dimension_weights, has_bias, placed_by_words, predict, spread, tokens_in
from harness.advice.budget import Sample
from harness.advice.held_out import CALIBRATING, HeldOut
from harness.advice.measuring import Bridge, Measuring
from harness.advice.vocabulary_part import part
from sembridge.bridge import BridgeVectors, TokenVectors, embed_vocabulary, load_bridge
from sembridge.bridging.counted_words import count_words
from sembridge.encoder.calibration import lower_bias, sample, thresholds
from sembridge.encoder.loading import load_encoder
from sembridge.encoder.modules import splade_modules
from sembridge.pipeline import make_task, transfer
from sembridge.semantic_bridge import SemBridge
from sembridge.signet import Signet
from tests.helpers.encoders_made import made_bridge_folder, made_encoder_folder
from tests.helpers.tokenizers_made import english, made_tokenizer, russian
from tests.helpers.transfers_made import made_transfer


def test_what_a_dimension_stands_for():
    """Six tokens: 0 copied; 1 in the text; of 2, 3, 4, 5, which are not, 2 and 5 are sampled: each stands for two."""
    task = made_transfer([0, -1, -1, -1, -1, -1], np.eye(2))
    weights = dimension_weights(task, np.array([1, 2, 5]), np.array([0, 1]))
    assert weights.tolist() == [1, 1, 2, 0, 0, 2]
    assert dimension_weights(task, np.array([1]), np.arange(6)).tolist() == [1] * 6


def test_vectors_of_a_part_in_their_places():
    tokens = TokenVectors(np.ones((2, 3), dtype=np.float32), np.array([True, False]))
    whole = spread(4, np.array([1, 3]), tokens)
    assert whole.known.tolist() == [False, True, False, False]
    assert whole.vectors.sum(axis=1).tolist() == [0, 3, 0, 3]


@pytest.fixture(scope="module")
def folders(tmp_path_factory):
    root = tmp_path_factory.mktemp("active")
    made_encoder_folder(root / "source", bias=0.1)
    made_bridge_folder(root / "bridge", [*english(), *russian()])
    return root


def predicted(folders, sampled_share):
    tokenizer, lines = made_tokenizer("wordpiece", "russian", 350), russian()[:20]
    encoder, bridge = load_encoder(str(folders / "source")), load_bridge(str(folders / "bridge"))
    task = make_task(encoder, tokenizer)
    missing = task.missing[task.target.has_text[task.missing]]
    sampled = missing[:: int(1 / sampled_share)]
    text = HeldOut(lines, russian()[20:])
    read = tokens_in(tokenizer, text.encoded)
    needed = np.union1d(sampled, read[task.copied[read] < 0])
    target = spread(len(task.target), needed, embed_vocabulary(bridge, part(task.target, needed)))
    method = SemBridge(BridgeVectors(embed_vocabulary(bridge, task.source), target))
    return predict(encoder, tokenizer, task, method, sampled, text)


def test_the_dimensions_of_the_real_transfer(folders):
    tokenizer, lines = made_tokenizer("wordpiece", "russian", 350), russian()[:20]
    encoder = transfer(folders / "source", tokenizer, SemBridge(str(folders / "bridge")))
    vectors = encoder.encode_document(lines, convert_to_sparse_tensor=False).numpy()
    queries = encoder.encode_query([" ".join(line.split()[:8]) for line in lines], convert_to_sparse_tensor=False)
    active = predicted(folders, 1)
    assert active.documents == pytest.approx((vectors > 0).sum(axis=1).mean())
    assert active.queries == pytest.approx((queries.numpy() > 0).sum(axis=1).mean())
    assert (active.lines, active.calibrated) == (20, 0), "SemBridge does not calibrate"


def test_a_sample_comes_near(folders):
    assert predicted(folders, 0.5).documents == pytest.approx(predicted(folders, 1).documents, rel=0.15)


def test_signet_is_calibrated_on_other_lines(folders):
    """The dimensions are those of a transfer whose text is the other lines, with the same vectors and thresholds."""
    tokenizer, texts = made_tokenizer("wordpiece", "russian", 350), list(dict.fromkeys(russian()))
    held_out = HeldOut(texts[:20], texts[20:])
    encoder, bridge = load_encoder(str(folders / "source")), load_bridge(str(folders / "bridge"))
    task = make_task(encoder, tokenizer)
    vectors = BridgeVectors(embed_vocabulary(bridge, task.source), embed_vocabulary(bridge, task.target))
    missing = task.missing[task.target.has_text[task.missing]]
    active = predict(encoder, tokenizer, task, Signet(vectors), missing, held_out)
    by_hand = transfer(folders / "source", tokenizer, Signet(vectors, own=1.0), bias="transfer")
    rate = 1 / CALIBRATING
    lower_bias(by_hand, thresholds(by_hand, sample(held_out.read, CALIBRATING), rate=rate))
    expected = by_hand.encode_document(held_out.measured, convert_to_sparse_tensor=False).numpy()
    assert active.documents == pytest.approx((expected > 0).sum(axis=1).mean())
    assert active.documents < predicted(folders, 1).documents
    assert (active.lines, active.calibrated) == (20, min(CALIBRATING, len(texts) - 20))


class WordBridge:
    """Every word has the same vector, which no token has."""

    def words(self, words):
        return np.tile(np.float32([0, 1]), (len(words), 1))


def test_pieces_among_the_needed_tokens_are_placed_by_words(folders):
    tokenizer = made_tokenizer("wordpiece", "russian", 120)
    task = make_task(load_encoder(str(folders / "source")), tokenizer)
    words = count_words(russian())
    vectors = np.tile(np.float32([1, 0]), (len(task.target), 1))
    everything = np.flatnonzero(task.target.has_text)
    own = TokenVectors(vectors, task.target.has_text.copy())
    both = BridgeVectors(TokenVectors(np.ones((len(task.source), 2), dtype=np.float32), task.source.has_text), own)
    whole = placed_by_words(WordBridge(), both, task, tokenizer, words, everything).target
    assert whole.placed.any() and not whole.placed.all()
    assert (whole.vectors[whole.placed] == [0, 1]).all() and (whole.vectors[everything][:, 0] == 1).any()
    some = everything[::2]
    part = placed_by_words(WordBridge(), both, task, tokenizer, words, some).target
    assert part.known.nonzero()[0].tolist() == some.tolist(), "tokens that are not in the sample stay unknown"
    assert (part.vectors[some] == whole.vectors[some]).all()


def test_a_decoder_without_a_bias_is_not_calibrated(folders):
    encoder = load_encoder(str(folders / "source"))
    assert has_bias(encoder)
    splade_modules(encoder).model.get_output_embeddings().bias = None
    assert not has_bias(encoder)


def test_tokens_of_all_encoded_lines_are_embedded(folders, monkeypatch):
    """With a sample of two tokens, the lines to calibrate on would else be read with random rows."""
    tokenizer, bridge = made_tokenizer("wordpiece", "russian", 350), load_bridge(str(folders / "bridge"))
    encoder, lines = load_encoder(str(folders / "source")), list(dict.fromkeys(russian()))
    measuring = Measuring(encoder, {"t": tokenizer}, Sample(500, 2), lines=lines, language="ru")
    measuring.held_out, handed = HeldOut(lines[:1], lines[1:]), []
    monkeypatch.setattr("harness.advice.measuring.predict", lambda *arguments: handed.append(arguments[3]))
    (combination,) = measuring.measure("b", Bridge(bridge, ""), lambda _: None)
    measuring.active_dimensions(combination, Bridge(bridge, ""))
    read = tokens_in(tokenizer, measuring.held_out.encoded)
    target = handed[0].bridge.target
    task = measuring.sides["t"].task
    expected = embed_vocabulary(bridge, task.target).known[read]
    assert len(tokens_in(tokenizer, measuring.held_out.measured)) < len(read)
    assert (target.known[read][task.copied[read] < 0] >= expected[task.copied[read] < 0]).all()
