"""The stages of WECHSEL's aligned vectors: fastText models of the words of a text, and both sides from a dictionary."""

from __future__ import annotations

import numpy as np
import pytest

from baselines.vectors.aligned import LABEL, aligned_subwords, read_dictionary
from baselines.vectors.fasttext import load as load_words
from baselines.vectors.fasttext import train_words
from baselines.vectors.published_alignment import LABEL as PUBLISHED
from harness.initialization import aligned_vectors
from sembridge.encoder.loading import load_tokenizer
from sembridge.vocabulary.vocabulary import Vocabulary
from tests.helpers.tokenizers_made import english, russian
from tests.helpers.vector_stages import assert_same_arrays, fresh, ids_by_token, location

DICTIONARY = "teacher\tучитель\ncat\tкот\nriver\tрека\nwindow\tокно\ngarden\tсад\nbread\tхлеб\n\n"
TRAINING = {"dimension": 6, "epochs": 2, "min_count": 5, "min_n": 3, "max_n": 4, "buckets": 300, "seed": 3}


@pytest.fixture(scope="module")
def models(materials):
    """The dictionary, and fastText models of both languages as the stage makes them."""
    (materials / "dictionary.tsv").write_text(DICTIONARY, encoding="utf-8")
    (materials / "english.txt").write_text("\n".join(english()) + "\n", encoding="utf-8")
    for name, text, language in (("source_words", "english.txt", "en"), ("target_words", "text.txt", "ru")):
        aligned_vectors.build_fasttext(
            fresh(materials / name), {**TRAINING, "language": language}, {"text": location(materials / text)}
        )
    return {name: location(materials / name / aligned_vectors.MODEL) for name in ("source_words", "target_words")}


def test_fasttext_models_of_the_words_of_a_text(materials, models):
    stored = load_words(models["target_words"].path)
    expected = train_words([line.lower().split() for line in russian()], **TRAINING).wv
    assert stored.index_to_key == expected.index_to_key and {"кот", "the"} <= set(stored.index_to_key)
    for word in ("кот", "котик", "неслыханный"):
        np.testing.assert_array_equal(stored.get_vector(word), expected.get_vector(word))


def test_aligned_vectors(materials, models, tmp_path):
    out = fresh(tmp_path / "out")
    inputs = {
        "source": location(materials / "source"),
        "target": location(materials / "target"),
        "dictionary": location(materials / "dictionary.tsv"),
    }
    aligned_vectors.build(out, {"profile": "fixed"}, inputs | models)
    loaded = aligned_vectors.load(out)
    vocabularies = [Vocabulary.from_tokenizer(load_tokenizer(str(materials / side))) for side in ("source", "target")]
    words = [load_words(models[side].path) for side in ("source_words", "target_words")]
    expected = aligned_subwords(*words, read_dictionary(materials / "dictionary.tsv"), *vocabularies)
    assert_same_arrays(loaded, expected, ("source", "target"))
    assert loaded.label == LABEL and [len(loaded.source), len(loaded.target)] == [
        len(vocabulary) for vocabulary in vocabularies
    ]
    np.testing.assert_array_equal(loaded.target[ids_by_token(materials / "target")["кот"]], words[1].get_vector("кот"))
    assert not loaded.source[ids_by_token(materials / "source")["[CLS]"]].any()
    assert loaded.statistics == expected.statistics and loaded.statistics["alignment_pairs"] == 6
    compat = fresh(tmp_path / "compat")
    aligned_vectors.build(compat, {"profile": "compat"}, inputs | models)
    published = aligned_vectors.load(compat)
    assert published.label == PUBLISHED and published.source[ids_by_token(materials / "source")["[CLS]"]].any()
    assert len(published.target) == len(loaded.target) and not np.array_equal(published.source, loaded.source)


def test_words_of_unspaced_languages_are_split(materials, tmp_path):
    text = tmp_path / "zh.txt"
    text.write_text("密码窗口\n" * 5, encoding="utf-8")
    aligned_vectors.build_fasttext(fresh(tmp_path / "out"), {**TRAINING, "language": "zh"}, {"text": location(text)})
    assert set(load_words(tmp_path / "out" / aligned_vectors.MODEL).index_to_key) == {
        "密",
        "码",
        "窗",
        "口",
        "密码",
        "码窗",
        "窗口",
    }
