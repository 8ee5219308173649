"""Whatever tokenizers come: every token gets a row, and no row comes from where it may not."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from tokenizers import AddedToken, Tokenizer, models, pre_tokenizers
from transformers import PreTrainedTokenizerFast

from sembridge.bridge import BridgeVectors, TokenVectors
from sembridge.initializer import COPIED, MIXED, SAMPLED, SPECIAL, Transfer
from sembridge.options import DONORS, OVERLAPS, PROFILES
from sembridge.semantic_bridge import SemBridge
from sembridge.vocabulary.match import match
from sembridge.vocabulary.overlap import RULES
from sembridge.vocabulary.vocabulary import ROLES, Vocabulary

WORDS = ["a", "A", "play", "Play", "PLAY", "İ", "ß", "안", "1", "!", "new york", "[x]", "##", "▁", "Ġ"]
FURTHER = ["[unused1]", "<unused_2>", "<0x0A>", "<0xEC>", "Ã", "Ċ", "ìķ", "<s>", "</s>", "[CLS]", "<lang:ko>"]
MARKS = {
    "wordpiece": "##{}",
    "unigram": "▁{}",
    "byte-bpe": "Ġ{}",
    "suffix": "{}</w>",
    "prefix": "@@{}",
    "wordlevel": "{}",
}
NAMES = ("cls_token", "sep_token", "pad_token", "unk_token", "mask_token", "bos_token", "eos_token")


@st.composite
def tokenizers(draw: st.DrawFn) -> Any:
    """A tokenizer of any kind with any tokens, ids, specials and roles; vocabularies of two ids or many."""
    kind = draw(st.sampled_from(sorted(MARKS)))
    written = st.sampled_from(WORDS) | st.sampled_from(WORDS).map(MARKS[kind].format) | st.sampled_from(FURTHER)
    tokens = ["<unk>", *draw(st.lists(written, max_size=14, unique=True))]
    holes = draw(st.integers(0, 3)) if kind != "unigram" else 0  # unigram numbers without holes
    ids = draw(st.permutations(range(len(tokens) + holes)))[: len(tokens)]
    backend = _backend(kind, dict(zip(tokens, ids, strict=True)))
    if not holes:  # `tokenizers` may number an added token with an id that is taken, if there are holes
        backend.add_tokens(draw(st.lists(st.sampled_from(["covid", "##raw", " ", "Play "]), max_size=2, unique=True)))
    special = draw(st.lists(st.sampled_from(tokens if holes else [*FURTHER, "a"]), max_size=3, unique=True))
    backend.add_special_tokens([AddedToken(token, special=True) for token in special])
    present = sorted(backend.get_vocab())
    roles = {name: draw(st.sampled_from(present)) for name in NAMES if draw(st.booleans())}
    return PreTrainedTokenizerFast(tokenizer_object=backend, **roles)


def _backend(kind: str, ids: dict[str, int]) -> Tokenizer:
    if kind == "unigram":
        backend = Tokenizer(models.Unigram([(token, -1.0) for token in ids], unk_id=0))
        backend.pre_tokenizer = pre_tokenizers.Metaspace()
        return backend
    if kind == "wordpiece":
        return Tokenizer(models.WordPiece(ids, unk_token="<unk>"))
    if kind == "wordlevel":
        return Tokenizer(models.WordLevel(ids, unk_token="<unk>"))
    marks = {"suffix": {"end_of_word_suffix": "</w>"}, "prefix": {"continuing_subword_prefix": "@@"}}
    backend = Tokenizer(models.BPE(ids, [], **marks.get(kind, {})))
    if kind == "byte-bpe":
        backend.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    return backend


def read(cut: Any, profile: str) -> Vocabulary:
    vocabulary = Vocabulary.from_tokenizer(cut, profile)
    stored = cut.get_vocab()
    assert len(vocabulary) == max(stored.values()) + 1 and [vocabulary.tokens[i] for i in stored.values()] == list(
        stored
    )
    assert vocabulary.exists.sum() == len(stored) and not (vocabulary.has_text & ~vocabulary.exists).any()
    assert all(vocabulary.roles[i] is not None for i in cut.all_special_ids), "no special without a role"
    assert all(vocabulary.roles.count(role) <= 1 for role in ROLES)
    if profile == "fixed":
        assert all(
            text is None for text, role in zip(vocabulary.texts, vocabulary.roles, strict=True) if role is not None
        )
    else:
        assert np.array_equal(vocabulary.has_text, vocabulary.exists)
    return vocabulary


def asked(source: Vocabulary, target: Vocabulary, mode: str, donors: str | None) -> Transfer:
    rows = np.random.default_rng(0).standard_normal((len(source), 3))
    return Transfer.between(source, target, rows, overlap=mode, donors=donors)


def bridge(transfer: Transfer, seed: int) -> BridgeVectors:
    rng = np.random.default_rng(seed)
    sides = []
    for side in (transfer.source, transfer.target):
        known = side.exists & (rng.random(len(side)) < 0.8)
        sides.append(
            TokenVectors(np.where(known[:, None], rng.standard_normal((len(side), 4)), 0).astype(np.float32), known)
        )
    return BridgeVectors(*sides)


OPTIONS = st.tuples(st.sampled_from(PROFILES), st.sampled_from(OVERLAPS), st.sampled_from([None, *DONORS]))
pytestmark = pytest.mark.filterwarnings("ignore")  # of holes in vocabularies


@given(tokenizers(), tokenizers(), OPTIONS, st.integers(0, 3))
@settings(max_examples=120, deadline=None)
def test_every_token_gets_a_row_from_where_it_may(source_tokenizer, target_tokenizer, options, seed):
    profile, mode, donors = options
    assume(not (profile == "compat" and donors == "ordinary"))
    source, target = read(source_tokenizer, profile), read(target_tokenizer, profile)
    transfer = asked(source, target, mode, donors)
    check_overlap(transfer, mode)
    vectors = bridge(transfer, seed)
    able = transfer.donors & vectors.source.known
    if not able.any() and (vectors.target.known & target.has_text)[transfer.missing].any():
        with pytest.raises(ValueError, match="knows none of the source tokens"):
            SemBridge(vectors)(transfer)
        return
    answer = SemBridge(vectors)(transfer)
    assert (
        answer.rows.shape == (len(target), 3)
        and np.isfinite(answer.rows).all()
        and np.array_equal(answer.rows.any(axis=1), target.exists)
    )
    copied = transfer.copied >= 0
    assert answer.rows[copied].tobytes() == transfer.rows[transfer.copied[copied]].tobytes()
    assert (np.isin(answer.origin, [COPIED, SPECIAL]) == copied).all()
    assert (answer.origin == SPECIAL).tolist() == [
        role in ROLES and bool(has) for role, has in zip(target.roles, copied, strict=True)
    ]
    assert ((answer.origin == MIXED) == (~copied & target.has_text & vectors.target.known)).all()
    weights = answer.mixture.toarray()
    assert not weights[answer.origin == MIXED][:, ~able].any() and not weights[answer.origin == SAMPLED].any()
    np.testing.assert_allclose(
        answer.rows[answer.origin != SAMPLED], (weights @ transfer.rows)[answer.origin != SAMPLED], atol=1e-5
    )


def check_overlap(transfer: Transfer, mode: str) -> None:
    source, target = transfer.source, transfer.target
    for target_id, (source_id, rule) in enumerate(zip(transfer.copied.tolist(), transfer.overlap.rule, strict=True)):
        assert -1 <= source_id < len(source) and (source_id >= 0) == (rule in ("role", "token", *RULES)), (
            "copied rows name a rule"
        )
        if source_id < 0:
            assert rule == ""
            continue
        ours, theirs = source.roles[source_id], target.roles[target_id]
        assert source.exists[source_id] and target.exists[target_id]
        if mode == "special":
            assert rule in ("role", "token") and theirs is not None
        elif mode == "exact":
            assert rule in ("role", "token", "exact")
        if source.profile == "fixed":
            assert ours == theirs, "a role comes from that role, what plays none from what plays none"
            assert (rule == "role") == (theirs in ROLES)
        if rule == "token":
            assert source.tokens[source_id] == target.tokens[target_id]


@given(tokenizers(), st.sampled_from(["exact", "fuzzy"]))
@settings(max_examples=120, deadline=None)
def test_a_vocabulary_copies_all_of_itself(cut, mode):
    whole = read(cut, "fixed")
    assert match(whole, whole, mode).copied.tolist() == [
        i if token is not None else -1 for i, token in enumerate(whole.tokens)
    ]


@given(tokenizers(), tokenizers())
@settings(max_examples=30, deadline=None)
def test_the_bridge_says_nothing_of_tokens_without_text(source_tokenizer, target_tokenizer):
    """Vectors of specials and lone bytes may be anything: with ordinary donors no row depends on them."""
    transfer = asked(read(source_tokenizer, "fixed"), read(target_tokenizer, "fixed"), "fuzzy", None)
    vectors = bridge(transfer, 0)
    assume((transfer.donors & vectors.source.known).any())
    silent = [
        TokenVectors(np.where(side.has_text[:, None], embedded.vectors, 0), embedded.known & side.has_text)
        for side, embedded in ((transfer.source, vectors.source), (transfer.target, vectors.target))
    ]
    assert SemBridge(vectors)(transfer).rows.tobytes() == SemBridge(BridgeVectors(*silent))(transfer).rows.tobytes()


@given(tokenizers(), st.data())
@settings(max_examples=30, deadline=None)
def test_nothing_in_common(cut, data):
    """An overlap may be empty; then every row is invented, under either profile."""
    backend = Tokenizer(models.WordLevel({"кот": 0, "песня": 1}, unk_token="кот"))
    other = PreTrainedTokenizerFast(tokenizer_object=backend)
    profile = data.draw(st.sampled_from(PROFILES))
    for sides in ((cut, other), (other, cut)):
        transfer = asked(*(read(side, profile) for side in sides), "fuzzy", None)
        assert len(transfer.missing) == len(transfer.target) and set(transfer.overlap.rule) == {""}
