"""The record holds the mixture as it was, survives a file, and orders tokens by how little their donors say."""

from __future__ import annotations

import dataclasses
import json
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import scipy.sparse as sp

from sembridge.initializer import MIXED, Initialization
from sembridge.model_card.record import JSON, KEPT, TENSORS, TokenNames, TransferRecord, best_cosines, load_record
from sembridge.vocabulary.vocabulary import Vocabulary
from tests.helpers import records_made
from tests.helpers.paths import ROOT
from tests.helpers.records_made import STRENGTH, WEIGHTS, record
from tests.helpers.tokenizers_made import KINDS, made_tokenizer


def test_parts_are_the_mixture_the_heaviest_first():
    transferred = record()
    assert (
        transferred.donors_of(0) == [(0, 1.0)]
        and transferred.donors_of(3) == [(2, 1.0)]
        and transferred.donors_of(6) == []
    )
    assert transferred.donors_of(4) == [
        (3, pytest.approx(0.4)),
        (1, pytest.approx(0.3)),
        (2, pytest.approx(0.2)),
        (4, pytest.approx(0.1)),
    ]
    assert [source for source, _ in transferred.donors_of(5)] == [4, 5], "the lower id first where both weigh the same"
    for target_id, weights in WEIGHTS.items():
        assert {source: round(weight, 6) for source, weight in transferred.donors_of(target_id)} == weights
    assert transferred.support.tolist() == [1, 2, 1, 1, 4, 2, 0, 2, 1]
    assert transferred.origin.tolist() == [
        "special",
        "mixed",
        "mixed",
        "copied",
        "mixed",
        "mixed",
        "sampled",
        "mixed",
        "special",
    ]
    assert transferred.counts() == {"copied": 1, "special": 2, "mixed": 5, "sampled": 1}
    assert transferred.mean_support() == pytest.approx((2 + 1 + 4 + 2 + 2) / 5)


def test_the_weakest_by_hand():
    assert record().weakest(99) == [7, 4, 5, 1, 2], "by strength: -.1, .3, .55, .8, .9"
    assert record().weakest(2) == [7, 4]
    assert record(strength=False).weakest(99) == [4, 5, 7, 1, 2], "by the largest weight: .4, .5, .6, .71, 1"


def test_the_weakest_of_equal_weights_has_more_donors():
    task = records_made.question()
    mixture = np.zeros((6, 7), dtype=np.float32)
    mixture[0, [1, 2]], mixture[1, [1, 2, 4]], mixture[2, [1, 2, 4]] = [0.5, 0.5], [0.5, 0.25, 0.25], [0.5, 0.3, 0.2]
    from sembridge.assembly import assemble

    transferred = TransferRecord.of(task, assemble(task, mixture=sp.csr_array(mixture)), records_made.recipe())
    assert transferred.weakest(9) == [2, 4, 1]


def test_saved_and_read_it_is_the_same_and_the_bytes_are_the_same(tmp_path):
    for place in ("a", "b"):
        (tmp_path / place).mkdir()
        record().save(tmp_path / place)
    for name in (JSON, TENSORS):
        assert (tmp_path / "a" / name).read_bytes() == (tmp_path / "b" / name).read_bytes()
    original, loaded = record(), load_record(tmp_path / "a")
    for field in dataclasses.fields(TransferRecord):
        left, right = getattr(original, field.name), getattr(loaded, field.name)
        if isinstance(left, np.ndarray):
            assert left.dtype.kind == right.dtype.kind
            np.testing.assert_array_equal(left, right)
        else:
            assert left == right
    assert loaded.find("비밀번호") == 1 and loaded.find("##들") == 4 and loaded.find("들") is None
    assert loaded.weakest(99) == original.weakest(99)
    record(strength=False).save(tmp_path / "b")
    assert load_record(tmp_path / "b").strength is None and load_record(tmp_path / "b").measure == ""


def test_reading_needs_no_torch(tmp_path):
    record().save(tmp_path)
    code = (
        "import sys; from pathlib import Path; from sembridge.model_card.record import load_record\n"
        "load_record(Path(sys.argv[1])); print('torch' in sys.modules)"
    )
    ran = subprocess.run([sys.executable, "-c", code, str(tmp_path)], cwd=ROOT, capture_output=True, text=True)
    assert ran.stdout == "False\n", ran.stderr


