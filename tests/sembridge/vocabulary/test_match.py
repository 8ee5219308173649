"""Which token copies which, on vocabularies written by hand and on made-up ones."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from tokenizers import Tokenizer, decoders, models, pre_tokenizers, trainers
from transformers import PreTrainedTokenizerFast

from sembridge.options import OVERLAPS
from sembridge.vocabulary.match import match
from sembridge.vocabulary.overlap import RULES, Overlap
from sembridge.vocabulary.vocabulary import ROLES, Vocabulary
from tests.helpers.tokenizers_made import FURTHER_KINDS, KINDS, english, made_tokenizer
from tests.helpers.transfers_made import permuted


def vocabulary(*tokens: str, kind: str = "wordpiece") -> Vocabulary:
    """Tokens as in WordPiece; [role] has that role, {x} is a special without one, stored as x; `kind` is a name."""
    roles: list[str | None] = []
    texts: list[str | None] = []
    for token in tokens:
        role = token[1:-1].lower() if token.startswith("[") else "special" if token.startswith("{") else None
        roles.append(role)
        texts.append(None if role else token.removeprefix("##"))
    stored = tuple(token.strip("{}") for token in tokens)
    return Vocabulary(
        kind, stored, tuple(texts), np.array([not token.startswith("##") for token in tokens]), tuple(roles)
    )


def byte_vocabulary(*tokens: tuple[str, str | None, bool], kind: str = "byte-bpe") -> Vocabulary:
    stored, texts, initial = zip(*tokens, strict=True)
    return Vocabulary(kind, stored, texts, np.array(initial), (None,) * len(tokens))


def copies(source: Vocabulary, target: Vocabulary, mode: str = "fuzzy") -> list[tuple[str | None, str]]:
    """(source token, rule) of each target token."""
    overlap = match(source, target, mode)
    return [(source.tokens[i] if i >= 0 else None, rule) for i, rule in zip(overlap.copied, overlap.rule, strict=True)]


@pytest.mark.parametrize(
    ("source", "rule"),
    [("play", "exact"), ("Play", "case"), ("##play", "boundary"), ("##Play", "case+boundary")],
    ids=lambda value: value,
)
def test_every_rule(source, rule):
    assert rule in RULES
    assert copies(vocabulary("other", source), vocabulary("play")) == [(source, rule)]
    assert copies(vocabulary("other", source), vocabulary("play"), "exact") == (
        [(source, rule)] if rule == "exact" else [(None, "")]
    )


def test_rules_in_their_order():
    worst_first = ["##Play", "##play", "Play", "play"]
    for skipped in range(4):
        kept = worst_first[: 4 - skipped]
        assert copies(vocabulary(*kept), vocabulary("play")) == [(kept[-1], RULES[skipped])]
        assert copies(vocabulary(*kept[::-1]), vocabulary("play")) == [(kept[-1], RULES[skipped])], (
            "ids do not matter while rules differ"
        )


def test_word_and_continuation_keep_apart():
    """The reference code may give "play" the row of "##play", whose canonical form is the key itself."""
    both = vocabulary("##play", "play")
    assert copies(both, vocabulary("play", "##play")) == [("play", "exact"), ("##play", "exact")]
    assert copies(both, vocabulary("PLAY", "##PLAY")) == [("play", "case"), ("##play", "case")]


def test_the_lowest_id_decides_between_equals():
    assert copies(vocabulary("pLAY", "Play", "PLAY"), vocabulary("play")) == [("pLAY", "case")]
    assert copies(vocabulary("Play", "pLAY", "PLAY"), vocabulary("play")) == [("Play", "case")]


def test_letters_beyond_ascii():
    assert copies(vocabulary("ПЕСНЯ", "##é"), vocabulary("песня", "É", "안")) == [
        ("ПЕСНЯ", "case"),
        ("##é", "case+boundary"),
        (None, ""),
    ]


def test_specials_match_by_what_they_do():
    bert = Vocabulary.from_tokenizer(made_tokenizer("wordpiece", "english"))
    roberta = Vocabulary.from_tokenizer(made_tokenizer("byte-bpe", "english"))
    pairs = {"[CLS]": "<s>", "[SEP]": "</s>", "[PAD]": "<pad>", "[UNK]": "<unk>", "[MASK]": "<mask>"}
    for source, target, expected in ((bert, roberta, {v: k for k, v in pairs.items()}), (roberta, bert, pairs)):
        for mode in OVERLAPS:
            overlap = match(source, target, mode)
            sources = {
                target.tokens[i]: source.tokens[overlap.copied[i]]
                for i, rule in enumerate(overlap.rule)
                if rule == "role"
            }
            assert sources == expected


def test_no_special_takes_the_row_of_another_role_by_string():
    """The reference code gives an unused "<s>" the row of the source's real one."""
    source = Vocabulary(
        "byte-bpe", ("<s>", "</s>", "<x>"), (None,) * 3, np.zeros(3, dtype=bool), ("cls", "sep", "special")
    )
    assert copies(source, vocabulary("{<s>}", "{</s>}", "{<x>}", "[SEP]")) == [
        (None, ""),
        (None, ""),
        ("<x>", "token"),
        ("</s>", "role"),
    ]
    assert copies(vocabulary("{<s>}", "##s"), source) == [(None, "")] * 3, (
        "nor a role the row of a token that plays none"
    )
    plain = Vocabulary("wordpiece", ("<s>", "[CLS]"), ("<s>", "[CLS]"), np.ones(2, dtype=bool), (None, None))
    assert copies(plain, vocabulary("{<s>}", "[CLS]")) == [(None, ""), (None, "")], (
        "a special token takes no ordinary row"
    )
    assert copies(vocabulary("{<s>}", "[CLS]"), plain) == [(None, ""), (None, "")], (
        "an ordinary token takes no special row"
    )


