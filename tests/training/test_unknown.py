"""The share of unknown tokens in training pairs, by hand."""

from __future__ import annotations

from harness.training.loop import Pair, batches, pairs_used
from harness.training.settings import TrainingSettings
from harness.training.unknown import unknown_share
from tests.helpers.encoders_made import made_encoder


def test_questions_and_passages_count_as_they_are_read(tmp_path):
    encoder = made_encoder(tmp_path)
    cat = len(encoder.tokenizer.tokenize("cat"))
    pairs = [Pair("cat \ud55c", "\ud55c \ud55c \ud55c", 0), Pair("cat", "cat cat", 1)]
    assert unknown_share(encoder, pairs, 512) == 4 / (4 + 4 * cat)
    assert unknown_share(encoder, pairs, 1) == 1 / 4, "one token of each text is read"
    encoder.prompts = {"document": "\ud55c "}
    assert unknown_share(encoder, pairs, 512) == 6 / (6 + 4 * cat)


def test_the_pairs_that_count_are_those_of_the_batches():
    settings = TrainingSettings(batch_size=4, max_pairs=12, epochs=2)
    used = pairs_used(50, settings, seed=3)
    assert len(used) == 12 and used == sorted({int(i) for batch in batches(50, settings, 3) for i in batch})
    assert pairs_used(5, TrainingSettings(), seed=3) == [0, 1, 2, 3, 4]
