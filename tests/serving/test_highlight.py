"""Which words are marked, by hand: continued words, punctuation, scripts without spaces, prompts, cut texts."""

from __future__ import annotations

import pytest
from tokenizers import Tokenizer, models, normalizers, pre_tokenizers
from transformers import PreTrainedTokenizerFast

from harness.serving import highlight
from harness.serving.highlight import Highlighter, Part


class Reader:
    """Stands for an encoder whose documents this tokenizer reads."""

    def __init__(self, tokenizer, prompts=None):
        self.tokenizer, self.prompts = tokenizer, prompts or {}


@pytest.fixture
def highlighter(monkeypatch):
    from types import SimpleNamespace

    from sembridge.encoder import head

    monkeypatch.setattr(
        head,
        "splade_modules",
        lambda reader: SimpleNamespace(
            query=None, tokenizer=reader.tokenizer, transformer=SimpleNamespace(max_seq_length=None)
        ),
    )

    def of(backend, max_length=None, **prompts):
        tokenizer = PreTrainedTokenizerFast(tokenizer_object=backend, unk_token="[UNK]", pad_token="[PAD]")
        return Highlighter(Reader(tokenizer, prompts), max_length), backend.token_to_id

    return of


def wordpiece(*tokens):
    vocabulary = {token: place for place, token in enumerate(["[PAD]", "[UNK]", *tokens])}
    backend = Tokenizer(models.WordPiece(vocabulary, unk_token="[UNK]"))
    backend.normalizer = normalizers.BertNormalizer(lowercase=True, strip_accents=True)
    backend.pre_tokenizer = pre_tokenizers.BertPreTokenizer()
    return backend


def unigram(*tokens):
    pieces = [("[PAD]", 0.0), ("[UNK]", -20.0), *((token, -1.0) for token in tokens)]
    backend = Tokenizer(models.Unigram(pieces, unk_id=1))
    backend.pre_tokenizer = pre_tokenizers.Metaspace()
    return backend


def test_a_word_is_marked_for_any_of_its_tokens(highlighter):
    marker, of = highlighter(wordpiece("pass", "##word", "##s", "the", ","))
    ids = of("##word"), of("##s"), of("the")
    marked = marker.mark("The  Pässwords, the past", set(ids))
    assert marked.parts == (
        Part("The", (of("the"),)),
        Part("  "),
        Part("Pässwords", (of("##word"), of("##s"))),
        Part(", "),
        Part("the", (of("the"),)),
        Part(" past"),
    )
    assert (marked.unread, marked.shortened) == ("", False)


def test_nothing_is_marked_where_nothing_matches(highlighter):
    marker, of = highlighter(wordpiece("a"))
    assert marker.mark("b <i>c</i>", {of("a")}).parts == (Part("b <i>c</i>"),)
    assert marker.mark("b", set()).parts == (Part("b"),)


def test_punctuation_around_a_word_is_left_out(highlighter):
    """The words of a unigram tokenizer are all that is between spaces."""
    marker, of = highlighter(unigram("▁", "(", "कि", "ताब", ")", "।", "▁यह"))
    marked = marker.mark("यह (किताब)।", {of("ताब")})
    assert marked.parts == (Part("यह ("), Part("किताब", (of("ताब"),)), Part(")।"))
    assert marker.mark("यह (किताब)।", {of("।")}).parts == (Part("यह (किताब)"), Part("।", (of("।"),)))


def test_vowel_signs_belong_to_their_word(highlighter):
    marker, of = highlighter(unigram("▁", "पान", "ी", "!"))
    assert marker.mark("पानी!", {of("पान")}).parts == (Part("पानी", (of("पान"),)), Part("!"))


def test_without_spaces_the_token_alone_is_marked(highlighter):
    marker, of = highlighter(unigram("▁", "我", "忘记", "了", "密码", "。"))
    assert marker.mark("我忘记了密码。", {of("密码")}).parts == (
        Part("我忘记了"),
        Part("密码", (of("密码"),)),
        Part("。"),
    )


def test_bytes_of_one_character_mark_it_once(highlighter):
    backend = Tokenizer(
        models.BPE({"[PAD]": 0, "[UNK]": 1, "ì": 2, "ķ": 3, "Ī": 4, "a": 5, "Ġ": 6}, [], unk_token="[UNK]")
    )
    backend.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    marker, _ = highlighter(backend)
    assert marker.mark("a 안", {2, 4}).parts[0].text == "a "
    assert [part.text for part in marker.mark("a 안", {2, 3, 4}).parts] == ["a ", "안"]


def test_a_prompt_is_read_but_not_shown(highlighter):
    marker, of = highlighter(wordpiece("passage", ":", "a", "b"), document="passage: ")
    assert marker.mark("a b", {of("passage"), of("b")}).parts == (Part("a "), Part("b", (of("b"),)))


def test_what_is_cut_off_is_not_marked(highlighter):
    marker, of = highlighter(wordpiece("a", "b"), max_length=3)
    marked = marker.mark("a b a b a", {of("a")})
    assert "".join(part.text for part in marked.parts) == "a b a" and marked.unread == " b a"
    assert marker.mark("a b a", {of("a")}).unread == ""


def test_long_texts_are_shortened(highlighter, monkeypatch):
    monkeypatch.setattr(highlight, "LONGEST", 5)
    marker, of = highlighter(wordpiece("a"))
    marked = marker.mark("a a a a", {of("a")})
    assert "".join(part.text for part in marked.parts) == "a a a" and marked.shortened