def test_tokens_without_text_or_role_match_by_the_stored_token():
    source = vocabulary("{[unused1]}", "{[unused2]}", "{<lang:ko>}", "a")
    target = vocabulary("{[unused2]}", "{[unused3]}", "{<lang:ko>}", "{a}")
    for mode in ("exact", "fuzzy"):
        assert copies(source, target, mode) == [("[unused2]", "token"), (None, ""), ("<lang:ko>", "token"), (None, "")]
    source = byte_vocabulary(("Ã", None, False), ("Ġ", None, True), ("a", "a", False), ("<0x0A>", None, False))
    target = byte_vocabulary(
        ("ìķ", None, False),
        ("Ã", None, False),
        ("Ġ", None, True),
        ("Ã", "Ã", False),
        ("<0x0A>", None, False),
        kind="bpe",
    )
    for mode in ("exact", "fuzzy"):
        assert copies(source, target, mode) == [
            (None, ""),
            ("Ã", "token"),
            ("Ġ", "token"),
            (None, ""),
            ("<0x0A>", "token"),
        ]


def test_roles_alone():
    """What WECHSEL's paper copies: special tokens and nothing else."""
    whole = vocabulary("[CLS]", "[MASK]", "{<x>}", "play", "##ing", "1")
    assert copies(whole, whole, "special") == [("[CLS]", "role"), ("[MASK]", "role")] + [(None, "")] * 4


def test_profiles_do_not_mix():
    read = [
        Vocabulary.from_tokenizer(made_tokenizer("wordpiece", "english"), profile) for profile in ("fixed", "compat")
    ]
    for source, target in (read, read[::-1]):
        with pytest.raises(
            ValueError,
            match=f"source .*profile {source.profile!r}, the target with {target.profile!r}; read both with one",
        ):
            match(source, target)


def test_a_special_token_written_like_a_lone_byte_is_no_byte():
    lone = byte_vocabulary(("Ã", None, False))
    special = Vocabulary("byte-bpe", ("Ã",), (None,), np.zeros(1, dtype=bool), ("special",))
    assert copies(lone, special) == copies(special, lone) == [(None, "")]


def test_holes_copy_nothing():
    holed = Vocabulary("byte-bpe", (None, "a"), (None, "a"), np.array([False, False]), (None, None))
    assert copies(holed, holed) == [(None, ""), ("a", "exact")]


