"""Focus against deepfocus, by FOCUS's authors: the same rows of the same auxiliary vectors; intended differences.

Both see the same overlap under the profile compat. Under fixed a capital that has no row of its own copies another one.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import pytest
import torch
from gensim.models import KeyedVectors

from baselines.focus import AuxiliaryVectors, Focus
from sembridge.initializer import COPIED, MIXED, SAMPLED, SPECIAL, Initialization, Transfer
from sembridge.vocabulary.vocabulary import Vocabulary
from tests.helpers.profiles_made import wordpiece
from tests.helpers.published import MODELS, Model, package
from tests.helpers.tokenizers_made import KINDS, made_tokenizer
from tests.helpers.transfers_made import made_transfer

DIMENSION = 24
FLOAT32 = 5e-6  # deepfocus computes cosines, thresholds and sums in float32; rows here are of the order of 1


@dataclass(frozen=True, eq=False)
class Pair:
    """Two tokenizers, source rows, and auxiliary vectors of the target.

    Specials and a fifth of the other tokens have no vector; one token has zeros.
    """

    source: Any
    target: Any
    rows: np.ndarray
    auxiliary: AuxiliaryVectors

    @classmethod
    def of_kind(cls, kind: str, seed: int = 0) -> Pair:
        rng = np.random.default_rng(seed)
        source, target = made_tokenizer(kind, "english"), made_tokenizer(kind, "russian")
        rows = (rng.standard_normal((len(source), DIMENSION)) + 0.2).astype(np.float32)
        vectors = (rng.standard_normal((len(target), 10)) + 0.4).astype(np.float32)
        known = rng.random(len(target)) < 0.8
        vectors[len(target) - 1], known[len(target) - 1] = 0, True
        known[target.all_special_ids] = False
        vectors[~known] = 0
        return cls(source, target, rows, AuxiliaryVectors(vectors, known))

    def transfer(self, overlap: str = "fuzzy", profile: str = "fixed") -> Transfer:
        vocabularies = (Vocabulary.from_tokenizer(tokenizer, profile) for tokenizer in (self.source, self.target))
        return Transfer.between(*vocabularies, self.rows, overlap=overlap)


def deepfocus(pair: Pair, fuzzy: bool, seed: int = 42) -> np.ndarray:
    """Return [T, D] rows of the whole published method, with these vectors in place of its fastText model."""
    known = np.flatnonzero(pair.auxiliary.known)
    vectors = KeyedVectors(pair.auxiliary.vectors.shape[1])
    vectors.add_vectors(pair.target.convert_ids_to_tokens(known.tolist()), pair.auxiliary.vectors[known])
    MODELS["vectors"] = Model(vectors)
    tokenizers = {"target_tokenizer": pair.target, "source_tokenizer": pair.source}
    inputs = {**tokenizers, "source_embeddings": torch.from_numpy(pair.rows), "fasttext_model_path": "vectors"}
    overlap = {"exact_match_all": True, "fuzzy_match_all": fuzzy}
    return package("deepfocus.focus").FOCUS(**inputs, **overlap, seed=seed, verbosity="silent").numpy()


def deepfocus_mixture(
    transfer: Transfer, auxiliary: AuxiliaryVectors, anchors: list[int], new: list[int]
) -> np.ndarray:
    """Return [T, D]: deepfocus's mixtures of the rows of `anchors` for the target ids `new`; zeros elsewhere."""
    vocabulary = package("deepfocus.vocab_helper")

    def token(i: int) -> Any:
        return vocabulary.TokenClass(str(i), i, str(i), str(i), str(i), str(i), True)

    rows = torch.from_numpy(transfer.rows.copy())
    overlapping = {
        str(i): vocabulary.OverlappingToken(
            [], token(i), source_embedding=rows[transfer.copied[i]], auxiliary_embedding=auxiliary.vectors[i]
        )
        for i in anchors
    }
    added = {str(i): vocabulary.NewToken(token(i), auxiliary_embedding=auxiliary.vectors[i]) for i in new}
    empty = torch.zeros(len(transfer.target), transfer.rows.shape[1])
    mix = package("deepfocus.focus").focus_additional_token_initialization
    return mix(overlapping, added, empty, device="cpu").numpy()


