"""SemBridge on vectors placed by hand; its obligations as an initializer are in tests/baselines/test_contract.py."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from sentence_transformers import SentenceTransformer
from sentence_transformers.sentence_transformer.modules import StaticEmbedding
from tokenizers import Tokenizer, models, pre_tokenizers

import sembridge.bridging.method as module
from sembridge.bridge import BridgeVectors, TokenVectors
from sembridge.initializer import Transfer
from sembridge.options import AUTO
from sembridge.semantic_bridge import POSITION, SemBridge
from tests.helpers.transfers_made import made_transfer, plain_vocabulary

ROWS = np.random.default_rng(0).standard_normal((4, 3)).astype(np.float32)
AXES = np.eye(3, dtype=np.float32)


def vectors(source: list[list[float]], target: list[list[float]], known: list[bool] | None = None) -> BridgeVectors:
    sides = [np.array(side, dtype=np.float32) for side in (source, target)]
    return BridgeVectors(
        TokenVectors(sides[0], sides[0].any(axis=1)),
        TokenVectors(sides[1], np.array(known) if known else sides[1].any(axis=1)),
    )


def test_mixture_by_hand():
    """Cosines .8 and .6 at alpha 2: weights .6 and .4; the third donor is orthogonal, the fourth opposite."""
    bridge = vectors([[1, 0, 0], [0, 2, 0], [0, 0, 3], [-1, 0, 0]], [[0, 0, 1], [0.8, 0.6, 0], [0, 0, 5]])
    answer = SemBridge(bridge, alpha=2)(made_transfer([2, -1, -1], ROWS))
    np.testing.assert_allclose(answer.mixture.toarray(), [[0, 0, 1, 0], [0.6, 0.4, 0, 0], [0, 0, 1, 0]], atol=1e-6)
    np.testing.assert_allclose(answer.rows[1], 0.6 * ROWS[0] + 0.4 * ROWS[1], atol=1e-6)
    assert answer.origin.tolist() == ["copied", "mixed", "mixed"]
    assert (
        answer.statistics["not_bridged"] == 0
        and answer.statistics["mean_support"] == 1.5
        and answer.statistics["max_support"] == 2
    )


@pytest.mark.parametrize(
    ("alpha", "rounded"), [(1, True), (1.5, True), (1.99, True), (2, False), (4, False), (AUTO, False)]
)
def test_directions_are_rounded_below_alpha_2(alpha, rounded, monkeypatch):
    """Not where alpha is chosen."""
    compared, mixture = [], module._mixture
    monkeypatch.setattr(module, "_mixture", lambda tokens, *rest: compared.append(tokens) or mixture(tokens, *rest))
    bridge = vectors([[1, 0, 0], [0, 1, 0], [0, 0, 1], [0, 1, 1]], [[1, 0, 0], [0, 1, 0], [0.5, 1, 0]])
    SemBridge(bridge, alpha=alpha)(made_transfer([2, -1, -1], ROWS))
    assert [(q.rounded, d.rounded) for tokens in compared for _, q, d in tokens.groups] == [(rounded, rounded)]


def test_all_source_tokens_with_a_text_donate_not_only_the_overlap():
    bridge = vectors([[1, 0, 0], [0, 1, 0], [0, 0, 1], [0, 1, 1]], [[1, 0, 0], [0, 1, 0]])
    assert SemBridge(bridge)(made_transfer([0, -1], ROWS)).mixture.toarray()[1].argmax() == 1


def test_specials_lone_bytes_and_tokens_unknown_to_the_bridge_do_not_donate():
    asked = made_transfer([-1], ROWS, source_tokens=["[CLS]", "\x00byte", "unknown", "far"])
    roles = ("cls", None, None, None)
    source = type(asked.source)(
        "wordpiece", asked.source.tokens, (None, None, "unknown", "far"), asked.source.word_initial, roles
    )
    asked = Transfer(source, asked.target, asked.rows, asked.overlap)
    bridge = BridgeVectors(
        TokenVectors(np.tile(AXES[:1], (4, 1)), np.array([True, True, False, True])),
        TokenVectors(AXES[:1], np.array([True])),
    )
    assert SemBridge(bridge)(asked).mixture.toarray().tolist() == [[0, 0, 0, 1]]


def test_specials_and_lone_bytes_donate_where_all_shall_and_are_never_placed():
    """Both sides: an ordinary token, a special without a role, a lone byte, an unknown one; each on its own axis."""
    axes = np.eye(4, dtype=np.float32)
    source = plain_vocabulary(["far", "[unused1]", "\x00a", "unknown"], [None, "special", None, None])
    target = plain_vocabulary(["near", "[unused2]", "\x00b", "nah"], [None, "special", None, None])
    known = np.array([True, True, True, False])
    bridge = BridgeVectors(TokenVectors(axes, known), TokenVectors(axes[[1, 1, 2, 2]], np.ones(4, dtype=bool)))
    ordinary = SemBridge(bridge)(Transfer.between(source, target, ROWS))
    assert ordinary.mixture.toarray().tolist() == [[1, 0, 0, 0], [0] * 4, [0] * 4, [1, 0, 0, 0]]
    everyone = SemBridge(bridge)(Transfer.between(source, target, ROWS, donors="all"))
    assert everyone.mixture.toarray().tolist() == [[0, 1, 0, 0], [0] * 4, [0] * 4, [0, 0, 1, 0]]
    assert everyone.origin.tolist() == ordinary.origin.tolist() == ["mixed", "sampled", "sampled", "mixed"]


@pytest.mark.parametrize(("source", "target"), [(3, 1), (4, 2)])
def test_vectors_of_other_vocabularies(source, target):
    bridge = vectors([[1, 0, 0]] * source, [[1, 0, 0]] * target)
    with pytest.raises(
        ValueError,
        match=f"vectors for {source} and {target} tokens, but the vocabularies have 4 and 1; embed these two",
    ):
        SemBridge(bridge)(made_transfer([-1], ROWS))


def test_target_tokens_unknown_to_the_bridge_are_sampled_and_labeled():
    bridge = vectors(
        [[1, 0, 0], [0, 1, 0], [0, 0, 1], [1, 1, 1]], [[1, 0, 0], [1, 0, 0], [1, 0, 0]], known=[False, True, True]
    )
    answer = SemBridge(bridge)(made_transfer([-1, -1, 3], ROWS))
    assert answer.origin.tolist() == ["sampled", "mixed", "copied"] and answer.statistics["not_bridged"] == 1
    assert answer.mixture.toarray()[0].sum() == 0 and np.abs(answer.rows[0]).min() > 0


def test_a_bridge_that_knows_no_source_token():
    with pytest.raises(
        ValueError, match="knows none of the source tokens; check that it is a multilingual sentence encoder"
    ):
        SemBridge(vectors([[0, 0, 0]] * 4, [[1, 0, 0]]))(made_transfer([-1], ROWS))


def test_a_bridge_that_knows_no_missing_token():
    answer = SemBridge(vectors([[1, 0, 0]] * 4, [[0, 0, 0], [1, 0, 0]]))(made_transfer([-1, 1], ROWS))
    assert (
        answer.origin.tolist() == ["sampled", "copied"]
        and answer.statistics["mean_support"] == 0.0 == answer.statistics["max_support"]
    )


@pytest.mark.parametrize("alpha", [0.5, float("nan"), float("inf")])
def test_alpha_is_checked_when_it_is_written(alpha):
    with pytest.raises(ValueError, match="alpha >= 1"):
        SemBridge(alpha=alpha)


def test_a_bridge_given_by_folder_is_loaded(tmp_path):
    tokens = ["[UNK]", "password", "пароль", "cat", "song"]
    backend = Tokenizer(models.WordLevel({token: i for i, token in enumerate(tokens)}, unk_token="[UNK]"))
    backend.pre_tokenizer = pre_tokenizers.Whitespace()
    rows = np.array([[0, 0, 0, 1], [1, 0, 0, 0], [1, 0, 0, 0], [0, 1, 0, 0], [0, 0, 1, 0]], dtype=np.float32)
    SentenceTransformer(modules=[StaticEmbedding(backend, embedding_weights=rows)]).save_pretrained(
        str(tmp_path), create_model_card=False
    )
    source, target = (
        plain_vocabulary(["cat", "password", "song", "unheard"]),
        plain_vocabulary(["пароль", "cat", "неслыханно"]),
    )
    answer = SemBridge(str(tmp_path), alpha=4)(Transfer.between(source, target, ROWS))
    assert answer.origin.tolist() == ["mixed", "copied", "sampled"] and answer.mixture.toarray()[0].tolist() == [
        0,
        1,
        0,
        0,
    ]


def placed(source: list[bool], target: list[bool]) -> Transfer:
    """Four source tokens and one target token to invent, by whether each begins a word."""
    asked = made_transfer([-1], ROWS)
    sides = [
        replace(side, word_initial=np.array(flags)) for side, flags in ((asked.source, source), (asked.target, target))
    ]
    return replace(asked, source=sides[0], target=sides[1])


def test_position_by_hand():
    """Four donors the bridge reads alike, alpha 2: two lose 0.2 for their place; weights differ by 0.2, sum to 1."""
    bridge, asked = vectors([[1, 0, 0]] * 4, [[1, 0, 0]]), placed([True, True, False, False], [False])
    for position, expected in (
        (0.0, [0.25, 0.25, 0.25, 0.25]),
        (0.2, [0.15, 0.15, 0.35, 0.35]),
        (2.0, [0, 0, 0.5, 0.5]),
    ):
        np.testing.assert_allclose(
            SemBridge(bridge, 2, position=position)(asked).mixture.toarray(), [expected], atol=1e-7
        )


def test_position_tells_apart_what_the_bridge_reads_alike():
    """The piece and the word of one text get rows of their own, unless cosines alone decide."""
    bridge = vectors([[1, 0.2, 0], [1, 0.2, 0], [1, 0.1, 0], [1, 0.1, 0]], [[1, 0, 0]])
    for position, same in ((None, False), (0.1, False), (0.0, True)):
        rows = [
            SemBridge(bridge, position=position)(placed([True, False, True, False], [flag])).rows
            for flag in (True, False)
        ]
        assert np.array_equal(*rows) == same


def test_position_is_left_to_the_hashes_under_the_profile_compat():
    bridge, asked = (
        vectors([[1, 0.2, 0], [1, 0, 0.2], [1, 0.1, 0], [0, 1, 0]], [[1, 0, 0]]),
        placed([True, False, True, False], [True]),
    )
    compat = replace(
        asked, source=replace(asked.source, profile="compat"), target=replace(asked.target, profile="compat")
    )
    pairs = (SemBridge(bridge, position=0.0), asked), (SemBridge(bridge), asked), (SemBridge(bridge), compat)
    alone, default, published = (method(task).mixture.toarray() for method, task in pairs)
    assert np.array_equal(published, alone) and not np.array_equal(default, alone)
    assert np.array_equal(default, SemBridge(bridge, position=POSITION)(asked).mixture.toarray())


@pytest.mark.parametrize("position", [-0.1, 2.5, float("nan")])
def test_position_out_of_range(position):
    with pytest.raises(ValueError, match=f"position {position} is not between 0 and 2"):
        SemBridge(position=position)
