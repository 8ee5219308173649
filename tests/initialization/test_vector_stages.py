"""Stages that make vectors: loaded vectors are those that the library computes.

OFA's source letters do not donate for target-language words.
"""

from __future__ import annotations

import json

import numpy as np
import pytest

from baselines.focus import train_auxiliary
from baselines.ofa import OFA
from baselines.vectors.aligned import LABEL, aligned_subwords, read_dictionary
from baselines.vectors.fasttext import load as load_words
from baselines.vectors.fasttext import train_words
from baselines.vectors.words import BRIDGE, COLEXNET, WordVectors
from baselines.vectors.words import subword_vectors as contained
from harness.initialization import aligned_vectors, auxiliary_vectors, bridge_vectors, subword_vectors
from harness.pocket.tokenizers import wordpiece
from harness.store.artifact import Location
from sembridge.bridge import embed_vocabulary, load_bridge
from sembridge.encoder.loading import load_tokenizer
from sembridge.vocabulary.vocabulary import Vocabulary
from tests.helpers.batches_seen import batches_seen
from tests.helpers.encoders_made import made_bridge_folder
from tests.helpers.tokenizers_made import english, made_tokenizer, russian

CYRILLIC = "а б в г д е ж з и й к л м н о п р с т у ф х ц ч ш щ ъ ы ь э ю я"


def location(path):
    return Location(str(path))


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """An English tokenizer with Cyrillic letters (like BERT's), a Russian one, text, a bridge that knows all words."""
    folder = tmp_path_factory.mktemp("vectors")
    wordpiece([*english(), CYRILLIC, CYRILLIC.replace(" ", "")], 400, lowercase=True).save_pretrained(folder / "source")
    made_tokenizer("wordpiece", "russian").save_pretrained(folder / "target")
    made_bridge_folder(folder / "bridge", [*english(), *russian()])
    (folder / "text.txt").write_text("\n".join(russian()) + "\n", encoding="utf-8")
    return folder


def fresh(path):
    path.mkdir()
    return path


def assert_same_arrays(loaded, expected, names):
    for name in names:
        left, right = getattr(loaded, name), getattr(expected, name)
        assert left.dtype == right.dtype
        np.testing.assert_array_equal(left, right)


@pytest.mark.parametrize("prompt", ["", "query: "])
def test_bridge_vectors(folder, tmp_path, prompt):
    out = fresh(tmp_path / "out")
    bridge_vectors.build(
        out,
        {"prompt": prompt, "profile": "fixed"},
        {"bridge": location(folder / "bridge"), "tokenizer": location(folder / "target")},
    )
    vocabulary = Vocabulary.from_tokenizer(load_tokenizer(str(folder / "target")))
    expected = embed_vocabulary(load_bridge(str(folder / "bridge")), vocabulary, prompt=prompt)
    loaded = bridge_vectors.load(out)
    assert_same_arrays(loaded, expected, ("vectors", "known"))
    assert loaded.known.dtype == bool and 100 < loaded.known.sum() < len(vocabulary)


def test_a_prompt_of_the_bridge_is_put_before_every_token(folder, tmp_path):
    for name, prompt in (("plain", ""), ("prompted", "window ")):
        parameters, inputs = (
            {"prompt": prompt, "profile": "fixed"},
            {"bridge": location(folder / "bridge"), "tokenizer": location(folder / "target")},
        )
        bridge_vectors.build(fresh(tmp_path / name), parameters, inputs)
    plain, prompted = (bridge_vectors.load(tmp_path / name) for name in ("plain", "prompted"))
    np.testing.assert_array_equal(plain.known, prompted.known)
    assert np.abs(plain.vectors - prompted.vectors).max() > 0.1


