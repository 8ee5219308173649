"""Word vectors from files, and subword vectors word by word."""

from __future__ import annotations

import tracemalloc

import numpy as np
import pytest
from tokenizers import Tokenizer, models, pre_tokenizers
from transformers import PreTrainedTokenizerFast

from baselines.vectors.words import COLEXNET, OWN, WordVectors, label_of, subword_vectors
from sembridge.vocabulary.vocabulary import Vocabulary
from tests.helpers.tokenizers_made import KINDS, made_tokenizer

WORDS = ["password", "window", "кот", "зима", "train", "поезд", "cat", "teacher", "учитель", "river", "река", "новый"]


def made_words() -> WordVectors:
    return WordVectors(tuple(WORDS), np.random.default_rng(3).standard_normal((len(WORDS), 5)).astype(np.float32))


def whole_words(*tokens: str) -> PreTrainedTokenizerFast:
    """Return a tokenizer that knows whole words only."""
    vocabulary = {token: token_id for token_id, token in enumerate(("[UNK]", *tokens))}
    backend = Tokenizer(models.WordLevel(vocabulary, unk_token="[UNK]"))
    backend.pre_tokenizer = pre_tokenizers.Whitespace()
    return PreTrainedTokenizerFast(tokenizer_object=backend, unk_token="[UNK]", pad_token="[UNK]")


@pytest.mark.parametrize("kind", KINDS)
def test_subword_vectors_are_means_over_the_encodings_that_contain_the_subword(kind, monkeypatch):
    words, tokenizers = made_words(), [made_tokenizer(kind, language) for language in ("english", "russian")]
    sizes = [len(Vocabulary.from_tokenizer(tokenizer)) for tokenizer in tokenizers]
    vectors = subword_vectors(words, *tokenizers, *sizes)
    monkeypatch.setattr("baselines.vectors.words._BLOCK", 5)
    blocked = subword_vectors(words, *tokenizers, *sizes)
    for tokenizer, side in zip(tokenizers, ("source", "target"), strict=True):
        rows = getattr(vectors, side)
        by_token: dict[int, list[np.ndarray]] = {}
        for word, vector in zip(WORDS, words.vectors, strict=True):
            for form in (word, f" {word}", f" {word.capitalize()}"):
                for token_id in set(tokenizer.encode(form, add_special_tokens=False)):
                    by_token.setdefault(token_id, []).append(vector)
        expected = [np.mean(by_token[i], axis=0) if i in by_token else np.zeros(5) for i in range(len(rows))]
        np.testing.assert_allclose(rows, np.stack(expected), atol=1e-6)
        np.testing.assert_allclose(getattr(blocked, side), rows, atol=1e-6)
        assert rows.dtype == np.float32 and 0 < len(by_token) < len(rows)


def test_a_word_counts_bare_after_a_space_and_capitalized():
    """By hand, on a vocabulary of whole words: the capitalized form reaches a token no other form reaches."""
    tokenizer = whole_words("cat", "Cat", "CAT", "dog")
    words = WordVectors(("cat", "Cat", "dog"), np.array([[1, 0, 0], [0, 1, 0], [0, 0, 1]], dtype=np.float32))
    vectors = subword_vectors(words, tokenizer, tokenizer, 5, 5)
    np.testing.assert_allclose(vectors.source[1], [1, 0, 0])  # cat, twice
    np.testing.assert_allclose(vectors.source[2], [0.25, 0.75, 0])  # Cat thrice, cat once
    assert not vectors.source[3].any()
    np.testing.assert_allclose(vectors.source[4], [0, 0, 1])
    np.testing.assert_allclose(vectors.target[0], [0, 0, 1])  # Dog is unknown


def test_a_subword_that_occurs_twice_in_a_word_counts_once():
    """Both words have `cat`: the mean is that of two words, not of three occurrences."""
    tokenizer, vectors = whole_words("cat", "dog"), np.array([[3, 0], [0, 1]], dtype=np.float32)
    words = WordVectors(("cat cat", "dog cat"), vectors, "mine")
    subwords = subword_vectors(words, tokenizer, tokenizer, 3, 4)
    # Bare and after a space each has `cat` twice or once; capitalized, the last word of each is still `cat`.
    np.testing.assert_allclose(subwords.source[1], [1.5, 0.5])
    np.testing.assert_allclose(subwords.source[2], [0, 1])
    assert subwords.label == "mine" and subwords.target.shape == (4, 2) and not subwords.target[3].any()


