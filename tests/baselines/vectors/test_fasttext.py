"""fastText models: what is trained, what a file preserves, and which files are refused."""

from __future__ import annotations

import os
import subprocess
import sys

import numpy as np
import pytest
from gensim.models.fasttext import compute_ngrams, ft_hash_bytes

from baselines.vectors.fasttext import TRAINING_PARAMETERS, check, load, save, train_words
from tests.helpers.tokenizers_made import russian

QUICK = {"dimension": 10, "epochs": 2, "min_count": 5, "min_n": 3, "max_n": 4, "buckets": 300, "sample": 1e-2}


def sentences() -> list[list[str]]:
    return [line.split() for line in russian()]


def test_vectors_of_words_and_of_other_texts():
    """A word's vector is the mean of its own and its n-grams' vectors, another text's the mean of its n-grams' alone.

    Bojanowski et al. 2017, section 3.2, with < and > around a word; the hash of an n-gram is its bucket.
    """
    model = train_words(sentences(), **QUICK)

    def ngrams(word: str) -> list[np.ndarray]:
        return [model.wv.vectors_ngrams[ft_hash_bytes(ngram.encode()) % 300] for ngram in compute_ngrams(word, 3, 4)]

    assert compute_ngrams("кот", 3, 4) == ["<ко", "кот", "от>", "<кот", "кот>"]
    own = model.wv.vectors_vocab[model.wv.key_to_index["кот"]]
    np.testing.assert_allclose(model.wv.get_vector("кот"), np.mean([own, *ngrams("кот")], axis=0), atol=1e-6)
    np.testing.assert_allclose(model.wv.get_vector("котик"), np.mean(ngrams("котик"), axis=0), atol=1e-6)


def test_words_below_the_minimum_count_are_left_out():
    model = train_words([*sentences(), ["редкость"] * 4, [], ["новинка"] * 5], **QUICK)
    assert "новинка" in model.wv.key_to_index and "редкость" not in model.wv.key_to_index
    message = r"no word occurs 5 times in the text \(4 words in 1 lines\).* lower min_count"
    with pytest.raises(ValueError, match=message):
        train_words([["редкость"] * 4, []], **QUICK)
    with pytest.raises(ValueError, match=r"\(0 words in 0 lines\)"):
        train_words([], **QUICK)


def test_every_setting_has_an_effect():
    settings = QUICK | {"negative": 3, "window": 2, "learning_rate": 0.1, "seed": 7}
    assert set(settings) == set(TRAINING_PARAMETERS)
    others = {"dimension": 11, "epochs": 3, "negative": 4, "min_count": 60, "min_n": 2, "max_n": 5, "window": 3}
    others |= {"learning_rate": 0.2, "sample": 0, "buckets": 200, "seed": 8}
    vectors = train_words(sentences(), **settings).wv.vectors
    for name, other in others.items():
        changed = train_words(sentences(), **settings | {name: other}).wv.vectors
        assert changed.shape != vectors.shape or not np.array_equal(changed, vectors), f"{name} has no effect"


def test_gensim_gets_fasttexts_settings():
    """Negatives by the square root of the count, learning rate down to 0, averaged context, no soft-max tree."""
    model = train_words(sentences(), **QUICK)
    settings = {
        "sg": 0,
        "hs": 0,
        "cbow_mean": 1,
        "ns_exponent": 0.5,
        "min_alpha": 0.0,
        "workers": 1,
        "batch_words": 1000,
    }
    assert {name: getattr(model, name) for name in settings} == settings
    published = {"dimension": 100, "epochs": 20, "negative": 10, "min_count": 5, "min_n": 5, "max_n": 5, "window": 5}
    published |= {"learning_rate": 0.05, "sample": 1e-4, "buckets": 2_000_000, "seed": 42}
    assert train_words.__kwdefaults__ == published


def test_a_file_gives_the_same_vectors(tmp_path):
    """In fastText's own format: the words, and texts of n-grams alone."""
    model = train_words(sentences(), **QUICK)
    save(model, tmp_path / "ru.bin")
    loaded = load(tmp_path / "ru.bin")
    assert loaded.index_to_key == model.wv.index_to_key and (loaded.min_n, loaded.max_n, loaded.bucket) == (3, 4, 300)
    for word in (*model.wv.index_to_key, "котик", "неслыханный"):
        np.testing.assert_array_equal(loaded.get_vector(word), model.wv.get_vector(word))


def test_another_process_writes_the_same_bytes(tmp_path):
    """It numbers strings by another hash seed."""
    (tmp_path / "ru.txt").write_text("\n".join(russian()), encoding="utf-8")
    script = (
        "import sys; from baselines.vectors.fasttext import save, train_words\n"
        "lines = open(sys.argv[1] + '/ru.txt', encoding='utf-8').read().splitlines()\n"
        f"save(train_words((line.split() for line in lines), **{QUICK}), sys.argv[1] + '/there.bin')"
    )
    other = "2" if os.environ.get("PYTHONHASHSEED") == "1" else "1"
    environment = os.environ | {"PYTHONHASHSEED": other, "PYTHONPATH": os.pathsep.join(sys.path)}
    subprocess.run([sys.executable, "-c", script, str(tmp_path)], env=environment, check=True, timeout=120)
    save(train_words((line.split() for line in russian()), **QUICK), tmp_path / "here.bin")
    assert (tmp_path / "here.bin").read_bytes() == (tmp_path / "there.bin").read_bytes()


def test_files_that_are_not_models_are_refused(tmp_path):
    (tmp_path / "cc.ru.300.vec").write_text("2 2\nкот 1 0\nзима 0 1\n", encoding="utf-8")
    (tmp_path / "empty.bin").write_bytes(b"")
    message = r"is not a fastText model: the \.bin file is needed, unpacked; .* \(\.vec\) lacks the n-grams"
    for name in ("cc.ru.300.vec", "empty.bin"):
        for reader in (check, load):
            with pytest.raises(ValueError, match=f"{name}' {message}"):
                reader(tmp_path / name)
    save(train_words(sentences(), **QUICK), tmp_path / "ru.bin")
    whole = (tmp_path / "ru.bin").read_bytes()
    for length in (4, 30, 400, len(whole) // 2):
        (tmp_path / "cut.bin").write_bytes(whole[:length])
        with pytest.raises(ValueError, match=r"cut\.bin' cannot be read as fastText word vectors"):
            load(tmp_path / "cut.bin")


def test_it_tells_how_far_it_is_and_that_changes_no_bit():
    corpus, calls = (sentences() * 200)[:250], []
    plain = train_words(corpus, **QUICK).wv.vectors
    told = train_words(corpus, lambda done, total: calls.append((done, total)), **QUICK).wv.vectors
    assert calls == [(done, 500) for done in (100, 200, 300, 400, 500)] and np.array_equal(plain, told)
