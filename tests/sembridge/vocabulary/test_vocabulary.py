"""Vocabularies written by hand, a dozen tokens each: kinds by the tokenizer's own model, and the text of each token."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from types import SimpleNamespace

import numpy as np
import pytest
from tokenizers import AddedToken, Tokenizer, decoders, models, pre_tokenizers
from transformers import AutoTokenizer, CanineTokenizer, PreTrainedTokenizerFast

from sembridge.vocabulary.vocabulary import Vocabulary

BERT = {"pad_token": "[PAD]", "unk_token": "[UNK]", "cls_token": "[CLS]", "sep_token": "[SEP]", "mask_token": "[MASK]"}
ROBERTA = {"bos_token": "<s>", "pad_token": "<pad>", "eos_token": "</s>", "unk_token": "<unk>", "mask_token": "<mask>"}


def read(backend: Tokenizer, **roles: str) -> Vocabulary:
    return Vocabulary.from_tokenizer(PreTrainedTokenizerFast(tokenizer_object=backend, **roles))


def numbered(*tokens: str) -> dict[str, int]:
    return {token: i for i, token in enumerate(tokens)}


def wordpiece(*tokens: str) -> Tokenizer:
    backend = Tokenizer(models.WordPiece(numbered(*BERT.values(), *tokens), unk_token="[UNK]"))
    backend.pre_tokenizer, backend.decoder = pre_tokenizers.BertPreTokenizer(), decoders.WordPiece()
    return backend


def byte_level(*tokens: str) -> Tokenizer:
    backend = Tokenizer(models.BPE(numbered(*ROBERTA.values(), *tokens), []))
    backend.pre_tokenizer, backend.decoder = pre_tokenizers.ByteLevel(add_prefix_space=False), decoders.ByteLevel()
    return backend


def metaspace_bpe(*tokens: str) -> Tokenizer:
    backend = Tokenizer(models.BPE(numbered(*ROBERTA.values(), *tokens), [], unk_token="<unk>", byte_fallback=True))
    backend.pre_tokenizer = pre_tokenizers.Metaspace()
    backend.decoder = decoders.Sequence([decoders.Replace("▁", " "), decoders.ByteFallback(), decoders.Fuse()])
    return backend


def unigram(*tokens: str) -> Tokenizer:
    backend = Tokenizer(models.Unigram([(token, -1.0) for token in (*ROBERTA.values(), *tokens)], unk_id=3))
    backend.pre_tokenizer, backend.decoder = pre_tokenizers.Metaspace(), decoders.Metaspace()
    return backend


def wordlevel(*tokens: str) -> Tokenizer:
    backend = Tokenizer(models.WordLevel(numbered(*BERT.values(), *tokens), unk_token="[UNK]"))
    backend.pre_tokenizer = pre_tokenizers.Whitespace()
    return backend


MAKERS = {
    "wordpiece": (wordpiece, BERT),
    "byte-bpe": (byte_level, ROBERTA),
    "bpe": (metaspace_bpe, ROBERTA),
    "unigram": (unigram, ROBERTA),
    "wordlevel": (wordlevel, BERT),
}


def spoken(vocabulary: Vocabulary) -> dict[str, tuple[str | None, bool]]:
    """Stored token -> (text, word-initial) of the ordinary tokens."""
    rows = zip(vocabulary.tokens, vocabulary.texts, vocabulary.word_initial.tolist(), vocabulary.roles, strict=True)
    return {token: (text, initial) for token, text, initial, role in rows if token is not None and role is None}


@pytest.mark.parametrize("kind", MAKERS)
def test_kind_is_asked_of_the_model_even_with_one_token(kind):
    make, roles = MAKERS[kind]
    assert read(make("a"), **roles).kind == kind


def test_marks_of_other_kinds_do_not_change_the_kind():
    assert read(unigram("##a", "##b", "Ġc"), **ROBERTA).kind == "unigram"
    assert read(wordpiece("▁a", "▁b", "Ġc"), **BERT).kind == "wordpiece"
    assert spoken(read(wordpiece("▁a", "Ġc"), **BERT)) == {"▁a": ("▁a", True), "Ġc": ("Ġc", True)}


def test_byte_level_is_found_inside_a_sequence():
    backend = byte_level("Ġa")
    backend.pre_tokenizer = pre_tokenizers.Sequence(
        [pre_tokenizers.Digits(), pre_tokenizers.ByteLevel(add_prefix_space=False)]
    )
    backend.decoder = decoders.Sequence([decoders.Fuse()])
    assert read(backend, **ROBERTA).kind == "byte-bpe"
    backend.pre_tokenizer = pre_tokenizers.Digits()
    assert read(backend, **ROBERTA).kind == "bpe"


def test_wordpiece_texts():
    vocabulary = read(wordpiece("play", "##ing", "##", "#", "###", "##안", "Play"), **BERT)
    assert spoken(vocabulary) == {
        "play": ("play", True),
        "##ing": ("ing", False),
        "##": ("##", True),  # the mark alone is two hashes in a text
        "#": ("#", True),
        "###": ("#", False),
        "##안": ("안", False),
        "Play": ("Play", True),
    }


def test_wordpiece_prefix_is_read_from_the_model():
    backend = Tokenizer(
        models.WordPiece(numbered(*BERT.values(), "@@ing", "##ing"), unk_token="[UNK]", continuing_subword_prefix="@@")
    )
    assert spoken(read(backend, **BERT)) == {"@@ing": ("ing", False), "##ing": ("##ing", True)}


def test_byte_level_texts():
    vocabulary = read(
        byte_level("play", "Ġplay", "Ġmüde".replace("ü", "Ã¼"), "Ã©", "Ã", "ìķĪ", "ìķ", "Ġ", "Ċ", "Ġìķ", "ĊĊ"),
        **ROBERTA,
    )
    assert spoken(vocabulary) == {
        "play": ("play", False),
        "Ġplay": ("play", True),
        "ĠmÃ¼de": ("müde", True),
        "Ã©": ("é", False),
        "Ã": (None, False),  # the first half of a letter
        "ìķĪ": ("안", False),
        "ìķ": (None, False),
        "Ġìķ": (None, False),
        "Ġ": (None, True),  # white space is no text
        "Ċ": (None, True),
        "ĊĊ": (None, True),
    }


@pytest.mark.parametrize("make", [metaspace_bpe, unigram])
def test_metaspace_texts(make):
    vocabulary = read(make("play", "▁play", "▁", "<0x0A>", "<0xEC>", "안", "<0xZZ>", "▁new▁york"), **ROBERTA)
    assert spoken(vocabulary) == {
        "play": ("play", False),
        "▁play": ("play", True),
        "▁": (None, True),
        "<0x0A>": (None, False),
        "<0xEC>": (None, False),
        "안": ("안", False),
        "<0xZZ>": ("<0xZZ>", False),
        "▁new▁york": ("new york", True),
    }


def ended_bpe(*tokens: str, **marks: str) -> Tokenizer:
    backend = Tokenizer(models.BPE(numbered(*ROBERTA.values(), *tokens), [], unk_token="<unk>", **marks))
    backend.pre_tokenizer = pre_tokenizers.Whitespace()
    return backend


def test_bpe_that_marks_the_ends_of_words():
    """As HerBERT and CLIP do: what can be a whole word has the mark."""
    vocabulary = read(
        ended_bpe("play</w>", "play", "▁a</w>", "</w>", "안</w>", "a</w>b", end_of_word_suffix="</w>"), **ROBERTA
    )
    assert spoken(vocabulary) == {
        "play</w>": ("play", True),
        "play": ("play", False),
        "▁a</w>": ("a", True),
        "</w>": ("</w>", False),  # the mark alone is a text
        "안</w>": ("안", True),
        "a</w>b": ("a</w>b", False),
    }


def test_bpe_that_marks_continuations():
    vocabulary = read(ended_bpe("play", "@@ing", "@@", "##ing", continuing_subword_prefix="@@"), **ROBERTA)
    assert spoken(vocabulary) == {
        "play": ("play", True),
        "@@ing": ("ing", False),
        "@@": ("@@", True),
        "##ing": ("##ing", True),
    }


def test_bpe_that_marks_both():
    marks = {"continuing_subword_prefix": "##", "end_of_word_suffix": "</w>"}
    vocabulary = read(ended_bpe("play</w>", "play", "##ing</w>", "##in", "##</w>", **marks), **ROBERTA)
    assert spoken(vocabulary) == {
        "play</w>": ("play", True),
        "play": ("play", True),
        "##ing</w>": ("ing", False),
        "##in": ("in", False),
        "##</w>": ("</w>", False),
    }


def test_byte_level_that_marks_the_ends_of_words():
    """CLIP's tokenizer is byte-level and has no word after a space."""
    backend = Tokenizer(
        models.BPE(numbered(*ROBERTA.values(), "Ã©t</w>", "Ã©t", "Ã</w>"), [], end_of_word_suffix="</w>")
    )
    backend.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    vocabulary = read(backend, **ROBERTA)
    assert spoken(vocabulary) == {"Ã©t</w>": ("ét", True), "Ã©t": ("ét", False), "Ã</w>": (None, True)}


