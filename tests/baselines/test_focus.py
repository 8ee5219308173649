"""Focus against a slow, independent implementation of its definition, and how it is trained on a text."""

from __future__ import annotations

import dataclasses
import hashlib
import logging
import os
import subprocess
import sys

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import array_shapes, arrays

from baselines.focus import TRAINING_PARAMETERS, AuxiliaryVectors, Focus, sparsemax, train_auxiliary
from sembridge.assembly import univariate_rows
from sembridge.initializer import MIXED, SAMPLED, Transfer
from tests.helpers.tokenizers_made import made_tokenizer, russian
from tests.helpers.transfers_made import made_transfer

QUICK = {"dimension": 16, "epochs": 2, "min_count": 5, "buckets": 500, "sample": 1e-2}


def slow_sparsemax(scores: np.ndarray) -> np.ndarray:
    """Project one row by dropping entries below the common threshold until all are above it (Michelot 1986)."""
    active = list(range(len(scores)))
    while True:
        threshold = (sum(scores[i] for i in active) - 1) / len(active)
        above = [i for i in active if scores[i] > threshold]
        if len(above) == len(active):
            return np.array([max(score - threshold, 0) for score in scores])
        active = above


def slow_focus(transfer: Transfer, auxiliary: AuxiliaryVectors) -> tuple[np.ndarray, list[int]]:
    """Return (rows [T, D], target ids without a mixture), token by token, mixing the target's own copied rows."""
    size = len(transfer.target)
    rows = np.zeros((size, transfer.rows.shape[1]))
    usable = [auxiliary.known[i] and np.any(auxiliary.vectors[i]) for i in range(size)]
    anchors = []
    for i in range(size):
        if transfer.copied[i] >= 0:
            rows[i] = transfer.rows[transfer.copied[i]]
            if usable[i] and transfer.target.roles[i] is None and transfer.source.texts[transfer.copied[i]] is not None:
                anchors.append(i)
    without = []
    for position, i in enumerate(transfer.missing):
        if not usable[i]:
            rows[i] = univariate_rows(transfer)[position]
            without.append(int(i))
            continue
        x = auxiliary.vectors[i].astype(float)
        cosines = [
            x @ auxiliary.vectors[o] / np.linalg.norm(x) / np.linalg.norm(auxiliary.vectors[o].astype(float))
            for o in anchors
        ]
        rows[i] = sum(weight * rows[o] for weight, o in zip(slow_sparsemax(np.array(cosines)), anchors, strict=True))
    return rows, without


def example(tokens: int = 60, dimension: int = 6) -> tuple[Transfer, AuxiliaryVectors]:
    """Return a transfer that copies half of the target tokens, several from the same source row, and vectors.

    One token is special, some have no vector, one has a zero vector.
    """
    rng = np.random.default_rng(5)
    copied = np.where(np.arange(tokens) % 2, -1, rng.integers(0, 12, tokens))  # 30 copies of 12 source rows
    roles = ["cls", *[None] * (tokens - 1)]
    transfer = made_transfer(copied, rng.standard_normal((20, dimension)), target_roles=roles)
    known = rng.random(tokens) < 0.8
    known[[0, 1, 2, 3]] = True
    vectors = (rng.standard_normal((tokens, 5)) + 0.5).astype(np.float32)
    vectors[3] = 0
    vectors[~known] = 9.0  # must not matter
    return transfer, AuxiliaryVectors(vectors, known)


def test_equals_the_definition():
    transfer, auxiliary = example()
    expected, without = slow_focus(transfer, auxiliary)
    answer = Focus(text=auxiliary)(transfer)
    np.testing.assert_allclose(answer.rows, expected, atol=1e-6)
    assert np.flatnonzero(answer.origin == SAMPLED).tolist() == without and 3 in without and len(without) > 3
    assert answer.statistics["without_vector"] == len(without)
    support = np.diff(answer.mixture.indptr)[answer.origin == MIXED]
    assert support.min() < support.max() == answer.statistics["max_support"]
    assert answer.statistics["mean_support"] == support.mean()


def test_the_weights_of_anchors_that_copy_the_same_row_add_up():
    transfer = made_transfer([0, 0, 1, -1], np.eye(2))
    vectors = np.array([[1, 0], [1, 0], [0.8, 0.6], [1, 0]], dtype=np.float32)
    answer = Focus(text=AuxiliaryVectors(vectors, np.ones(4, dtype=bool)))(transfer)
    # cosines 1, 1, .8: threshold (2.8 - 1) / 3 = .6, weights .4, .4, .2
    np.testing.assert_allclose(answer.mixture.toarray()[3], [0.8, 0.2], atol=1e-6)
    assert answer.statistics["anchors"] == 3 and answer.statistics["max_support"] == 2


def test_specials_and_lone_bytes_are_not_anchors():
    vectors = np.array([[1, 0], [1, 0.01], [1, 0.02], [0, 1], [1, 0]], dtype=np.float32)
    roles = ["cls", "special", None, None, None]
    transfer = made_transfer([0, 1, 2, 3, -1], np.eye(4), target_roles=roles, source_tokens=["a", "b", "\x00byte", "d"])
    answer = Focus(text=AuxiliaryVectors(vectors, np.ones(5, dtype=bool)))(transfer)
    np.testing.assert_array_equal(answer.rows[4], [0, 0, 0, 1])  # the only anchor left, however far away
    assert answer.statistics["anchors"] == 1


