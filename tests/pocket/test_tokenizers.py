"""The pocket's tokenizers are ordinary ones: BERT's roles and layout, no unknown characters of their language."""

from __future__ import annotations

import pytest

from harness.pocket.phrasebook import LANGUAGES
from harness.pocket.tokenizers import CASED, MAX_LENGTH, OTHER_SIZE, SIZE, wordpiece
from harness.pocket.writer import templates
from sembridge.encoder.loading import load_tokenizer
from sembridge.vocabulary.vocabulary import Vocabulary

every_language = pytest.mark.parametrize("language", LANGUAGES)


@pytest.fixture(scope="module")
def loaded(pocket_tokenizers):
    return {language: load_tokenizer(str(pocket_tokenizers / language)) for language in LANGUAGES}


@every_language
def test_size_and_roles(loaded, language):
    tokenizer, vocabulary = loaded[language], Vocabulary.from_tokenizer(loaded[language])
    assert len(vocabulary) == len(tokenizer) <= SIZE.get(language, OTHER_SIZE)
    assert len(tokenizer) > 0.8 * SIZE.get(language, OTHER_SIZE)
    assert vocabulary.kind == "wordpiece"
    assert vocabulary.role_ids == {"pad": 0, "unk": 1, "cls": 2, "sep": 3, "mask": 4}
    assert tokenizer.model_max_length == MAX_LENGTH


@every_language
def test_texts_of_the_language_are_known_and_shorter_than_their_characters(loaded, pocket_text, language):
    tokenizer = loaded[language]
    lines = (pocket_text / "text" / f"{language}.txt").read_text(encoding="utf-8").splitlines()[::40]
    encoded = tokenizer(lines)["input_ids"]
    assert all(ids[0] == tokenizer.cls_token_id and ids[-1] == tokenizer.sep_token_id for ids in encoded)
    assert not any(tokenizer.unk_token_id in ids for ids in encoded)
    assert max(map(len, encoded)) <= MAX_LENGTH  # no passage is cut
    assert sum(map(len, encoded)) < (1.0 if language == "zh" else 0.7) * sum(map(len, lines))


@every_language
def test_latin_names_are_known(loaded, language):
    tokenizer = loaded[language]
    names = ["".join(templates("en")["syllables"][i : i + 2]) for i in range(0, 40, 2)]
    assert not any(tokenizer.unk_token_id in ids for ids in tokenizer(names)["input_ids"])


@every_language
def test_case(loaded, language):
    tokenizer = loaded[language]
    upper, lower = ("Москва", "москва") if language == "ru" else ("Bado", "bado")
    assert (tokenizer.tokenize(upper) == tokenizer.tokenize(lower)) == (language not in CASED)


def test_accents_and_marks_stay():
    tokenizer = wordpiece(["ёлка елка क़िला किला"] * 3, 200, lowercase=True)
    assert tokenizer.decode(tokenizer("ёлка क़िला")["input_ids"], skip_special_tokens=True) == "ёлка क़िला"


def test_the_same_lines_in_any_number_of_calls_give_the_same_vocabulary():
    lines = [f"{a}{b} {b}{a}" for a in "abcdefgh" for b in "ijklmnop"]
    assert wordpiece(lines, 80, lowercase=True).get_vocab() == wordpiece(lines, 80, lowercase=True).get_vocab()
