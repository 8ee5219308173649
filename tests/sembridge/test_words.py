"""Which words a text has, language by language."""

import unicodedata

import pytest

from sembridge.words import terms, words


@pytest.mark.parametrize(
    ("language", "text", "expected"),
    [
        ("en", "Don't PANIC, it's 42_x", ["don", "t", "panic", "it", "s", "42", "x"]),
        ("ru", "Сколько ОЧКОВ?", ["сколько", "очков"]),
        ("ko", "비밀번호를 잊었어요.", ["비밀번호를", "잊었어요"]),
        ("ko", unicodedata.normalize("NFD", "비밀"), ["비밀"]),  # as macOS writes it
        ("hi", "पासवर्ड कैसे बदलें?", ["पासवर्ड", "कैसे", "बदलें"]),
        ("hi", "क्\u200dष", ["क्\u200dष"]),
        ("ar", "كَلِمَةُ السِّرِّ", ["كَلِمَةُ", "السِّرِّ"]),
        ("zh", "密码", ["密", "码", "密码"]),
        ("zh-CN", "码。", ["码"]),
        ("zh", "ＧＰＴ4模型，v2", ["gpt4", "模", "型", "模型", "v2"]),
        ("en", "密码", ["密码"]),
        ("ja", "忘れた", ["忘", "れ", "た", "忘れ", "れた"]),
        ("th", "ลืม ok", ["ล", "ื", "ม", "ลื", "ืม", "ok"]),
        ("zh", "……", []),
    ],
)
def test_words(language, text, expected):
    assert words(text, language) == expected


def test_terms_of_a_language_that_glues_particles_are_characters_and_pairs():
    assert terms("비밀번호", "ko") == ["비", "밀", "번", "호", "비밀", "밀번", "번호"]
    assert terms("Don't", "en") == words("Don't", "en")
