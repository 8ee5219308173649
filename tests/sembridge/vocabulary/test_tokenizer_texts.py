"""The texts on which two tokenizers are compared: forms of samples, characters of blocks, and own tokens."""

from __future__ import annotations

import unicodedata

from tokenizers import AddedToken, Tokenizer, models

from sembridge.vocabulary.tokenizer_texts import CHARACTERS, TEXTS, texts_of


def test_samples_come_in_every_case_and_unicode_form():
    assert len(TEXTS) == len(set(TEXTS))
    for text in ("İstanbul ığdır ŞİİR çay", "한국어 비밀번호를 바꾸다 ㄱㄴ"):
        forms = {text, text.upper(), text.lower(), text.title()}
        assert forms | {unicodedata.normalize(form, text) for form in ("NFC", "NFD", "NFKC")} <= set(TEXTS)
    assert "Full width 123" in " ".join(TEXTS), "only NFKC makes it of full-width letters"


def test_each_character_stands_in_a_word_and_after_a_space():
    assert {"aéb é", "aжb ж", "aमb म", "a가b 가", "a\uffffb \uffff", "a😀b 😀"} <= set(CHARACTERS)
    codes = [ord(text[1]) for text in CHARACTERS]
    assert all(text == f"a{chr(code)}b {chr(code)}" for text, code in zip(CHARACTERS, codes, strict=True))
    assert len(codes) == len(set(codes)) and not any(0xD800 <= code < 0xE000 for code in codes)
    # of Chinese every 16th, of Cyrillic all
    assert [code for code in codes if 0x4E00 <= code < 0x4E40] == [0x4E00, 0x4E10, 0x4E20, 0x4E30]
    assert sum(0x400 <= code < 0x480 for code in codes) == 128


def whole_words(*words: str) -> Tokenizer:
    return Tokenizer(models.WordLevel({word: number for number, word in enumerate(words)}, "[UNK]"))


def test_own_tokens_alone_in_other_forms_in_a_row_and_in_a_word():
    backend = whole_words("[UNK]", "café")
    backend.add_special_tokens([AddedToken("[UNK]", special=True), AddedToken("[MASK]", special=True)])
    texts = texts_of(backend)
    assert {"café", "cafe\u0301", "CAFÉ", "Café", "acafé"} <= set(texts)
    rows = [
        text for text in texts if text.split() and set(text.split()) <= {"[UNK]", "café"} and len(text.split()) == 4
    ]
    assert len(rows) >= 2, "one for each token"
    assert [text for text in texts if "mask" in text.lower()] == [
        "[MASK]", "a[MASK]b", "a [MASK] b", "a  [MASK]", "[mask]",
    ]  # fmt: skip


def test_of_a_large_vocabulary_some_are_read_evenly():
    words = [f"w{number}" for number in range(6000)]
    texts = set(texts_of(whole_words(*words)))
    assert [word for word in words if word in texts] == words[::2]


def test_the_same_vocabulary_gives_the_same_texts():
    assert texts_of(whole_words("[UNK]", "b", "c")) == texts_of(whole_words("[UNK]", "b", "c"))