def test_unknown_profile():
    with pytest.raises(
        ValueError, match="profile 'compatible' is unknown; did you mean 'compat'\\? known: compat, fixed"
    ):
        Vocabulary.from_tokenizer(
            PreTrainedTokenizerFast(tokenizer_object=wordpiece("a"), **BERT), profile="compatible"
        )


def test_wordlevel_texts():
    assert spoken(read(wordlevel("play", "##ing"), **BERT)) == {"play": ("play", True), "##ing": ("##ing", True)}


def test_roles_of_bert_and_roberta():
    bert, roberta = read(wordpiece("a"), **BERT), read(byte_level("a"), **ROBERTA)
    assert bert.role_ids == {"pad": 0, "unk": 1, "cls": 2, "sep": 3, "mask": 4}
    assert roberta.role_ids == {"cls": 0, "pad": 1, "sep": 2, "unk": 3, "mask": 4}, "cls falls back to bos, sep to eos"
    assert bert.texts[:5] == roberta.texts[:5] == (None,) * 5
    assert not bert.has_text[:5].any() and bert.has_text[5]


def test_unused_sentence_marks_beside_cls_play_no_role():
    """kobigbird: a BERT tokenizer that also owns <s> and </s>, which it never emits."""
    backend = wordpiece("<s>", "</s>", "a")
    backend.add_special_tokens([AddedToken(token, special=True) for token in (*BERT.values(), "<s>", "</s>")])
    vocabulary = read(backend, **BERT, bos_token="<s>", eos_token="</s>")
    assert vocabulary.roles == ("pad", "unk", "cls", "sep", "mask", "special", "special", None)
    assert vocabulary.texts[5:7] == (None, None)


