"""The stage of OFA's subword vectors: of the user's word vectors, or of the bridge's vectors of words.

Source letters do not donate for target-language words.
"""

from __future__ import annotations

import json

import numpy as np
import pytest

from baselines.ofa import OFA
from baselines.vectors.words import BRIDGE, COLEXNET, WordVectors
from baselines.vectors.words import subword_vectors as contained
from harness.initialization import subword_vectors
from sembridge.bridge import load_bridge
from sembridge.encoder.loading import load_tokenizer
from tests.helpers.batches_seen import batches_seen
from tests.helpers.tokenizers_made import russian
from tests.helpers.vector_stages import CYRILLIC, assert_same_arrays, fresh, ids_by_token, location


def subwords(materials, out, prompt="", **extra):
    inputs = {"source": location(materials / "source"), "target": location(materials / "target")}
    subword_vectors.build(fresh(out), {"prompt": prompt, "language": "ru"}, inputs | extra)
    return subword_vectors.load(out)


def test_target_language_words_do_not_make_source_letters_donate(materials, tmp_path):
    loaded = subwords(
        materials, tmp_path / "out", bridge=location(materials / "bridge"), text=location(materials / "text.txt")
    )
    source, target = ids_by_token(materials / "source"), ids_by_token(materials / "target")
    letters = [token_id for token, token_id in source.items() if token.removeprefix("##") in CYRILLIC.split()]
    assert len(letters) > 60
    assert not loaded.source[letters].any()
    assert all(loaded.source[source[word]].any() for word in ("teacher", "window", "cat", "captain"))
    assert all(loaded.target[target[word]].any() for word in ("учитель", "окно", "кот", "капитан"))
    assert loaded.label == BRIDGE

    # What this avoids: with words of both languages the letters would have vectors, nearest to the Russian subwords.
    words = sorted({word for line in russian() for word in line.split()})
    vectors = load_bridge(str(materials / "bridge")).encode(words)
    tokenizers = (load_tokenizer(str(materials / side)) for side in ("source", "target"))
    mixed = contained(WordVectors(tuple(words), vectors), *tokenizers, len(source), len(target))
    assert mixed.source[letters].any(axis=1).sum() > 30


@pytest.mark.parametrize("prompt", ["", "window "])
def test_a_whole_word_has_the_bridges_vector_of_it(materials, tmp_path, prompt):
    """A token that occurs in one word only, however often, is that word; the bridge gets the prompt."""
    bridge = load_bridge(str(materials / "bridge"))
    loaded = subwords(
        materials,
        tmp_path / "out",
        prompt,
        bridge=location(materials / "bridge"),
        text=location(materials / "text.txt"),
    )
    for side, vectors, words in (
        ("source", loaded.source, ("teacher", "window")),
        ("target", loaded.target, ("учитель", "капитан")),
    ):
        tokenizer = load_tokenizer(str(materials / side))
        for word in words:
            assert len(tokenizer.tokenize(word)) == 1
            expected = bridge.encode([prompt + word])[0]
            np.testing.assert_allclose(vectors[ids_by_token(materials / side)[word]], expected, atol=1e-6)


def test_vectors_of_the_user(materials, tmp_path):
    """Word vectors in word2vec text format take the bridge's place, for both sides alike."""
    rng = np.random.default_rng(0)
    words = ["eng:$teacher$", "eng:$window$", "rus:$учитель$", "rus:$окно$"]
    vectors = rng.standard_normal((4, 3)).astype(np.float32)
    path = tmp_path / "colexnet.vec"
    lines = [f"{word} {' '.join(map(repr, map(float, vector)))}" for word, vector in zip(words, vectors, strict=True)]
    path.write_text("\n".join(["4 3", *lines]) + "\n", encoding="utf-8")
    loaded = subwords(materials, tmp_path / "out", words=location(path))
    tokenizers = [load_tokenizer(str(materials / side)) for side in ("source", "target")]
    sizes = (len(ids_by_token(materials / side)) for side in ("source", "target"))
    expected = contained(WordVectors(("teacher", "window", "учитель", "окно"), vectors, COLEXNET), *tokenizers, *sizes)
    assert_same_arrays(loaded, expected, ("source", "target"))
    assert loaded.label == COLEXNET and OFA(loaded).label == "ofa"
    np.testing.assert_allclose(loaded.source[ids_by_token(materials / "source")["teacher"]], vectors[0], atol=1e-6)


def test_the_label_is_stored_beside_the_vectors(materials, tmp_path):
    subwords(materials, tmp_path / "out", bridge=location(materials / "bridge"), text=location(materials / "text.txt"))
    assert json.loads((tmp_path / "out" / "label.json").read_text()) == {"label": BRIDGE}
    assert OFA(subword_vectors.load(tmp_path / "out")).label == "ofa (bridge vectors)"


def test_only_the_most_frequent_words_are_embedded(materials, tmp_path, monkeypatch):
    monkeypatch.setattr(subword_vectors, "MOST_WORDS", 3)
    text = tmp_path / "text.txt"
    text.write_text("кот кот кот окно окно река река зима\nкот Окно, зима? гора", encoding="utf-8")
    loaded = subwords(materials, tmp_path / "out", bridge=location(materials / "bridge"), text=location(text))
    target = ids_by_token(materials / "target")
    assert {word: bool(loaded.target[target[word]].any()) for word in ("кот", "окно", "река", "зима", "гора")} == {
        "кот": True, "окно": True, "зима": True, "река": False, "гора": False,
    }  # fmt: skip


def test_for_lack_of_memory_the_bridge_reads_fewer_texts_at_a_time(materials, tmp_path):
    inputs = {name: location(materials / name) for name in ("source", "target", "bridge")}
    inputs["text"] = location(materials / "text.txt")
    outputs = []
    for batch_divisor in (1, 16):
        with batches_seen() as batches:
            out = fresh(tmp_path / f"{batch_divisor}")
            subword_vectors.build(out, {"prompt": "", "language": "ru"}, inputs, batch_divisor=batch_divisor)
        assert (max(texts for texts, _ in batches) == 1024 // 16) == (batch_divisor == 16), batches
        outputs.append(subword_vectors.load(out))
    for array in ("source", "target"):
        np.testing.assert_allclose(getattr(outputs[0], array), getattr(outputs[1], array), atol=1e-6)