def mixed_ids(answer: Initialization) -> list[int]:
    return np.flatnonzero(answer.origin == MIXED).tolist()


@pytest.mark.parametrize("overlap", ["exact", "fuzzy"])
def test_the_whole_method_gives_the_same_rows(overlap):
    """Copied and mixed rows agree, and the same tokens are sampled: these small vocabularies have the same overlap.

    The target's only capitals, "The", have no continuation of theirs in the source, as they may have in real ones.
    """
    pair = Pair.of_kind("wordpiece")
    answer = Focus(text=pair.auxiliary)(pair.transfer(overlap))
    theirs, other_draw = (deepfocus(pair, fuzzy=overlap == "fuzzy", seed=seed) for seed in (42, 43))
    np.testing.assert_array_equal((theirs != other_draw).any(axis=1), answer.origin == SAMPLED)
    copied = np.isin(answer.origin, (COPIED, SPECIAL))
    np.testing.assert_array_equal(answer.rows[copied], theirs[copied])
    mixed = answer.origin == MIXED
    assert mixed.sum() > 100 and (answer.origin == SAMPLED).sum() > 20 and copied.sum() >= 40
    np.testing.assert_allclose(answer.rows[mixed], theirs[mixed], atol=FLOAT32)


@pytest.mark.parametrize("kind", KINDS)
def test_the_same_mixture_of_the_same_anchors(kind):
    """With our overlap for every kind of tokenizer, since deepfocus reads the text of other kinds differently."""
    pair = Pair.of_kind(kind, seed=1)
    transfer = pair.transfer()
    answer = Focus(text=pair.auxiliary)(transfer)
    has_vector = pair.auxiliary.known & pair.auxiliary.vectors.any(axis=1)
    donors = (transfer.copied >= 0) & transfer.donors[transfer.copied]
    anchors = np.flatnonzero(donors & has_vector).tolist()
    theirs = deepfocus_mixture(transfer, pair.auxiliary, anchors, mixed_ids(answer))
    mixed = answer.origin == MIXED
    assert mixed.sum() > 40
    np.testing.assert_allclose(answer.rows[mixed], theirs[mixed], atol=FLOAT32)


def test_anchors_that_are_far_apart_or_alike_get_the_same_weights():
    """One anchor, two copies of a row, opposite vectors, a vector a thousand times as long: edges of sparsemax."""
    transfer = made_transfer([0, 1, 1, 2, -1, -1, -1], np.eye(3))
    angles = np.array([0.0, 0.3, 0.3, 3.1, 0.3, 1.7, -3.1])
    lengths = np.array([[1], [1000], [0.01], [1], [7], [1], [1]])
    vectors = (np.stack([np.cos(angles), np.sin(angles)], axis=1) * lengths).astype(np.float32)
    auxiliary = AuxiliaryVectors(vectors, np.ones(7, dtype=bool))
    answer = Focus(text=auxiliary)(transfer)
    theirs = deepfocus_mixture(transfer, auxiliary, [0, 1, 2, 3], [4, 5, 6])
    np.testing.assert_allclose(answer.rows[4:], theirs[4:], atol=FLOAT32)


def cased_pair() -> Pair:
    """Return vocabularies whose capitals only the target has; the source has their letters begin and continue words."""
    letters = "abcdefgh"
    shared = [*letters, *(f"##{letter}" for letter in letters)]
    source = wordpiece(*shared, fill="x")
    target = wordpiece(
        *shared, *letters.upper(), *(first + second for first in letters for second in letters), fill="y"
    )
    rng = np.random.default_rng(4)
    rows = rng.standard_normal((len(source), DIMENSION)).astype(np.float32)
    vectors, known = rng.standard_normal((len(target), 10)).astype(np.float32), np.ones(len(target), dtype=bool)
    vectors[target.all_special_ids], known[target.all_special_ids] = 0, False
    return Pair(source, target, rows, AuxiliaryVectors(vectors, known))