def test_colexnet_words_lose_language_and_boundaries(tmp_path):
    path = tmp_path / "colexnet.txt"
    path.write_text("5 2\neng:$hand$ 1 0\nrus:рука 0 1\nnine:x 1 1\n$hand$ 2 0\neng:$a$b 3 0\n", encoding="utf-8")
    loaded = WordVectors.load(path)
    assert loaded.words == ("hand", "рука", "nine:x", "hand", "a b") and loaded.label == COLEXNET
    assert loaded.vectors.dtype == np.float32 and loaded.vectors[:, 0].tolist() == [1, 0, 1, 2, 3]
    assert WordVectors.load(path, label="mine").words[0] == "eng:$hand$"


def test_the_label_follows_the_name_of_the_file():
    assert label_of("vectors/ColexNet_minlang_50.txt") == COLEXNET
    assert label_of("colexnet/words.txt") == OWN, "a folder's name says nothing"


DAMAGED = [
    (b"", "is not in word2vec text format"),
    (b"\x80\x04K\x01.", "is not in word2vec text format"),
    (b"two words\n", "is not in word2vec text format"),
    (b"2 2\na 1 2\n", "is not in word2vec text format"),
    (b"1 2\na 1 x\n", "is not in word2vec text format"),
    (b"1 3\na 1 2\n", "is not in word2vec text format"),
    (
        b"9999999999 9999999999\na 1 2\n",
        "is cut off: its first line promises 9,999,999,999 words of 9,999,999,999 numbers",
    ),
    (b"1 2\na 1 2\nb 3 4\n", "promises 1 words in its first line and has 2 further lines; correct the first line, or"),
    (b"0 2\n", "promises 0 words in its first line and has 0 further lines"),
    (b"3 2\na 1 2\nb nan 4\nc 5 -inf\n", "has values that are not finite in 2 vectors (such as that of 'b'); remove"),
    (b"-1 2\na 1 2\n", "is not in word2vec text format"),
]


@pytest.mark.parametrize(("content", "message"), DAMAGED, ids=[f"{number}" for number in range(len(DAMAGED))])
def test_damaged_files_are_named_and_take_no_memory(tmp_path, content, message):
    (tmp_path / "words.vec").write_bytes(content)
    tracemalloc.start()
    with pytest.raises(ValueError, match=r"words\.vec") as error:
        WordVectors.load(tmp_path / "words.vec")
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert message in str(error.value) and "\n" not in str(error.value) and peak < 100 << 20


def test_as_many_vectors_as_words():
    with pytest.raises(ValueError, match="2 words but 1 vectors"):
        WordVectors(("a", "b"), np.ones((1, 2)))


@pytest.mark.parametrize("mark", ["", "\ufeff"])
def test_the_first_vector_of_a_repeated_word_is_used_and_said(tmp_path, caplog, mark):
    path = tmp_path / "words.vec"
    path.write_text(f"{mark}5 2\ncat 1 2\ncat 3 4\nriver 5 6\ncat 7 8\nsea 9 0\n", encoding="utf-8")
    words = WordVectors.load(path)
    assert words.words == ("cat", "river", "sea")
    assert words.vectors.tolist() == [[1, 2], [5, 6], [9, 0]]
    assert [record.getMessage() for record in caplog.records if record.levelname == "WARNING"] == [
        f"{path}: 2 words occur a second time; the first vector of each is used"
    ]
    tokenizer = whole_words("cat", "river")
    np.testing.assert_allclose(subword_vectors(words, tokenizer, tokenizer, 3, 3).source[1], [1, 2])


def test_blank_lines_at_the_end_are_no_words(tmp_path):
    path = tmp_path / "words.vec"
    path.write_bytes(b"2 2\r\na 3e38 3e38\r\nb 3 4\r\n\r\n\r\n")
    assert WordVectors.load(path).words == ("a", "b")
