"""The defects table of docs/fidelity.md, row by row: `compat` and `fixed` on vocabularies small enough to count.

Rows 6 to 12 do not concern vocabularies: see test_transplant*.py (6 to 10), test_entmax.py (11), tests/transfer (12).
The figures that docs/fidelity.md quotes are those asserted here.
"""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

from sembridge.bridge import BridgeVectors, embed_vocabulary
from sembridge.initializer import COPIED, MIXED, SAMPLED, SPECIAL, Initialization, Transfer
from sembridge.options import PROFILES
from sembridge.semantic_bridge import SemBridge
from sembridge.vocabulary.compat import guessed_kind
from sembridge.vocabulary.match import match
from sembridge.vocabulary.string_overlap import canonical, copied_by_string, match_strings
from sembridge.vocabulary.vocabulary import ROLES, Vocabulary
from tests.helpers.profiles_made import FILL, byte_level, bytes_bridge, tokenizer, unigram, wordpiece, words_bridge
from tests.helpers.reference_rules import reference_copies


def read(cut: Any) -> tuple[Vocabulary, Vocabulary]:
    """(compat, fixed)"""
    assert PROFILES == ("fixed", "compat") and Vocabulary.from_tokenizer(cut).profile == "fixed", "fixed is the default"
    return Vocabulary.from_tokenizer(cut, "compat"), Vocabulary.from_tokenizer(cut)


def texts(vocabulary: Vocabulary, *tokens: str) -> list[str | None]:
    return [vocabulary.texts[vocabulary.tokens.index(token)] for token in tokens]


def copies(
    source: Any, target: Any, mode: str = "fuzzy"
) -> tuple[dict[str, tuple[str, str]], dict[str, tuple[str, str]]]:
    """Target token -> (source token, rule), under compat and under fixed."""
    by_profile = []
    for ours, theirs in zip(read(source), read(target), strict=True):
        overlap = match(ours, theirs, mode)
        pairs = (
            (str(theirs.tokens[j]), (str(ours.tokens[overlap.copied[j]]), overlap.rule[j]))
            for j in np.flatnonzero(overlap.copied >= 0)
        )
        by_profile.append(dict(pairs))
    return by_profile[0], by_profile[1]


def answers(
    source: Any, target: Any, bridge: Any, **options: Any
) -> tuple[tuple[Transfer, Initialization], tuple[Transfer, Initialization]]:
    """(question, SemBridge's answer) under compat and under fixed, for rows drawn at random."""
    by_profile = []
    for ours, theirs in zip(read(source), read(target), strict=True):
        task = Transfer.between(ours, theirs, np.random.default_rng(0).standard_normal((len(ours), 5)), **options)
        vectors = BridgeVectors(embed_vocabulary(bridge, ours), embed_vocabulary(bridge, theirs))
        by_profile.append((task, SemBridge(vectors, alpha=2.5)(task)))
    return by_profile[0], by_profile[1]


# ---------------------------------------------------------------- row 1: what the bridge is given


def test_row_1_texts():
    compat, fixed = read(tokenizer("uncased English"))
    tokens = ("##ing", "cat", "##", "[unused1]", "[CLS]", "[x]")
    assert texts(compat, *tokens) == ["##ing", "cat", "##", "[unused1]", "[CLS]", "[x]"]
    assert texts(fixed, *tokens) == ["ing", "cat", "##", None, None, "[x]"]
    compat, fixed = read(tokenizer("byte-level"))
    tokens = ("Ġplay", "Ã©", "Ã", "ìķ", "Ġìķ", "Ġ", "Ċ", "Ġ[x]", "<s>")
    assert texts(compat, *tokens) == ["play", "é", "\ufffd", "\ufffd", "\ufffd", "Ġ", "Ċ", "Ġ[x]", "<s>"]
    assert texts(fixed, *tokens) == ["play", "é", None, None, None, None, None, "[x]", None]
    compat, fixed = read(tokenizer("metaspace"))
    assert texts(compat, "▁play", "play", "▁", "<pad>") == ["play", "play", "▁", "<pad>"]
    assert texts(fixed, "▁play", "play", "▁", "<pad>") == ["play", "play", None, None]


def test_row_1_hashes_make_all_continuations_alike():
    """As bags of bytes, {#: 2, i, n, g} and {#: 2, e, d} have the cosine 4 / sqrt(7 * 6); ing and ed share nothing."""
    cosines = []
    for vocabulary in read(tokenizer("uncased English")):
        vectors = embed_vocabulary(bytes_bridge(), vocabulary).vectors
        ing, ed = (vectors[vocabulary.tokens.index(token)] for token in ("##ing", "##ed"))
        cosines.append(float(ing @ ed / np.linalg.norm(ing) / np.linalg.norm(ed)))
    np.testing.assert_allclose(cosines, [4 / np.sqrt(42), 0], atol=1e-6)
    assert round(cosines[0], 3) == 0.617