def test_compat_gives_every_row_of_a_cased_vocabulary():
    pair = cased_pair()
    answer, theirs = Focus(text=pair.auxiliary)(pair.transfer(profile="compat")), deepfocus(pair, fuzzy=True)
    assert (answer.origin == COPIED).sum() == 24 and (answer.origin == MIXED).sum() > 100
    copied = answer.origin != MIXED
    np.testing.assert_array_equal(answer.rows[copied], theirs[copied])
    np.testing.assert_allclose(answer.rows, theirs, atol=FLOAT32)


# Intended differences.


def test_a_capital_copies_a_continuation_for_deepfocus_only():
    """Here "A" gets the row of "a", there that of "##a"; rows mixed from it differ with it."""
    pair = cased_pair()
    answer, theirs = Focus(text=pair.auxiliary)(pair.transfer()), deepfocus(pair, fuzzy=True)
    ours_of, theirs_of = (pair.source.convert_tokens_to_ids(token) for token in ("a", "##a"))
    capital = pair.target.convert_tokens_to_ids("A")
    np.testing.assert_array_equal(answer.rows[capital], pair.rows[ours_of])
    np.testing.assert_array_equal(theirs[capital], pair.rows[theirs_of])
    copied, mixed = (answer.origin == origin for origin in (COPIED, MIXED))
    assert (answer.rows != theirs)[copied].any(axis=1).sum() == 8
    assert np.abs(answer.rows - theirs)[mixed].max() > 0.1


def test_special_tokens_are_anchors_for_deepfocus_only():
    """deepfocus mixes from the row of a special token that occurs in the text; no ordinary token should be like it."""
    pair = Pair.of_kind("wordpiece")
    special = pair.target.cls_token_id
    new = next(i for i in mixed_ids(Focus(text=pair.auxiliary)(pair.transfer())))
    vectors, known = pair.auxiliary.vectors.copy(), pair.auxiliary.known.copy()
    vectors[special], known[special] = 1.001 * vectors[new], True  # the nearest of all
    spoilt = Pair(pair.source, pair.target, pair.rows, AuxiliaryVectors(vectors, known))
    ours, theirs = Focus(text=spoilt.auxiliary)(spoilt.transfer()), deepfocus(spoilt, fuzzy=True)
    np.testing.assert_array_equal(ours.rows, Focus(text=pair.auxiliary)(pair.transfer()).rows)
    special_row = pair.rows[pair.source.cls_token_id]
    assert np.linalg.norm(theirs[new] - special_row) < 0.75 * np.linalg.norm(ours.rows[new] - special_row)


def test_lone_bytes_are_anchors_for_deepfocus_only():
    """The row of a byte that is not a character says nothing about a word."""
    pair = Pair.of_kind("byte-bpe", seed=2)
    transfer = pair.transfer()
    answer = Focus(text=pair.auxiliary)(transfer)
    has_vector = pair.auxiliary.known & pair.auxiliary.vectors.any(axis=1)
    copied = transfer.copied >= 0
    bytes_too = np.flatnonzero(copied & has_vector)
    assert (~transfer.donors[transfer.copied[bytes_too]]).sum() > 50
    theirs = deepfocus_mixture(transfer, pair.auxiliary, bytes_too.tolist(), mixed_ids(answer))
    mixed = answer.origin == MIXED
    assert np.abs(answer.rows[mixed] - theirs[mixed]).max() > 0.1


def test_sampled_rows_have_the_same_distribution_but_are_other_samples():
    """deepfocus samples token by token in float32 and divides the variance by S - 1; we use float64 and S."""
    pair = Pair.of_kind("wordpiece")
    answer, theirs = Focus(text=pair.auxiliary)(pair.transfer()), deepfocus(pair, fuzzy=True)
    sampled = answer.origin == SAMPLED
    assert not np.isclose(answer.rows[sampled], theirs[sampled]).any(axis=1).all()
    draws = sampled.sum() * DIMENSION
    mean, deviation = pair.rows.mean(axis=0), pair.rows.std(axis=0)
    for rows in (answer.rows, theirs):  # within four standard errors
        scores = (rows[sampled] - mean) / deviation
        assert abs(scores.mean()) < 4 / np.sqrt(draws) and abs(scores.var() - 1) < 4 * np.sqrt(2 / draws)
