"""Which token copies which, on vocabularies written by hand and on made-up ones."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from tokenizers_made import KINDS, made_tokenizer
from transfers_made import permuted

from sembridge.overlap import MODES, RULES, Overlap, match
from sembridge.vocabulary import ROLES, Vocabulary


def vocabulary(*tokens: str, kind: str = "wordpiece") -> Vocabulary:
    """Tokens as WordPiece writes them; [role] is that role, and {x} a special token without one. `kind` changes the name only."""
    roles: list[str | None] = []
    texts: list[str | None] = []
    for token in tokens:
        role = token[1:-1].lower() if token.startswith("[") else "special" if token.startswith("{") else None
        roles.append(role)
        texts.append(None if role else token.removeprefix("##"))
    return Vocabulary(kind, tokens, tuple(texts), np.array([not token.startswith("##") for token in tokens]), tuple(roles))


def byte_vocabulary(*tokens: tuple[str, str | None, bool], kind: str = "byte-bpe") -> Vocabulary:
    stored, texts, initial = zip(*tokens, strict=True)
    return Vocabulary(kind, stored, texts, np.array(initial), (None,) * len(tokens))


def said(source: Vocabulary, target: Vocabulary, mode: str = "fuzzy") -> list[tuple[str | None, str]]:
    """(source token, rule) of each target token."""
    overlap = match(source, target, mode)
    return [(source.tokens[i] if i >= 0 else None, rule) for i, rule in zip(overlap.copied, overlap.rule, strict=True)]


@pytest.mark.parametrize(
    ("source", "rule"), [("play", "exact"), ("Play", "case"), ("##play", "boundary"), ("##Play", "case+boundary")], ids=lambda value: value
)
def test_every_rule(source, rule):
    assert rule in RULES
    assert said(vocabulary("other", source), vocabulary("play")) == [(source, rule)]
    assert said(vocabulary("other", source), vocabulary("play"), "exact") == ([(source, rule)] if rule == "exact" else [(None, "")])


def test_rules_in_their_order():
    worst_first = ["##Play", "##play", "Play", "play"]
    for skipped in range(4):
        kept = worst_first[: 4 - skipped]
        assert said(vocabulary(*kept), vocabulary("play")) == [(kept[-1], RULES[skipped])]
        assert said(vocabulary(*kept[::-1]), vocabulary("play")) == [(kept[-1], RULES[skipped])], "ids do not matter while rules differ"


def test_word_and_continuation_keep_apart():
    """The reference code may give "play" the row of "##play", whose canonical form is the key itself."""
    both = vocabulary("##play", "play")
    assert said(both, vocabulary("play", "##play")) == [("play", "exact"), ("##play", "exact")]
    assert said(both, vocabulary("PLAY", "##PLAY")) == [("play", "case"), ("##play", "case")]


def test_the_lowest_id_decides_between_equals():
    assert said(vocabulary("pLAY", "Play", "PLAY"), vocabulary("play")) == [("pLAY", "case")]
    assert said(vocabulary("Play", "pLAY", "PLAY"), vocabulary("play")) == [("Play", "case")]


def test_letters_beyond_ascii():
    assert said(vocabulary("ПЕСНЯ", "##é"), vocabulary("песня", "É", "안")) == [("ПЕСНЯ", "case"), ("##é", "case+boundary"), (None, "")]


def test_specials_match_by_what_they_do():
    bert = Vocabulary.from_tokenizer(made_tokenizer("wordpiece", "english"))
    roberta = Vocabulary.from_tokenizer(made_tokenizer("byte-bpe", "english"))
    pairs = {"[CLS]": "<s>", "[SEP]": "</s>", "[PAD]": "<pad>", "[UNK]": "<unk>", "[MASK]": "<mask>"}
    for source, target, expected in ((bert, roberta, {v: k for k, v in pairs.items()}), (roberta, bert, pairs)):
        for mode in MODES:
            overlap = match(source, target, mode)
            found = {target.tokens[i]: source.tokens[overlap.copied[i]] for i, rule in enumerate(overlap.rule) if rule == "role"}
            assert found == expected


def test_specials_never_match_by_string():
    source = vocabulary("[CLS]", "[SEP]", "{<s>}", "{[unused1]}", "##s")
    target = vocabulary("{<s>}", "{[unused1]}", "[PAD]", "[SEP]", "{s}")
    assert said(source, target) == [(None, ""), (None, ""), (None, ""), ("[SEP]", "role"), (None, "")]
    plain = Vocabulary("wordpiece", ("<s>", "[CLS]"), ("<s>", "[CLS]"), np.ones(2, dtype=bool), (None, None))
    assert said(plain, vocabulary("{<s>}", "[CLS]")) == [(None, ""), (None, "")], "a special token takes no ordinary row"
    assert said(vocabulary("{<s>}", "[CLS]"), plain) == [(None, ""), (None, "")], "an ordinary token takes no special row"


def test_lone_bytes_match_only_between_byte_level_vocabularies():
    source = byte_vocabulary(("Ã", None, False), ("Ġ", None, True), ("a", "a", False))
    target = byte_vocabulary(("ìķ", None, False), ("Ã", None, False), ("Ġ", None, True))
    for mode in MODES:
        assert said(source, target, mode) == [(None, ""), ("Ã", "byte"), ("Ġ", "byte")]
    others = byte_vocabulary(("Ã", None, False), ("Ġ", None, True), kind="unigram")
    assert said(source, others) == said(others, target)[1:] == [(None, ""), (None, "")]


def test_a_special_token_written_like_a_lone_byte_is_no_byte():
    lone = byte_vocabulary(("Ã", None, False))
    special = Vocabulary("byte-bpe", ("Ã",), (None,), np.zeros(1, dtype=bool), ("special",))
    assert said(lone, special) == said(special, lone) == [(None, "")]


def test_holes_copy_nothing():
    holed = Vocabulary("byte-bpe", (None, "a"), (None, "a"), np.array([False, False]), (None, None))
    assert said(holed, holed) == [(None, ""), ("a", "exact")]


def test_equal_texts_prefer_the_same_stored_token():
    """Byte-level vocabularies of code models hold words after a line break beside words after a space: one text, two rows."""
    tokens = [("Ċplay", "play", True), ("Ġplay", "play", True), ("ĉplay", "play", True), ("play", "play", False), ("playĊ", "play", False)]
    twice = byte_vocabulary(*tokens)
    assert said(twice, twice) == [(token, "exact") for token, _, _ in tokens]
    assert said(twice, byte_vocabulary(("▁play", "play", True), kind="unigram")) == [("Ċplay", "exact")]


@pytest.mark.parametrize("mode", ["Fuzzy", "", "all"])
def test_unknown_mode(mode):
    with pytest.raises(ValueError, match=f"overlap {mode!r} is unknown; choose one of exact, fuzzy"):
        match(vocabulary("a"), vocabulary("a"), mode)


@pytest.mark.parametrize("kind", KINDS)
def test_a_vocabulary_copies_itself(kind):
    whole = Vocabulary.from_tokenizer(made_tokenizer(kind, "english"))
    overlap = match(whole, whole)
    decided = [i for i in range(len(whole)) if whole.has_text[i] or whole.roles[i] or kind == "byte-bpe"]
    assert len(decided) > len(whole) - 2, "all but a lone space mark"
    assert overlap.copied[decided].tolist() == decided
    assert {overlap.rule[i] for i in decided} <= {"role", "exact", "byte"}


WORDS = st.sampled_from(["a", "A", "b", "ab", "Ab", "AB", "ж", "Ж", "İ", "ß", "ẞ"])


@st.composite
def vocabularies(draw: st.DrawFn) -> Vocabulary:
    kind = draw(st.sampled_from(["wordpiece", "byte-bpe", "unigram"]))
    ordinary = st.tuples(WORDS, st.booleans()).map(lambda pair: (("_" if pair[1] else "") + pair[0], pair[0], pair[1], None))
    lone = st.tuples(st.sampled_from("xyz"), st.booleans()).map(lambda pair: (pair[0], None, pair[1], None))
    special = st.integers(0, 5).map(lambda i: (f"{{{i}}}", None, False, "special"))
    role = st.sampled_from(ROLES).map(lambda name: (f"[{name}]", None, False, name))
    hole = st.just((None, None, False, None))
    entries = draw(st.lists(st.one_of(ordinary, ordinary, lone, special, role, hole), min_size=1, max_size=20))
    seen: set[str] = set()
    unique = [entry for entry in entries if entry[0] is None or not (entry[0] in seen or seen.add(entry[0]))]
    tokens, texts, initial, roles = zip(*unique, strict=True)
    return Vocabulary(kind, tokens, texts, np.array(initial, dtype=bool), roles)


def rank(source: Vocabulary, i: int, target: Vocabulary, j: int) -> int | None:
    """Which of RULES holds between two ordinary tokens, said once more in plain words."""
    ours, theirs = source.texts[i], target.texts[j]
    if ours is None or theirs is None or ours.lower() != theirs.lower():
        return None
    same_flag = bool(source.word_initial[i]) == bool(target.word_initial[j])
    return RULES.index(
        {(True, True): "exact", (True, False): "case", (False, True): "boundary", (False, False): "case+boundary"}[same_flag, ours == theirs]
    )


def check(source: Vocabulary, target: Vocabulary, overlap: Overlap, mode: str) -> None:
    assert overlap.copied.shape == (len(target),) and len(overlap.rule) == len(target)
    assert ((overlap.copied >= -1) & (overlap.copied < len(source))).all(), "no id out of range"
    for j, (i, rule) in enumerate(zip(overlap.copied.tolist(), overlap.rule, strict=True)):
        assert (i >= 0) == (rule != "")
        ranks = [rank(source, k, target, j) for k in range(len(source))]
        best = min((r for r in ranks if r is not None), default=None)
        if target.roles[j] in ROLES:
            assert (i, rule) == ((source.role_ids[target.roles[j]], "role") if target.roles[j] in source.role_ids else (-1, ""))
        elif target.roles[j] == "special":
            assert i == -1
        elif target.texts[j] is None:
            alike = source.kind == target.kind == "byte-bpe" and target.tokens[j] is not None
            twins = [k for k in range(len(source)) if alike and source.tokens[k] == target.tokens[j] and source.texts[k] is None]
            assert (i, rule) == ((twins[0], "byte") if twins else (-1, ""))
        elif best is None or (mode == "exact" and best > 0):
            assert i == -1
        else:
            assert rule == RULES[best] and ranks[i] == best and source.roles[i] is None


@given(vocabularies(), vocabularies(), st.sampled_from(MODES))
def test_every_match_is_the_best_there_is(source, target, mode):
    check(source, target, match(source, target, mode), mode)


@given(vocabularies(), vocabularies(), st.randoms(use_true_random=False))
def test_target_ids_are_only_names(source, target, random):
    order = np.array(random.sample(range(len(target)), len(target)))
    before, after = match(source, target), match(source, permuted(target, order))
    assert after.copied.tolist() == before.copied[order].tolist() and after.rule == tuple(before.rule[j] for j in order)


@given(vocabularies())
def test_what_has_a_text_finds_itself(whole):
    overlap = match(whole, whole)
    for i in np.flatnonzero(whole.has_text):
        assert overlap.rule[i] == "exact" and overlap.copied[i] == i