def test_equal_texts_prefer_the_same_stored_token():
    """Byte-level vocabularies of code models have words after a line break and after a space: one text, two rows."""
    tokens = [
        ("Ċplay", "play", True),
        ("Ġplay", "play", True),
        ("ĉplay", "play", True),
        ("play", "play", False),
        ("playĊ", "play", False),
    ]
    twice = byte_vocabulary(*tokens)
    assert copies(twice, twice) == [(token, "exact") for token, _, _ in tokens]
    assert copies(twice, byte_vocabulary(("▁play", "play", True), kind="unigram")) == [("Ċplay", "exact")]


@pytest.mark.parametrize("mode", ["Fuzzy", "", "all"])
def test_unknown_mode(mode):
    with pytest.raises(ValueError, match=f"overlap {mode!r} is unknown; .*known: exact, fuzzy, special"):
        match(vocabulary("a"), vocabulary("a"), mode)


def bpe(**marks: str) -> Tokenizer:
    """Plain BPE with marks of its own at the seams or the ends of words."""
    backend = Tokenizer(models.BPE(unk_token="<unk>", **marks))
    backend.pre_tokenizer = pre_tokenizers.Whitespace()
    trainer = trainers.BpeTrainer(
        vocab_size=200, special_tokens=["<s>", "<pad>", "</s>", "<unk>"], show_progress=False, **marks
    )
    backend.train_from_iterator(english(), trainer)
    return backend


def with_bytes() -> Tokenizer:
    pieces = ["<s>", "<pad>", "</s>", "<unk>", *(f"<0x{byte:02X}>" for byte in range(256)), "▁", "▁a", "a", "▁A", "▁▁"]
    backend = Tokenizer(models.Unigram([(piece, -1.0) for piece in pieces], unk_id=3, byte_fallback=True))
    backend.pre_tokenizer, backend.decoder = pre_tokenizers.Metaspace(), decoders.Metaspace()
    return backend


@pytest.mark.filterwarnings("ignore")  # of holes
def with_unused() -> Tokenizer:
    pieces = [
        "[PAD]",
        "[unused0]",
        "[unused1]",
        "[UNK]",
        "[CLS]",
        "[SEP]",
        "[MASK]",
        "play",
        "Play",
        "##play",
        "##",
        "안",
    ]
    backend = Tokenizer(
        models.WordPiece({**{piece: i for i, piece in enumerate(pieces)}, "far": 20}, unk_token="[UNK]")
    )
    backend.pre_tokenizer = pre_tokenizers.BertPreTokenizer()
    backend.add_tokens(["covid", "Covid", " "])
    backend.add_special_tokens(["<lang:ko>", "<s>"])
    return backend


def fast(backend: Tokenizer, **tokens: str) -> PreTrainedTokenizerFast:
    return PreTrainedTokenizerFast(
        tokenizer_object=backend, **{f"{role}_token": token for role, token in tokens.items()}
    )


WHOLE = {
    **{kind: lambda kind=kind: made_tokenizer(kind, "english") for kind in (*KINDS, *FURTHER_KINDS)},
    "unused, added, holes": lambda: fast(
        with_unused(), bos="<s>", **{role: f"[{role.upper()}]" for role in ("pad", "cls", "sep", "unk", "mask")}
    ),
    "byte fallback": lambda: fast(with_bytes(), bos="<s>", eos="</s>", pad="<pad>"),
    "suffix": lambda: fast(bpe(end_of_word_suffix="</w>"), bos="<s>", eos="</s>", pad="</s>"),
    "prefix": lambda: fast(bpe(continuing_subword_prefix="##"), bos="<s>", pad="<pad>"),
}


@pytest.mark.parametrize("name", WHOLE)
@pytest.mark.parametrize("mode", ["exact", "fuzzy"])
def test_a_vocabulary_copies_all_of_itself(name, mode):
    whole = Vocabulary.from_tokenizer(WHOLE[name]())
    overlap = match(whole, whole, mode)
    assert overlap.copied.tolist() == [i if token is not None else -1 for i, token in enumerate(whole.tokens)]
    assert set(overlap.rule) - {""} <= {"role", "exact", "token"} and (None in whole.tokens) == (
        name == "unused, added, holes"
    )