def test_bos_that_is_also_cls_is_cls():
    assert read(byte_level("a"), **ROBERTA, cls_token="<s>", sep_token="</s>").roles[:3] == ("cls", "pad", "sep")


def test_one_id_in_two_roles_takes_the_first():
    vocabulary = read(byte_level("a"), **{**ROBERTA, "pad_token": "</s>"})
    assert vocabulary.roles[2] == "sep" and "pad" not in vocabulary.role_ids


@pytest.mark.parametrize(
    "token", ["[unused1]", "[unused99]", "<unused_7>", "<unused7>", "[UNUSED_3]", "<extra_id_0>", "madeupword0002"]
)
def test_unused_tokens_are_special(token):
    vocabulary = read(wordpiece(token, "a"), **BERT)
    assert vocabulary.roles[5:] == ("special", None) and vocabulary.texts[5] is None


@pytest.mark.parametrize("token", ["unused1", "[unused]", "[unusedx]", "extra_id_0", "madeupwords", "<s>"])
def test_tokens_that_only_look_unused_are_ordinary(token):
    vocabulary = read(wordpiece(token), **BERT)
    assert vocabulary.roles[5] is None and vocabulary.texts[5] == token


@pytest.mark.filterwarnings("ignore")
def test_holes_and_size():
    backend = Tokenizer(models.WordPiece({**numbered(*BERT.values()), "a": 7, "##b": 11}, unk_token="[UNK]"))
    vocabulary = read(backend, **BERT)
    assert len(vocabulary) == 12, "the largest id + 1, however many tokens there are"
    assert [vocabulary.tokens[i] for i in (5, 6, 7, 8, 11)] == [None, None, "a", None, "##b"]
    assert (
        vocabulary.texts[5] is None
        and vocabulary.roles[5] is None
        and not vocabulary.word_initial[5]
        and not vocabulary.has_text[5]
    )
    assert np.flatnonzero(vocabulary.has_text).tolist() == [7, 11]


@pytest.mark.parametrize("kind", MAKERS)
def test_added_tokens(kind):
    make, roles = MAKERS[kind]
    tokenizer = PreTrainedTokenizerFast(tokenizer_object=make("a"), **roles)
    tokenizer.add_tokens(["covid", "##raw", " Ġ안 "])
    tokenizer.add_tokens(["<lang:ko>"], special_tokens=True)
    vocabulary = Vocabulary.from_tokenizer(tokenizer)
    assert len(vocabulary) == 10 == max(tokenizer.get_vocab().values()) + 1
    assert vocabulary.texts[6:] == ("covid", "##raw", "Ġ안", None), "added tokens are stored as plain text"
    assert vocabulary.roles[6:] == (None, None, None, "special")
    assert vocabulary.word_initial[6:9].all()


