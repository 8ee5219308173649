"""Aligned vectors: known rotations are recovered, tokens looked up by their text, dictionaries read or refused."""

from __future__ import annotations

import logging

import numpy as np
import pytest
from gensim.models import KeyedVectors
from scipy.stats import ortho_group

from baselines.vectors.aligned import LABEL, aligned_subwords, read_dictionary, rotation, token_vectors
from baselines.vectors.fasttext import train_words
from sembridge.vocabulary.vocabulary import Vocabulary
from tests.helpers.tokenizers_made import english, russian


def keyed(words: list[str], vectors: np.ndarray) -> KeyedVectors:
    side = KeyedVectors(vectors.shape[1])
    side.add_vectors(words, vectors.astype(np.float32))
    return side


def whole_words(*tokens: str | None) -> Vocabulary:
    initial, roles = np.ones(len(tokens), dtype=bool), (None,) * len(tokens)
    return Vocabulary("wordlevel", tuple(t or "" for t in tokens), tokens, initial, roles)


def test_a_known_rotation_is_recovered():
    rng = np.random.default_rng(0)
    turn = ortho_group.rvs(6, random_state=1)
    source = rng.standard_normal((30, 6))
    source_words, target_words = [f"s{i}" for i in range(30)], [f"t{i}" for i in range(30)]
    dictionary = list(zip(source_words, target_words, strict=True))
    recovered = rotation(keyed(source_words, source), keyed(target_words, source @ turn), dictionary)
    np.testing.assert_allclose(recovered, turn, atol=1e-6)
    np.testing.assert_allclose(recovered @ recovered.T, np.eye(6), atol=1e-12)


def test_it_is_the_best_rotation():
    """No other one brings the pairs nearer to each other; it applies to the source, not the target."""
    rng = np.random.default_rng(2)
    source, target = rng.standard_normal((20, 4)), rng.standard_normal((20, 4))
    words = [f"w{i}" for i in range(20)]
    best = rotation(keyed(words, source), keyed(words, target), [(word, word) for word in words])
    distance = np.square(source @ best - target).sum()
    others = [ortho_group.rvs(4, random_state=seed) for seed in range(50)]
    assert distance < min(np.square(source @ other - target).sum() for other in [*others, best.T, np.eye(4)]) - 0.1


def test_source_subwords_are_rotated_and_target_subwords_are_not():
    words = [
        train_words((line.split() for line in lines), dimension=6, epochs=2, min_n=3, max_n=4, buckets=100).wv
        for lines in (english(), russian())
    ]
    source, target = whole_words("cat", "wind", None), whole_words("кот", "око", None)
    dictionary = [("cat", "кот"), ("window", "окно"), ("river", "река")]
    aligned = aligned_subwords(*words, dictionary, source, target)
    turn = rotation(*words, dictionary)
    np.testing.assert_allclose(aligned.source[0], words[0].get_vector("cat") @ turn, atol=1e-6)
    np.testing.assert_allclose(aligned.source[1], words[0].get_vector("wind") @ turn, atol=1e-6)  # n-grams alone
    np.testing.assert_array_equal(aligned.target[:2], [words[1].get_vector("кот"), words[1].get_vector("око")])
    assert not aligned.source[2].any() and not aligned.target[2].any()
    assert aligned.label == LABEL and aligned.source.dtype == np.float32


def test_a_text_without_ngrams_has_no_vector(caplog):
    lines = ([*line.split(), "ab"] for line in english())
    words = train_words(lines, dimension=6, epochs=1, min_n=5, max_n=5, buckets=100).wv
    with caplog.at_level(logging.WARNING):
        vectors = token_vectors(words, whole_words("ab", "xy", "xyz", "Cat", "WINDOWS", ""))
    # ab is a word of the text; <xy> has four characters.
    assert vectors.any(axis=1).tolist() == [True, False, True, True, True, False]
    np.testing.assert_array_equal(vectors[3], words.get_vector("cat"))
    np.testing.assert_array_equal(vectors[4], words.get_vector("windows"))
    assert not caplog.records
    without = train_words((line.split() for line in english()), dimension=6, epochs=1, min_n=1, max_n=0).wv
    assert token_vectors(without, whole_words("cat", "cats")).any(axis=1).tolist() == [True, False]


def test_no_pair_and_other_dimensions_are_errors():
    side = keyed(["a", "b", "c"], np.eye(3, 4))
    with pytest.raises(ValueError, match="no pair of the dictionary has word vectors on both sides"):
        rotation(side, side, [("x", "a"), ("a", "x")])
    message = "source word vectors have 4 dimensions, target word vectors 3; they must have as many"
    with pytest.raises(ValueError, match=message):
        rotation(side, keyed(["a"], np.eye(1, 3)), [("a", "a")])


def test_dictionaries_are_read(tmp_path):
    path = tmp_path / "en-ru.tsv"
    path.write_text("cat\tкот\r\n\n  ice cream \t мороженое\ncat\tкошка\nﬁg\tинжир\n", encoding="utf-8")
    assert read_dictionary(path) == [("cat", "кот"), ("ice cream", "мороженое"), ("cat", "кошка"), ("fig", "инжир")]
    assert read_dictionary(path, normalized=False)[-2:] == [("cat", "кошка"), ("ﬁg", "инжир")]


@pytest.mark.parametrize("line", ["cat кот", "cat", "cat\t", "\tкот", "cat\tкот\tкошка"])
def test_wrong_lines_are_named(tmp_path, line):
    path = tmp_path / "en-ru.tsv"
    path.write_text(f"dog\tпёс\n{line}\n", encoding="utf-8")
    with pytest.raises(
        ValueError, match=r"en-ru\.tsv', line 2: expected a source word, a tab and a target word, found "
    ):
        read_dictionary(path)


def test_an_empty_dictionary_is_refused(tmp_path):
    (tmp_path / "en-ru.tsv").write_text("\n \n", encoding="utf-8")
    with pytest.raises(ValueError, match=r"en-ru\.tsv' is empty"):
        read_dictionary(tmp_path / "en-ru.tsv")


def test_a_byte_order_mark_is_no_part_of_the_first_word(tmp_path):
    path = tmp_path / "dictionary.tsv"
    path.write_bytes(b"\xef\xbb\xbfcat\tkatze\r\ncat\tkater\r\n")
    assert read_dictionary(path) == [("cat", "katze"), ("cat", "kater")]


def test_a_dictionary_in_utf_16_without_a_mark_is_not_taken_for_words(tmp_path):
    path = tmp_path / "dictionary.tsv"
    path.write_bytes("cat\tкот\n".encode("utf-16-le"))
    with pytest.raises(ValueError, match=r"dictionary\.tsv' has a NUL, as UTF-16 has; convert it, e\.g\. with iconv"):
        read_dictionary(path)