def test_for_lack_of_memory_the_bridge_reads_fewer_texts_at_a_time(folder, tmp_path):
    bridge = location(folder / "bridge")
    sides = {
        "source": location(folder / "source"),
        "target": location(folder / "target"),
        "bridge": bridge,
        "text": location(folder / "text.txt"),
    }
    stages = {
        "tokens": (
            bridge_vectors,
            {"prompt": "", "profile": "fixed"},
            {"bridge": bridge, "tokenizer": sides["target"]},
            ("vectors", "known"),
        ),
        "words": (subword_vectors, {"prompt": "", "language": "ru"}, sides, ("source", "target")),
    }
    for name, (stage, parameters, inputs, arrays) in stages.items():
        runs = []
        for batch_divisor in (1, 16):
            with batches_seen() as seen:
                stage.build(
                    out := fresh(tmp_path / f"{name}-{batch_divisor}"), parameters, inputs, batch_divisor=batch_divisor
                )
            assert (max(texts for texts, _ in seen) == 1024 // 16) == (batch_divisor == 16), seen
            runs.append(stage.load(out))
        for array in arrays:
            np.testing.assert_allclose(getattr(runs[0], array), getattr(runs[1], array), atol=1e-6)


def test_auxiliary_vectors(folder, tmp_path):
    out = fresh(tmp_path / "out")
    parameters = {"dimension": 8, "epochs": 1, "min_count": 5, "buckets": 500, "seed": 3}
    auxiliary_vectors.build(
        out, parameters, {"tokenizer": location(folder / "target"), "text": location(folder / "text.txt")}
    )
    expected = train_auxiliary(russian(), load_tokenizer(str(folder / "target")), **parameters)
    loaded = auxiliary_vectors.load(out)
    assert_same_arrays(loaded, expected, ("vectors", "known"))
    assert loaded.vectors.shape[1] == 8 and 20 < loaded.known.sum() < len(loaded.known)


def subwords(folder, out, prompt="", **extra):
    inputs = {"source": location(folder / "source"), "target": location(folder / "target")}
    subword_vectors.build(fresh(out), {"prompt": prompt, "language": "ru"}, inputs | extra)
    return subword_vectors.load(out)


def tokens_of(folder, side):
    tokens = Vocabulary.from_tokenizer(load_tokenizer(str(folder / side))).tokens
    return {token: token_id for token_id, token in enumerate(tokens)}


def test_target_language_words_do_not_make_source_letters_donate(folder, tmp_path):
    loaded = subwords(folder, tmp_path / "out", bridge=location(folder / "bridge"), text=location(folder / "text.txt"))
    source, target = tokens_of(folder, "source"), tokens_of(folder, "target")
    letters = [token_id for token, token_id in source.items() if token.removeprefix("##") in CYRILLIC.split()]
    assert len(letters) > 60
    assert not loaded.source[letters].any()
    assert all(loaded.source[source[word]].any() for word in ("teacher", "window", "cat", "captain"))
    assert all(loaded.target[target[word]].any() for word in ("учитель", "окно", "кот", "капитан"))
    assert loaded.label == BRIDGE

    # What this avoids: with words of both languages the letters would have vectors, nearest to the Russian subwords.
    words = sorted({word for line in russian() for word in line.split()})
    vectors = load_bridge(str(folder / "bridge")).encode(words)
    tokenizers = (load_tokenizer(str(folder / side)) for side in ("source", "target"))
    mixed = contained(WordVectors(tuple(words), vectors), *tokenizers, len(source), len(target))
    assert mixed.source[letters].any(axis=1).sum() > 30


@pytest.mark.parametrize("prompt", ["", "window "])
def test_a_whole_word_has_the_bridges_vector_of_it(folder, tmp_path, prompt):
    """A token that occurs in one word only, however often, is that word; the bridge gets the prompt."""
    bridge = load_bridge(str(folder / "bridge"))
    loaded = subwords(
        folder, tmp_path / "out", prompt, bridge=location(folder / "bridge"), text=location(folder / "text.txt")
    )
    for side, vectors, words in (
        ("source", loaded.source, ("teacher", "window")),
        ("target", loaded.target, ("учитель", "капитан")),
    ):
        tokenizer = load_tokenizer(str(folder / side))
        for word in words:
            assert len(tokenizer.tokenize(word)) == 1
            expected = bridge.encode([prompt + word])[0]
            np.testing.assert_allclose(vectors[tokens_of(folder, side)[word]], expected, atol=1e-6)


def test_vectors_of_the_user(folder, tmp_path):
    """Word vectors in word2vec text format take the bridge's place, for both sides alike."""
    rng = np.random.default_rng(0)
    words = ["eng:$teacher$", "eng:$window$", "rus:$учитель$", "rus:$окно$"]
    vectors = rng.standard_normal((4, 3)).astype(np.float32)
    path = tmp_path / "colexnet.vec"
    lines = [f"{word} {' '.join(map(repr, map(float, vector)))}" for word, vector in zip(words, vectors, strict=True)]
    path.write_text("\n".join(["4 3", *lines]) + "\n", encoding="utf-8")
    loaded = subwords(folder, tmp_path / "out", words=location(path))
    tokenizers = [load_tokenizer(str(folder / side)) for side in ("source", "target")]
    sizes = (len(tokens_of(folder, side)) for side in ("source", "target"))
    expected = contained(WordVectors(("teacher", "window", "учитель", "окно"), vectors, COLEXNET), *tokenizers, *sizes)
    assert_same_arrays(loaded, expected, ("source", "target"))
    assert loaded.label == COLEXNET and OFA(loaded).label == "ofa"
    np.testing.assert_allclose(loaded.source[tokens_of(folder, "source")["teacher"]], vectors[0], atol=1e-6)


def test_the_label_is_stored_beside_the_vectors(folder, tmp_path):
    subwords(folder, tmp_path / "out", bridge=location(folder / "bridge"), text=location(folder / "text.txt"))
    assert json.loads((tmp_path / "out" / "label.json").read_text()) == {"label": BRIDGE}
    assert OFA(subword_vectors.load(tmp_path / "out")).label == "ofa (bridge vectors)"


def test_only_the_most_frequent_words_are_embedded(folder, tmp_path, monkeypatch):
    monkeypatch.setattr(subword_vectors, "MOST_WORDS", 3)
    text = tmp_path / "text.txt"
    text.write_text("кот кот кот окно окно река река зима\nкот Окно, зима? гора", encoding="utf-8")
    loaded = subwords(folder, tmp_path / "out", bridge=location(folder / "bridge"), text=location(text))
    target = tokens_of(folder, "target")
    assert {word: bool(loaded.target[target[word]].any()) for word in ("кот", "окно", "река", "зима", "гора")} == {
        "кот": True, "окно": True, "зима": True, "река": False, "гора": False,
    }  # fmt: skip


DICTIONARY = "teacher\tучитель\ncat\tкот\nriver\tрека\nwindow\tокно\ngarden\tсад\nbread\tхлеб\n\n"
TRAINING = {"dimension": 6, "epochs": 2, "min_count": 5, "min_n": 3, "max_n": 4, "buckets": 300, "seed": 3}


@pytest.fixture(scope="module")
def models(folder):
    """The dictionary, and fastText models of both languages as the stage makes them."""
    (folder / "dictionary.tsv").write_text(DICTIONARY, encoding="utf-8")
    (folder / "english.txt").write_text("\n".join(english()) + "\n", encoding="utf-8")
    for name, text, language in (("source_words", "english.txt", "en"), ("target_words", "text.txt", "ru")):
        aligned_vectors.build_fasttext(
            fresh(folder / name), {**TRAINING, "language": language}, {"text": location(folder / text)}
        )
    return {name: location(folder / name / aligned_vectors.MODEL) for name in ("source_words", "target_words")}


def test_fasttext_models_of_the_words_of_a_text(folder, models):
    stored = load_words(models["target_words"].path)
    expected = train_words([line.lower().split() for line in russian()], **TRAINING).wv
    assert stored.index_to_key == expected.index_to_key and {"кот", "the"} <= set(stored.index_to_key)
    for word in ("кот", "котик", "неслыханный"):
        np.testing.assert_array_equal(stored.get_vector(word), expected.get_vector(word))


def test_aligned_vectors(folder, models, tmp_path):
    out = fresh(tmp_path / "out")
    inputs = {
        "source": location(folder / "source"),
        "target": location(folder / "target"),
        "dictionary": location(folder / "dictionary.tsv"),
    }
    aligned_vectors.build(out, {}, inputs | models)
    loaded = aligned_vectors.load(out)
    vocabularies = [Vocabulary.from_tokenizer(load_tokenizer(str(folder / side))) for side in ("source", "target")]
    words = [load_words(models[side].path) for side in ("source_words", "target_words")]
    expected = aligned_subwords(*words, read_dictionary(folder / "dictionary.tsv"), *vocabularies)
    assert_same_arrays(loaded, expected, ("source", "target"))
    assert loaded.label == LABEL and [len(loaded.source), len(loaded.target)] == [
        len(vocabulary) for vocabulary in vocabularies
    ]
    np.testing.assert_array_equal(loaded.target[tokens_of(folder, "target")["кот"]], words[1].get_vector("кот"))
    assert not loaded.source[tokens_of(folder, "source")["[CLS]"]].any()


def test_words_of_unspaced_languages_are_split(folder, tmp_path):
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