@pytest.mark.filterwarnings("ignore")
def test_an_added_token_hides_the_token_whose_id_it_shares():
    """`tokenizers` numbers added tokens from the count of tokens, which a vocabulary with holes has used already."""
    for name in ("aa", "zz"):
        backend = Tokenizer(models.WordPiece({**numbered(*BERT.values()), "far": 6}, unk_token="[UNK]"))
        backend.add_tokens([name])
        assert backend.get_vocab()[name] == backend.get_vocab()["far"] == 6
        vocabulary = read(backend, **BERT)
        assert vocabulary.tokens[5:] == (None, name) == (None, backend.id_to_token(6))


def test_digest_does_not_depend_on_the_order_of_get_vocab():
    class Shuffled:
        def __init__(self, backend):
            self.backend = backend

        def to_str(self):
            return self.backend.to_str()

        def get_vocab(self, with_added_tokens):
            return dict(sorted(self.backend.get_vocab(with_added_tokens).items(), key=lambda item: item[0][::-1]))

    def described(wrap):
        tokenizer = PreTrainedTokenizerFast(tokenizer_object=wordpiece("b", "a", "##c"), **BERT)
        ids = {f"{role}_id": getattr(tokenizer, f"{role}_id") for role in (*BERT, "bos_token", "eos_token")}
        return SimpleNamespace(backend_tokenizer=wrap(tokenizer.backend_tokenizer), name_or_path="", **ids)

    shuffled = described(Shuffled)
    assert list(shuffled.backend_tokenizer.get_vocab(True)) != sorted(shuffled.backend_tokenizer.get_vocab(True))
    assert (
        Vocabulary.from_tokenizer(shuffled).digest
        == Vocabulary.from_tokenizer(described(lambda backend: backend)).digest
    )


def test_digest_is_the_same_after_saving_and_in_another_process(tmp_path):
    tokenizer = PreTrainedTokenizerFast(tokenizer_object=unigram("▁play", "안녕", "ing", "<0x0A>"), **ROBERTA)
    vocabulary = Vocabulary.from_tokenizer(tokenizer)
    tokenizer.save_pretrained(tmp_path)
    assert Vocabulary.from_tokenizer(AutoTokenizer.from_pretrained(tmp_path)).digest == vocabulary.digest
    fields = [vocabulary.kind, vocabulary.tokens, vocabulary.texts, vocabulary.word_initial.tolist(), vocabulary.roles]
    program = (
        "import json, sys, numpy as np\nfrom sembridge.vocabulary.vocabulary import Vocabulary\n"
        "kind, tokens, texts, initial, roles = json.load(sys.stdin)\n"
        "print(Vocabulary(kind, tuple(tokens), tuple(texts), np.array(initial), tuple(roles)).digest)"
    )
    environment = {**os.environ, "PYTHONHASHSEED": "7", "PYTHONIOENCODING": "utf-8"}
    answer = subprocess.run(
        [sys.executable, "-c", program],
        input=json.dumps(fields),
        text=True,
        capture_output=True,
        env=environment,
        check=True,
    )
    assert answer.stdout.strip() == vocabulary.digest


def test_digest_changes_with_every_part_of_the_content():
    def digest(
        kind="wordpiece", tokens=("a", "b"), texts=("a", "b"), initial=(True, True), roles=(None, None), profile="fixed"
    ):
        return Vocabulary(kind, tokens, texts, np.array(initial), roles, profile).digest

    variants = [
        digest(),
        digest(kind="unigram"),
        digest(tokens=("a", "c")),
        digest(tokens=("b", "a")),
        digest(tokens=("a", None)),
        digest(texts=("a", None)),
        digest(initial=(True, False)),
        digest(roles=(None, "special")),
        digest(profile="compat"),
    ]
    assert len(set(variants)) == len(variants) and digest() == variants[0]


def test_tokenizer_without_backend():
    with pytest.raises(
        ValueError, match=r"is Python code \(CanineTokenizer\).*choose a tokenizer .* has a tokenizer\.json"
    ):
        Vocabulary.from_tokenizer(CanineTokenizer())


def test_model_of_unknown_type():
    backend = SimpleNamespace(
        to_str=lambda: json.dumps({"model": {"type": "Phonemes"}}), get_vocab=lambda with_added_tokens: {"a": 0}
    )
    with pytest.raises(ValueError, match=r"'odd'.*'Phonemes'; known: BPE, WordPiece"):
        Vocabulary.from_tokenizer(SimpleNamespace(backend_tokenizer=backend, name_or_path="odd"))