def test_only_the_heaviest_donors_of_a_flat_mixture_are_kept():
    task = records_made.question()
    size = 3 * KEPT
    weights = np.arange(1, size + 1, dtype=np.float32)
    weights /= weights.sum()
    mixture = sp.csr_array(
        (np.concatenate([weights, [1]]), np.concatenate([np.arange(size), [7]]), [0, size, size + 1]), shape=(2, size)
    )
    answered = Initialization(np.zeros((2, 3)), mixture, np.array([MIXED, MIXED]))
    transferred = TransferRecord.of(task, answered, records_made.recipe())
    assert [source for source, _ in transferred.donors_of(0)] == list(range(size - 1, size - 1 - KEPT, -1))
    assert transferred.donors_of(1) == [(7, 1.0)] and transferred.support.tolist() == [size, 1]


@pytest.mark.parametrize(
    ("spoil", "message"),
    [
        (lambda folder: (folder / JSON).unlink(), "has no transfer.json, so it is not a transferred encoder"),
        (lambda folder: (folder / TENSORS).unlink(), "has no transfer.safetensors"),
        (lambda folder: (folder / JSON).write_text("{oops"), "cannot be read .*; make the transfer again"),
        (lambda folder: (folder / TENSORS).write_bytes(b"nothing"), "cannot be read"),
        (lambda folder: _changed(folder, format=3), "format 3, this version reads 1 and 2"),
        (
            lambda folder: _changed(folder, target={"tokens": ["a"], "shown": ["a"]}),
            "1 target tokens in transfer.json, but 9 in",
        ),
    ],
)
def test_records_that_are_not_there_or_broken(tmp_path, spoil, message):
    record().save(tmp_path)
    spoil(tmp_path)
    with pytest.raises(ValueError, match=message):
        load_record(tmp_path)


def _changed(folder: Path, **changes) -> None:
    content = json.loads((folder / JSON).read_text(encoding="utf-8"))
    (folder / JSON).write_text(json.dumps(content | changes), encoding="utf-8")


def test_best_cosines_by_hand():
    task = records_made.question()
    source = np.zeros((7, 2), dtype=np.float32)
    source[1], source[3], source[4], source[5] = [3, 4], [0, 2], [1, 0], [0, 1]
    target = np.tile(np.array([[2.0, 0.0]], dtype=np.float32), (9, 1))
    target[7] = [-3, -4]
    cosines = best_cosines(records_made.answer(task), source, target)
    # heaviest donors: 1 of token 1, 4 of token 2, 3 of token 4, 4 (the first of two) of token 5, 1 of token 7
    np.testing.assert_allclose(cosines, [np.nan, 0.6, 1, np.nan, 0, 1, np.nan, -1, np.nan], atol=1e-6)
    assert len(STRENGTH) == len(cosines)


@pytest.mark.parametrize("kind", KINDS)
def test_names_are_as_a_person_reads_them(kind):
    vocabulary = Vocabulary.from_tokenizer(made_tokenizer(kind, "english"))
    names = TokenNames.of(vocabulary)
    assert names.tokens == vocabulary.tokens
    shown = dict(zip(names.tokens, names.shown, strict=True))
    by_hand = dataclasses.replace(record(), target=names)
    assert by_hand.find("the") == names.shown.index("the") and by_hand.find(names.tokens[-1]) == len(names.tokens) - 1
    start = {"wordpiece": "", "byte-bpe": "Ġ", "unigram": "▁"}[kind]
    assert shown[f"{start}the"] == "the" and shown[vocabulary.tokens[vocabulary.role_ids["pad"]]] in ("[PAD]", "<pad>")
    inner = next(i for i, text in enumerate(vocabulary.texts) if text and not vocabulary.word_initial[i])
    assert names.shown[inner] == f"##{vocabulary.texts[inner]}"


def test_names_under_the_compat_profile_have_their_hashes_once():
    names = TokenNames.of(Vocabulary.from_tokenizer(made_tokenizer("wordpiece", "english"), "compat"))
    assert any(name.startswith("##") for name in names.shown) and not any(
        name.startswith("####") for name in names.shown
    )