@pytest.mark.parametrize("block", [1, 100])
def test_does_not_depend_on_the_block_size(block, monkeypatch):
    transfer, auxiliary = example()
    whole = Focus(text=auxiliary)(transfer)
    monkeypatch.setattr("baselines.focus._BLOCK", block)
    np.testing.assert_allclose(Focus(text=auxiliary)(transfer).rows, whole.rows, atol=1e-6)


@given(arrays(np.float64, array_shapes(min_dims=2, max_dims=2, max_side=12), elements=st.floats(-3, 3)))
@settings(deadline=None, max_examples=200)
def test_sparsemax_is_the_projection_onto_the_simplex(scores):
    weights = sparsemax(scores)
    np.testing.assert_allclose(weights, [slow_sparsemax(row) for row in scores], atol=1e-12)
    np.testing.assert_allclose(weights.sum(axis=1), 1, atol=1e-12)


def test_sparsemax_of_a_long_row_sums_to_one():
    weights = sparsemax(np.random.default_rng(0).uniform(-1, 1, (3, 100_000)))
    np.testing.assert_allclose(weights.sum(axis=1), 1, atol=1e-12)


def test_no_anchor_says_what_to_do():
    transfer, auxiliary = example()
    known = auxiliary.known & (transfer.copied < 0)
    with pytest.raises(ValueError, match=r"no anchor: none of the 29 copied tokens .* lower min_count"):
        Focus(text=AuxiliaryVectors(auxiliary.vectors, known))(transfer)


def test_only_sampled_rows_are_worth_a_warning(caplog):
    transfer, auxiliary = example()
    with caplog.at_level(logging.WARNING):
        answer = Focus(text=AuxiliaryVectors(auxiliary.vectors, auxiliary.known & (transfer.copied >= 0)))(transfer)
    assert "none of the 30 new tokens" in caplog.text
    assert answer.statistics["sampled"] == 30 and answer.statistics["max_support"] == 0


def test_missing_inputs_are_named(tmp_path):
    transfer, _ = example()
    with pytest.raises(ValueError, match="set `text`"):
        Focus()(transfer)
    with pytest.raises(ValueError, match=r"ru\.txt' but no tokenizer .* train_auxiliary"):
        Focus(text=tmp_path / "ru.txt")(transfer)
    with pytest.raises(ValueError, match="vectors for 3 tokens, but the target vocabulary has 60"):
        Focus(text=AuxiliaryVectors(np.ones((3, 2), dtype=np.float32), np.ones(3, dtype=bool)))(transfer)


def test_a_file_and_a_tokenizer_are_trained_when_needed(tmp_path):
    path, tokenizer = tmp_path / "ru.txt", made_tokenizer("unigram", "russian")
    path.write_text("\n".join(russian()), encoding="utf-8")
    settings = QUICK | {"negative": 3, "min_n": 2, "max_n": 4, "window": 2, "learning_rate": 0.1, "seed": 7}
    trained = Focus(text=path, tokenizer=tokenizer, **settings).vectors()
    direct = train_auxiliary(russian(), tokenizer, **settings)
    assert trained.vectors.tobytes() == direct.vectors.tobytes() and (trained.known == direct.known).all()
    others = {"negative": 4, "min_n": 3, "max_n": 5, "window": 3, "learning_rate": 0.2, "seed": 8, "epochs": 3}
    others |= {"sample": 0, "buckets": 400}
    for name, other in others.items():
        changed = train_auxiliary(russian(), tokenizer, **settings | {name: other})
        assert changed.vectors.tobytes() != trained.vectors.tobytes(), f"{name} has no effect"


def test_the_defaults_of_focus_are_those_of_the_training():
    assert {name: getattr(Focus(), name) for name in TRAINING_PARAMETERS} == train_auxiliary.__kwdefaults__
    assert {field.name for field in dataclasses.fields(Focus)} == {"text", "tokenizer", *TRAINING_PARAMETERS}


def test_another_process_trains_the_same_bits(tmp_path):
    """It numbers strings by another hash seed."""
    made_tokenizer("wordpiece", "russian").save_pretrained(tmp_path / "tokenizer")
    (tmp_path / "ru.txt").write_text("\n".join(russian()), encoding="utf-8")
    script = (
        "import hashlib, sys; from transformers import AutoTokenizer; from baselines.focus import Focus\n"
        "tokenizer = AutoTokenizer.from_pretrained(sys.argv[1] + '/tokenizer')\n"
        f"result = Focus(text=sys.argv[1] + '/ru.txt', tokenizer=tokenizer, **{QUICK}).vectors()\n"
        "print(hashlib.sha256(result.vectors.tobytes() + result.known.tobytes()).hexdigest())"
    )
    environment = os.environ | {"PYTHONHASHSEED": "2" if os.environ.get("PYTHONHASHSEED") == "1" else "1"}
    command = [sys.executable, "-c", script, str(tmp_path)]
    there = subprocess.run(command, env=environment, capture_output=True, text=True, timeout=120, check=True)
    tokenizer = made_tokenizer("wordpiece", "russian")
    here = Focus(text=tmp_path / "ru.txt", tokenizer=tokenizer, **QUICK).vectors()
    assert there.stdout.strip() == hashlib.sha256(here.vectors.tobytes() + here.known.tobytes()).hexdigest()