# ---------------------------------------------------------------- row 2: the kind, by counting


@pytest.mark.parametrize(("mark", "kind"), [("##", "wordpiece"), ("▁", "unigram")])
def test_row_2_kind_is_guessed_by_counting(mark, kind):
    marked = [f"{mark}{i}" for i in range(FILL)]
    assert guessed_kind([*marked, None, "a"]) == kind and guessed_kind([*marked[1:], None, "a"]) == "byte-bpe"
    assert guessed_kind([f"a{token}" for token in marked]) == "byte-bpe", "a mark in the middle is none"


def test_row_2_a_small_vocabulary_falls_into_the_wrong_branch():
    small = tokenizer("small")
    compat, fixed = read(small)
    assert (compat.kind, fixed.kind) == ("byte-bpe", "wordpiece")
    assert canonical(compat, 5) == ("play", False) and canonical(compat, 6) == ("##ing", False)
    assert (fixed.texts[6], fixed.word_initial[5:7].tolist()) == ("ing", [True, False])
    # play, ##ing, ##play and ! stand in both vocabularies, and only the large one is recognized
    in_compat, in_fixed = copies(small, wordpiece("play", "##ing", "##play", "!", fill="e"), "exact")
    ordinary = [
        {token: pair for token, pair in pairs.items() if not token.startswith("[")} for pairs in (in_compat, in_fixed)
    ]
    assert ordinary[0] == {"##play": ("play", "exact")}, "one token of four, and that one wrong"
    assert ordinary[1] == {token: (token, "exact") for token in ("play", "##ing", "##play", "!")}


def test_row_2_small_metaspace_vocabularies_too():
    compat, fixed = read(tokenizer("small metaspace"))
    assert (compat.kind, fixed.kind) == ("byte-bpe", "unigram")
    assert not compat.word_initial.any() and fixed.word_initial.any()


# ---------------------------------------------------------------- rows 3 and 14: which token copies which


def test_row_3_the_continuation_comes_first():
    in_compat, in_fixed = copies(tokenizer("uncased English"), tokenizer("cased Russian"))
    assert in_compat["Play"] == ("##play", "case+boundary") and in_fixed["Play"] == ("play", "case")
    assert in_compat["##Play"] == ("##play", "case") and in_fixed["##Play"] == ("##play", "case")


def test_row_3_without_the_exact_step_even_play_is_not_play():
    source, target = (
        Vocabulary.from_tokenizer(tokenizer(name), "compat")
        for name in ("uncased English", "with unused sentence marks")
    )
    target_id = target.tokens.index("play")
    for exact, expected in ((True, "play"), (False, "##play")):
        assert source.tokens[match_strings(source, target, exact=exact).copied[target_id]] == expected


def test_row_3_of_equal_forms_the_last_wins():
    """All lone bytes are U+FFFD to the reference, so all target bytes copy the same row; fixed copies byte by byte."""
    source = byte_level("Ã", "ìķ", "Ġìķ", "é")
    in_compat, in_fixed = copies(source, byte_level("ìķ", "Ġìķ", "Ã", "Ġé"))
    assert [in_compat[token][0] for token in ("ìķ", "Ã", "Ġìķ")] == ["é", "é", "Ġìķ"]
    assert [in_fixed[token][0] for token in ("ìķ", "Ã", "Ġìķ")] == ["ìķ", "Ã", "Ġìķ"]
    assert "Ġé" in in_compat and "Ġé" not in in_fixed


def test_row_3_symbols():
    """Digits, punctuation and white space, whatever the other switches say; the exact form first."""
    source, target = (
        Vocabulary.from_tokenizer(tokenizer(name), "compat") for name in ("uncased English", "cased Russian")
    )
    overlap = match_strings(source, target, exact=False, fuzzy=False, symbols=True)
    pairs = {target.tokens[j]: source.tokens[overlap.copied[j]] for j in np.flatnonzero(overlap.copied >= 0)}
    assert pairs == {"1": "1", "##!": "!"} and {overlap.rule[target.tokens.index(token)] for token in pairs} == {
        "exact",
        "boundary",
    }


def test_row_3_symbols_match_by_form_first():
    """White space can only be an added token, for which the stored token stands in."""
    sides = [wordpiece("!", "##!", "7", "##7", "a", fill="e"), wordpiece("!", "##7", "##a", fill="ы")]
    for side in sides:
        side.add_tokens([" "])
    source, target = (Vocabulary.from_tokenizer(side, "compat") for side in sides)
    copied = copied_by_string(source, target, exact=False, fuzzy=False, symbols=True)
    assert {target.tokens[j]: source.tokens[copied[j]] for j in np.flatnonzero(copied >= 0)} == {
        "!": "!",
        "##7": "##7",
        " ": " ",
    }