WORDS = st.sampled_from(["a", "A", "b", "ab", "Ab", "AB", "ж", "Ж", "İ", "ß", "ẞ"])


@st.composite
def vocabularies(draw: st.DrawFn) -> Vocabulary:
    kind = draw(st.sampled_from(["wordpiece", "byte-bpe", "unigram"]))
    ordinary = st.tuples(WORDS, st.booleans()).map(
        lambda pair: (("_" if pair[1] else "") + pair[0], pair[0], pair[1], None)
    )
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
        {(True, True): "exact", (True, False): "case", (False, True): "boundary", (False, False): "case+boundary"}[
            same_flag, ours == theirs
        ]
    )


def check(source: Vocabulary, target: Vocabulary, overlap: Overlap, mode: str) -> None:
    assert overlap.copied.shape == (len(target),) and len(overlap.rule) == len(target)
    assert ((overlap.copied >= -1) & (overlap.copied < len(source))).all(), "no id out of range"
    for j, (i, rule) in enumerate(zip(overlap.copied.tolist(), overlap.rule, strict=True)):
        assert (i >= 0) == (rule != "")
        ranks = [rank(source, k, target, j) for k in range(len(source))]
        best = min((r for r in ranks if r is not None), default=None)
        if target.roles[j] in ROLES:
            assert (i, rule) == (
                (source.role_ids[target.roles[j]], "role") if target.roles[j] in source.role_ids else (-1, "")
            )
        elif mode == "special":
            assert i == -1
        elif target.texts[j] is None:
            twins = [
                k
                for k in range(len(source))
                if source.tokens[k] == target.tokens[j] is not None and source.texts[k] is None
            ]
            twins = [k for k in twins if source.roles[k] == target.roles[j]]
            assert (i, rule) == ((twins[0], "token") if twins else (-1, ""))
        elif best is None or (mode == "exact" and best > 0):
            assert i == -1
        else:
            assert rule == RULES[best] and ranks[i] == best and source.roles[i] is None


@given(vocabularies(), vocabularies(), st.sampled_from(OVERLAPS))
def test_every_match_is_the_best_there_is(source, target, mode):
    check(source, target, match(source, target, mode), mode)


@given(vocabularies(), vocabularies(), st.randoms(use_true_random=False))
def test_target_ids_are_only_names(source, target, random):
    order = np.array(random.sample(range(len(target)), len(target)))
    before, after = match(source, target), match(source, permuted(target, order))
    assert after.copied.tolist() == before.copied[order].tolist() and after.rule == tuple(before.rule[j] for j in order)


@given(vocabularies())
def test_every_token_finds_itself(whole):
    overlap = match(whole, whole)
    for i in np.flatnonzero(whole.exists):
        assert overlap.copied[i] == i and overlap.rule[i] == (
            "exact" if whole.has_text[i] else "role" if whole.roles[i] in ROLES else "token"
        )


@pytest.mark.parametrize(
    ("source", "target"),
    [
        ("\ud55c\uad6d", "\u1112\u1161\u11ab\u1100\u116e\u11a8"),  # 한국, syllables and their parts
        ("\u0915\u093c", "\u0958"),  # क़ in two characters and in one
        ("caf\u00e9", "cafe\u0301"),
    ],
)
def test_spellings_of_one_text_match(source, target):
    for ours, theirs in ((source, target), (target, source)):
        assert copies(vocabulary("other", ours), vocabulary(theirs), "exact") == [(ours, "exact")]
        assert copies(vocabulary("other", f"##{ours}"), vocabulary(theirs)) == [(f"##{ours}", "boundary")]
    # Where both spellings exist, each takes its own.
    assert copies(vocabulary(source, target), vocabulary(target, source)) == [(target, "exact"), (source, "exact")]
    assert copies(vocabulary("CAF\u00c9"), vocabulary("cafe\u0301")) == [("CAF\u00c9", "case")]


def test_the_compat_profile_compares_strings_as_published():
    import dataclasses

    source, target = (
        dataclasses.replace(vocabulary(token, kind="byte-bpe"), profile="compat")
        for token in ("caf\u00e9", "cafe\u0301")
    )
    assert match(source, target).copied.tolist() == [-1]
