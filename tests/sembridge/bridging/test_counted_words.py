"""The words of a text and how often they occur, as it writes them."""

from __future__ import annotations

import unicodedata

import numpy as np
import pytest

from sembridge.bridging import counted_words
from sembridge.bridging.counted_words import LONGEST, count_words


def counted(*texts: str, language: str = "", **options: int) -> dict[str, int]:
    words = count_words(texts, language, **options)
    return dict(zip(words.words, words.counts.tolist(), strict=True))


def test_words_are_counted_as_written():
    assert counted("Кот и кот.", "кот, 42!", language="ru") == {"42": 1, "Кот": 1, "и": 1, "кот": 2}


def test_words_of_a_language_without_spaces_are_characters_and_pairs():
    assert counted("密码GPT", "密码", language="zh") == {"GPT": 1, "密": 2, "码": 2, "密码": 2}
    assert counted("密码", language="ko") == {"密码": 1}
    assert not count_words(["密码"], "zh-TW").spaced and count_words(["密码"], "ko").spaced


@pytest.mark.parametrize("text", ["我忘记了密码。怎么办", "パスワードを忘れた", "ลืมรหัสผ่าน"])
def test_a_text_without_spaces_is_refused_where_its_language_is_not_told(text):
    with pytest.raises(ValueError, match=r"^the text has no spaces between words; give its language, such as zh"):
        count_words([text])


def test_a_few_words_of_such_a_script_stand_in_any_text():
    assert counted("one パスワード", "비밀번호를 잊었어요") == {
        "one": 1, "パスワード": 1, "비밀번호를": 1, "잊었어요": 1,
    }  # fmt: skip


def test_both_unicode_spellings_of_a_word_are_one_word():
    spelled = [unicodedata.normalize(form, "비밀번호 क़लम") for form in ("NFC", "NFD")]
    assert spelled[0] != spelled[1]
    assert counted(*spelled, language="ko") == {unicodedata.normalize("NFC", word): 2 for word in ("비밀번호", "क़लम")}


def test_the_most_frequent_words_are_kept_and_ties_are_ordered():
    texts = ["d c b", "a b c", "b"]
    assert counted(*texts, most=3) == counted(*reversed(texts), most=3) == {"a": 1, "b": 3, "c": 2}
    first, second = count_words(texts), count_words(texts[::-1])
    assert first.words == second.words == ("a", "b", "c", "d")
    np.testing.assert_array_equal(first.counts, second.counts)
    assert first.counts.dtype == np.int64


def test_long_words_are_left_out():
    assert counted("x" * LONGEST, "y" * (LONGEST + 1)) == {"x" * LONGEST: 1}


def test_memory_is_bounded(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(counted_words, "DISTINCT", 4)
    words = counted("a a a b b", "c d e", "f a b")
    assert len(words) <= 4 and words["a"] == 4 and words["b"] == 3


@pytest.mark.parametrize("texts", [[], ["", "... !"]])
def test_a_text_without_words_is_refused(texts):
    with pytest.raises(ValueError, match=r"^the text has no words to place pieces by; give text of the new language$"):
        count_words(texts)