def test_row_14_fuzzy_matching_crosses_the_word_boundary():
    """A and B are whole words; the source has a, ##a, b and ##b."""
    in_compat, in_fixed = copies(tokenizer("uncased English"), tokenizer("cased Russian"))
    assert [in_compat[token] for token in "AB"] == [("##a", "case+boundary"), ("##b", "case+boundary")]
    assert [in_fixed[token] for token in "AB"] == [("a", "case"), ("b", "case")]
    crossing = [sum("boundary" in rule for _, rule in pairs.values()) for pairs in (in_compat, in_fixed)]
    assert crossing == [4, 1], "A, B, Play and ##! against ##! alone, for which the source has no continuation"


# ---------------------------------------------------------------- row 4: specials


def test_row_4_specials_by_string():
    """A RoBERTa source and a BERT-style target that owns an unused <s> and </s>."""
    source, target = tokenizer("byte-level"), tokenizer("with unused sentence marks")
    specials = ("[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]", "<s>", "</s>")
    in_compat, in_fixed = copies(source, target)
    assert {token: in_compat.get(token) for token in specials} == {
        **dict.fromkeys(specials[:5]),
        "<s>": ("<s>", "token"),
        "</s>": ("</s>", "token"),
    }
    roles = {"[PAD]": "<pad>", "[UNK]": "<unk>", "[CLS]": "<s>", "[SEP]": "</s>", "[MASK]": "<mask>"}
    assert {token: in_fixed.get(token) for token in specials} == {
        **{t: (s, "role") for t, s in roles.items()},
        "<s>": None,
        "</s>": None,
    }


def test_row_4_origins():
    """Five roles: all invented under compat, all copied under fixed; the unused marks the other way round."""
    (task, compat), (_, fixed) = answers(
        tokenizer("byte-level"), tokenizer("with unused sentence marks"), bytes_bridge(8)
    )
    ids = [task.target.role_ids[role] for role in ROLES]
    marks = [task.target.tokens.index(token) for token in ("<s>", "</s>")]
    assert [set(answer.origin[ids]) for answer in (compat, fixed)] == [{MIXED}, {SPECIAL}]
    assert [set(answer.origin[marks]) for answer in (compat, fixed)] == [{COPIED}, {SAMPLED}]


def test_row_4_specials_with_the_same_string_are_special_under_both():
    (task, compat), (_, fixed) = answers(tokenizer("uncased English"), tokenizer("cased Russian"), bytes_bridge(8))
    ids = [task.target.role_ids[role] for role in ROLES]
    assert set(compat.origin[ids]) == set(fixed.origin[ids]) == {SPECIAL}
    assert {task.overlap.rule[i] for i in ids} == {"token"} and compat.rows[ids].tobytes() == fixed.rows[ids].tobytes()


def test_row_4_specials_alone():
    in_compat, in_fixed = copies(tokenizer("uncased English"), tokenizer("with unused sentence marks"), "special")
    assert in_compat.keys() == in_fixed.keys() == {"[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]"}
    in_compat, in_fixed = copies(tokenizer("byte-level"), tokenizer("with unused sentence marks"), "special")
    assert in_compat.keys() == {"<s>", "</s>"}, "which are special to both"
    ordinary, _ = copies(wordpiece("<s>", "</s>", fill="e"), tokenizer("with unused sentence marks"), "special")
    assert ordinary.keys() == {"[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]"}
    assert in_fixed.keys() == {"[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]"}


# ---------------------------------------------------------------- row 5: donors


def test_row_5_everything_donates():
    """Place an unused token and 101 fillers; the source has five roles, two unused tokens and 102 ordinary ones."""
    source, target = wordpiece("[unused1]", "[unused2]", "cat", fill="e"), wordpiece("[unused7]", fill="ы")
    (compat_asked, compat), (fixed_asked, fixed) = answers(source, target, bytes_bridge())
    assert [int(task.donors.sum()) for task in (compat_asked, fixed_asked)] == [109, 102]
    assert [(answer.origin == MIXED).sum() for answer in (compat, fixed)] == [102, 101]
    unused = compat_asked.target.tokens.index("[unused7]")
    weights = compat.mixture.toarray()[unused]
    assert weights[5:7].sum() > 0.99 and fixed.origin[unused] == SAMPLED, (
        "an unused row is the mean of unused rows, which were never trained"
    )


