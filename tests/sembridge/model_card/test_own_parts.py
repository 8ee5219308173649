"""What a person and a program read of signed weights and of what a row has besides its donors, worked out by hand."""

from __future__ import annotations

import dataclasses
import json

import numpy as np
import pytest
from safetensors.numpy import load_file, save_file

from sembridge.initializer import MIXED, Initialization
from sembridge.model_card.card import model_card
from sembridge.model_card.explanation import explain
from sembridge.model_card.lines import own_text, weight_text
from sembridge.model_card.record import JSON, TENSORS, TransferRecord, load_record
from tests.helpers.records_made import TARGET, own_record, record


@pytest.fixture
def folder(tmp_path):
    own_record().save(tmp_path)
    return tmp_path


def test_lines(folder):
    assert str(explain(folder, "비밀번호", "병원", "##들", "은행", "의사", "passcode", top=2)).splitlines() == [
        "비밀번호  = .62 password - .38 passcode                                            mixed",
        "병원      = 1.50 hospital, and a direction of its own (50% of its squared length)  mixed",
        "##들      = -.40 ##s + .30 password + 2 others                                     mixed",
        "은행      = a direction of its own (100% of its squared length)                    own",
        "의사      = drawn at random                                                        sampled",
        "passcode  = passcode                                                               copied (exact)",
        "",
        "##: the token continues a word",
    ]


def test_the_weakest_are_listed_beside_those_without_donors(folder):
    lines = str(explain(folder, worst=9)).splitlines()
    assert [line.split()[0] for line in lines[2:5]] == ["##들", "비밀번호", "병원"], "largest weights .4, .62, 1.5"
    assert lines[-2:] == [
        "tokens without any donor, made by the method itself: 1 (은행)",
        "tokens without any donor, drawn at random: 2 (\U0001f984 의사)",
    ]


def test_data(folder):
    content = explain(folder, "비밀번호", "병원", "은행", "passcode").to_dict()
    assert json.loads(json.dumps(content)) == content
    tokens = content["tokens"]
    assert [token["own"] for token in tokens] == [0, 0.5, 1, 0]
    assert [token["support"] for token in tokens] == [2, 1, 0, 1]
    assert [token["origin"] for token in tokens] == ["mixed", "mixed", "own", "copied"]
    assert [donor["weight"] for donor in tokens[0]["donors"]] == pytest.approx([0.62, -0.38])


def test_saved_and_read_it_is_the_same(folder):
    original, loaded = own_record(), load_record(folder)
    for field in dataclasses.fields(TransferRecord):
        np.testing.assert_equal(getattr(loaded, field.name), getattr(original, field.name))
    assert loaded.signed and loaded.own.tolist() == [0, 0, 0.5, 0, 0, 1, 0, 0, 0]
    assert loaded.counts() == {"copied": 1, "special": 2, "mixed": 3, "sampled": 2, "own": 1}
    assert loaded.mean_own() == pytest.approx(1 / 6)


def test_only_a_record_that_older_readers_would_misread_has_the_new_format(folder, tmp_path):
    assert json.loads((folder / JSON).read_text(encoding="utf-8"))["format"] == 2
    record().save(tmp_path)
    content = json.loads((tmp_path / JSON).read_text(encoding="utf-8"))
    assert content["format"] == 1 and content["origins"] == ["copied", "special", "mixed", "sampled", "empty"]
    assert "signed" not in content and "own" not in load_file(tmp_path / TENSORS)


def test_a_record_of_format_1_is_read(tmp_path):
    record().save(tmp_path)
    loaded = load_record(tmp_path)
    assert loaded.own is None and not loaded.signed and loaded.own_of(1) == loaded.mean_own() == 0
    assert explain(tmp_path, TARGET[1]).to_dict()["tokens"][0]["own"] == 0


@pytest.mark.parametrize("own", [np.zeros(3), np.full(9, 1.5), np.full(9, -0.1), np.full(9, np.nan)])
def test_shares_that_cannot_be(folder, own):
    save_file(load_file(folder / TENSORS) | {"own": own.astype(np.float32)}, folder / TENSORS)
    with pytest.raises(ValueError, match="its shares of rows are not one number from 0 to 1 for each token"):
        load_record(folder)


def test_the_card_says_what_a_mixed_row_is():
    card, plain = (model_card(made, "made") for made in (own_record(), record()))
    assert (
        "| mixed | 3 | 33.3% | a weighted sum of source rows, some weights are negative or do not sum to 1, "
        "and a direction of its own |" in card
    )
    assert "| own | 1 | 11.1% | made by the method itself, without source rows |" in card
    assert "Its own direction, which is in no source row, holds 17% of its row's squared length on average." in card
    assert "| a weighted mean of source rows |" in plain and "of its own" not in plain


def test_the_share_of_a_part_that_is_not_at_a_right_angle():
    """Parts of squared lengths 4 and 1 have shares .8 and .2, whatever the length of their sum."""
    import scipy.sparse as sp

    own = np.array([[1, 0], [-1, 0], [0, 1], [0, 0]], dtype=np.float32)
    rows = np.array([[2, 0]] * 4, dtype=np.float32) + own
    answer = Initialization(rows, sp.csr_array(np.eye(4, dtype=np.float32)), np.array([MIXED] * 4), {}, own)
    assert answer.own_share().tolist() == pytest.approx([0.2, 0.2, 0.2, 0])
    assert Initialization(rows, answer.mixture, answer.origin).own_share() is None


@pytest.mark.parametrize(
    ("weight", "text"), [(0.41, ".41"), (1.0, "1"), (1.004, "1"), (1.006, "1.01"), (12.5, "12.50"), (0.001, "<.01")]
)
def test_weights_above_1(weight, text):
    assert weight_text(weight) == text


def test_a_small_share_is_not_rounded_to_nothing():
    assert own_text(0.001) == "a direction of its own (<1% of its squared length)"