def test_row_5_as_an_option_of_fixed():
    source, target = byte_level("Ġcat", "Ã", "Ġ"), wordpiece("[unused7]", "кот", fill="ы")
    _, (ordinary, alone) = answers(source, target, bytes_bridge())
    _, (everyone, answer) = answers(source, target, bytes_bridge(), donors="all")
    assert [int(task.donors.sum()) for task in (ordinary, everyone)] == [1, 8]
    assert answer.origin.tolist() == alone.origin.tolist(), (
        "what is placed does not depend on who donates: unused target tokens stay sampled"
    )
    cat, lone = ordinary.target.tokens.index("кот"), ordinary.source.tokens.index("Ã")
    assert (
        alone.mixture.toarray()[cat].argmax() == 5
        and alone.mixture.toarray()[cat, lone] == 0 < answer.mixture.toarray()[cat, lone]
    )


# ---------------------------------------------------------------- row 13: tokens the bridge does not know


def test_row_13_unknown_tokens_all_get_the_same_row():
    source = wordpiece("cat", "song", fill="e")
    target = wordpiece("кот", "안", "녕", "하", "세", fill="ы")
    bridge = words_bridge("cat", "song", "кот")
    (task, compat), (_, fixed) = answers(source, target, bridge)
    ids = [task.target.tokens.index(token) for token in "안녕하세"]
    assert [len(np.unique(answer.rows[ids], axis=0)) for answer in (compat, fixed)] == [1, 4]
    assert [set(answer.origin[ids]) for answer in (compat, fixed)] == [{MIXED}, {SAMPLED}]
    assert [answer.statistics["not_bridged"] for answer in (compat, fixed)] == [0, 4 + FILL]


# ---------------------------------------------------------------- row 15: order


class Shuffled:
    """A tokenizer whose `get_vocab` comes in another order with every call."""

    def __init__(self, cut: Any) -> None:
        self.cut, self.calls = cut, 0
        self.backend_tokenizer = SimpleNamespace(to_str=cut.backend_tokenizer.to_str, get_vocab=self.get_vocab)

    def __getattr__(self, name: str) -> Any:
        return getattr(self.cut, name)

    def get_vocab(self, with_added_tokens: bool = True) -> dict[str, int]:
        self.calls += 1
        tokens = list(self.cut.get_vocab().items())
        return dict(tokens[i] for i in np.random.default_rng(self.calls).permutation(len(tokens)))


@pytest.mark.parametrize("profile", PROFILES)
def test_row_15_no_order_but_that_of_the_ids(profile):
    """Neither profile follows the reference here: the same tokenizers give the same bits."""
    source, target = Shuffled(tokenizer("byte-level")), Shuffled(tokenizer("metaspace"))
    assert list(source.get_vocab()) != list(source.get_vocab())
    bits = set()
    for _ in range(3):
        ours, theirs = (Vocabulary.from_tokenizer(side, profile) for side in (source, target))
        task = Transfer.between(ours, theirs, np.random.default_rng(0).standard_normal((len(ours), 5)))
        vectors = BridgeVectors(embed_vocabulary(bytes_bridge(8), ours), embed_vocabulary(bytes_bridge(8), theirs))
        bits.add(SemBridge(vectors)(task).rows.tobytes() + task.copied.tobytes())
    assert len(bits) == 1


# ---------------------------------------------------------------- the reading as a whole


def test_compat_copies_as_the_rules_written_out():
    names = ["uncased English", "cased Russian", "byte-level", "metaspace", "small"]
    for source in names:
        for target in names:
            ours, theirs = (Vocabulary.from_tokenizer(tokenizer(name), "compat") for name in (source, target))
            copied = copied_by_string(ours, theirs, exact=True, fuzzy=True, symbols=True)
            expected = reference_copies(tokenizer(source), tokenizer(target), exact=True, fuzzy=True, symbols=True)
            assert {int(j): int(copied[j]) for j in np.flatnonzero(copied >= 0)} == expected, (source, target)


@pytest.mark.parametrize(
    "cut", [wordpiece("a", fill="e"), byte_level("a"), unigram("a")], ids=["wordpiece", "byte-level", "unigram"]
)
def test_specials_have_roles_under_both_profiles(cut):
    cut.add_special_tokens({"additional_special_tokens": ["<lang:ko>", "[unused5]"]})
    for vocabulary in read(cut):
        assert (
            all(vocabulary.roles[i] is not None for i in cut.all_special_ids) and vocabulary.roles.count("special") == 2
        )
    compat, fixed = read(wordpiece("[unused3]"))
    assert (compat.roles[5], fixed.roles[5]) == (None, "special"), "the reference knows nothing of unused tokens"
