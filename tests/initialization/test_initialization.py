"""The stage stores, bit for bit, what the initializer returns.

For copied, mixed, factorized and sampled rows, tied and untied decoders.
"""

from __future__ import annotations

import dataclasses
import json

import numpy as np
import pytest
from safetensors.numpy import load_file

from baselines.focus import Focus
from baselines.mean import Mean
from baselines.ofa import OFA
from baselines.random import Random
from baselines.wechsel import Wechsel
from harness.initialization import aligned_vectors, auxiliary_vectors, bridge_vectors, initialization, subword_vectors
from harness.initialization.encoders import zero_shot_encoder
from harness.store.artifact import Location
from sembridge.bridge import BridgeVectors
from sembridge.encoder.loading import load_encoder, load_tokenizer
from sembridge.encoder.transplant import decoder_rows
from sembridge.initializer import COPIED, MIXED, SAMPLED, SPECIAL
from sembridge.mixture.softmax import SoftmaxMixture
from sembridge.pipeline import make_task, transfer
from sembridge.semantic_bridge import SemBridge
from sembridge.signet import Signet
from tests.helpers.encoders_made import made_bridge_folder, made_encoder_folder
from tests.helpers.tokenizers_made import english, made_tokenizer, russian

WORDS = {"dimension": 8, "epochs": 1, "min_count": 5, "min_n": 4, "max_n": 5, "buckets": 500, "seed": 1}
AUXILIARY = {"dimension": 8, "epochs": 1, "min_count": 45, "buckets": 500, "seed": 1}


def location(path):
    return Location(str(path))


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """Encoders (tied with spare rows, untied), a target tokenizer, and the vectors of every need."""
    folder = tmp_path_factory.mktemp("inputs")
    made_encoder_folder(folder / "tied", spare=7)
    made_encoder_folder(folder / "untied", tied=False)
    made_tokenizer("wordpiece", "russian").save_pretrained(folder / "tokenizer")
    (folder / "text.txt").write_text("\n".join(russian()) + "\n", encoding="utf-8")
    made_bridge_folder(folder / "bridge", [*english(), *russian()])
    bridge, source, target = location(folder / "bridge"), location(folder / "tied"), location(folder / "tokenizer")
    text = location(folder / "text.txt")
    for name in ("bridge_source", "bridge_target", "auxiliary", "words"):
        (folder / name).mkdir()
    bridge_vectors.build(
        folder / "bridge_source", {"prompt": "", "profile": "fixed"}, {"bridge": bridge, "tokenizer": source}
    )
    bridge_vectors.build(
        folder / "bridge_target", {"prompt": "", "profile": "fixed"}, {"bridge": bridge, "tokenizer": target}
    )
    auxiliary_vectors.build(folder / "auxiliary", AUXILIARY, {"tokenizer": target, "text": text})
    subword_vectors.build(
        folder / "words",
        {"prompt": "", "language": "ru"},
        {"source": source, "target": target, "bridge": bridge, "text": text},
    )
    (folder / "aligned").mkdir()
    (folder / "dictionary.tsv").write_text("cat\tкот\nwindow\tокно\nriver\tрека\n", encoding="utf-8")
    for name, lines, language in (("en", english(), "en"), ("ru", russian(), "ru")):
        (folder / f"{name}.txt").write_text("\n".join(lines) + "\n", encoding="utf-8")
        (folder / name).mkdir()
        aligned_vectors.build_fasttext(
            folder / name, {**WORDS, "language": language}, {"text": location(folder / f"{name}.txt")}
        )
    models = {
        side: location(folder / name / aligned_vectors.MODEL)
        for side, name in (("source_words", "en"), ("target_words", "ru"))
    }
    aligned_vectors.build(
        folder / "aligned",
        {"profile": "fixed"},
        {"source": source, "target": target, "dictionary": location(folder / "dictionary.tsv"), **models},
    )
    return folder


# initializer, settings, the inputs it needs, and how the rows that are not copied come about
CASES = {
    "random": ("random", {}, (), {SAMPLED}),
    "mean": ("mean", {}, (), {SAMPLED}),
    "univariate": ("univariate", {}, (), {SAMPLED}),
    "multivariate": ("multivariate", {}, (), {SAMPLED}),
    "sembridge": ("sembridge", {"alpha": 4.0}, ("bridge_source", "bridge_target"), {MIXED}),
    "sembridge-dense": ("sembridge", {"alpha": 1.0}, ("bridge_source", "bridge_target"), {MIXED}),
    "centered-dense": (
        "sembridge",
        {"alpha": 1.0, "geometry": "centered"},
        ("bridge_source", "bridge_target"),
        {MIXED},
    ),
    "signet": ("signet", {"donors": 3.0}, ("bridge_source", "bridge_target"), {MIXED}),
    "focus": ("focus", {}, ("auxiliary",), {MIXED, SAMPLED}),
    "ofa": ("ofa", {"neighbours": 5}, ("words",), {MIXED, SAMPLED}),
    "wechsel": ("wechsel", {"temperature": 0.2}, ("aligned",), {MIXED, SAMPLED}),
    "ofa-factorized": ("ofa", {"neighbours": 5, "factorize": 6}, ("words",), {MIXED, SAMPLED}),
}


def expected_initializer(folder, case):
    name, settings, _, _ = CASES[case]
    if name in ("sembridge", "signet"):
        return (SemBridge if name == "sembridge" else Signet)(
            BridgeVectors(bridge_vectors.load(folder / "bridge_source"), bridge_vectors.load(folder / "bridge_target")),
            **settings,
        )
    if name == "focus":
        return Focus(auxiliary_vectors.load(folder / "auxiliary"))
    if name == "wechsel":
        return Wechsel(aligned_vectors.load(folder / "aligned"), **settings)
    if name == "ofa":
        return OFA(subword_vectors.load(folder / "words"), **settings)
    from sembridge.registry import initializer_class

    return initializer_class(name)()


def built(folder, out, case, encoder, seed=11):
    name, settings, needs, _ = CASES[case]
    inputs = {"encoder": location(folder / encoder), "tokenizer": location(folder / "tokenizer")} | {
        need: location(folder / need) for need in needs
    }
    out.mkdir()
    initialization.build(
        out,
        {
            "initializer": name,
            "settings": settings,
            "profile": "fixed",
            "overlap": "fuzzy",
            "donors": None,
            "seed": seed,
        },
        inputs,
    )
    return inputs | {"initialization": location(out)}


def assert_same(loaded, expected):
    assert loaded.rows.dtype == expected.rows.dtype == np.float32
    np.testing.assert_array_equal(loaded.rows, expected.rows)
    for part in ("indptr", "indices", "data"):
        np.testing.assert_array_equal(getattr(loaded.mixture, part), getattr(expected.mixture, part))
    assert loaded.mixture.shape == expected.mixture.shape and loaded.mixture.dtype == expected.mixture.dtype
    assert loaded.origin.tolist() == expected.origin.tolist()


@pytest.mark.parametrize("encoder", ["tied", "untied"])
@pytest.mark.parametrize("case", CASES)
def test_an_answer_comes_back_bit_for_bit(folder, tmp_path, case, encoder):
    built(folder, tmp_path / "out", case, encoder)
    loaded = load_encoder(str(folder / encoder))
    embedding, decoder = initialization.load(tmp_path / "out", loaded)

    task = make_task(loaded, load_tokenizer(str(folder / "tokenizer")), seed=11)
    initializer = expected_initializer(folder, case)
    answer = initializer(task)
    assert set(answer.origin) == {COPIED, SPECIAL} | CASES[case][3]
    assert_same(embedding, answer)
    assert embedding.statistics == answer.statistics
    if encoder == "tied":
        assert decoder is None
    else:
        own = dataclasses.replace(task, rows=decoder_rows(loaded)[: len(task.source)])
        assert_same(decoder, initializer(own))
        assert not np.array_equal(decoder.rows, embedding.rows)


@pytest.mark.parametrize("case", ["sembridge", "focus", "ofa-factorized", "univariate"])
@pytest.mark.parametrize("encoder", ["tied", "untied"])
def test_the_encoder_of_a_stored_answer_is_that_of_the_library(folder, tmp_path, case, encoder):
    """Storing and loading in between changes nothing: the same bits as the engineer's one call."""
    inputs = built(folder, tmp_path / "out", case, encoder)
    stored = zero_shot_encoder({"bias": "transfer", "special_ids": "target"}, inputs)
    direct = transfer(
        load_encoder(str(folder / encoder)),
        load_tokenizer(str(folder / "tokenizer")),
        expected_initializer(folder, case),
        seed=11,
    )
    left, right = stored[0].model.state_dict(), direct[0].model.state_dict()
    assert left.keys() == right.keys() and all(left[name].equal(right[name]) for name in left)
    texts = ["новый учитель", "cat window старый кот"]
    assert stored.encode(texts).to_dense().equal(direct.encode(texts).to_dense())


def test_only_rows_the_mixture_does_not_give_back_are_stored(folder, tmp_path):
    explicit = {}
    for case in ("sembridge", "univariate", "ofa-factorized"):
        built(folder, tmp_path / case, case, "tied")
        stored = load_file(tmp_path / case / "embedding.safetensors")
        origin = np.array(json.loads((tmp_path / case / "about.json").read_text())["origin"])
        explicit[case] = origin[stored["explicit_ids"]].tolist()
        assert len(stored["explicit_rows"]) == len(explicit[case])
        assert set(stored) == {"indptr", "indices", "weights", "shape", "explicit_ids", "explicit_rows"}
        if case != "sembridge":
            assert sorted(explicit[case]) == sorted(origin[(origin == SAMPLED) | (origin == MIXED)])
    assert explicit["sembridge"] == []
    assert not (tmp_path / "univariate" / "decoder.safetensors").exists()


def test_the_seed_is_that_of_the_parameters(folder, tmp_path):
    rows = []
    for name, seed in (("a", 1), ("b", 1), ("c", 2)):
        built(folder, tmp_path / name, "random", "tied", seed=seed)
        rows.append(initialization.load(tmp_path / name, load_encoder(str(folder / "tied")))[0].rows)
    assert np.array_equal(rows[0], rows[1]) and not np.array_equal(rows[0], rows[2])


def test_exact_overlap_copies_less(folder, tmp_path):
    inputs = {"encoder": location(folder / "tied"), "tokenizer": location(folder / "tokenizer")}
    copied = {}
    for overlap in ("exact", "fuzzy"):
        (tmp_path / overlap).mkdir()
        initialization.build(
            tmp_path / overlap,
            {"initializer": "mean", "settings": {}, "profile": "fixed", "overlap": overlap, "donors": None, "seed": 1},
            inputs,
        )
        copied[overlap] = json.loads((tmp_path / overlap / "about.json").read_text())["statistics"]["copied"]
    assert 0 < copied["exact"] < copied["fuzzy"]


def test_about(folder, tmp_path):
    for case, label in (
        ("ofa", "ofa (bridge vectors)"),
        ("sembridge", "sembridge"),
        ("random", Random.name),
        ("mean", Mean.name),
    ):
        built(folder, tmp_path / case, case, "tied")
        about = json.loads((tmp_path / case / "about.json").read_text(encoding="utf-8"))
        prompt = {"bridge_prompt": ""} if case == "sembridge" else {}
        assert about.keys() == {"label", "origin", "statistics", *prompt} and about["label"] == label
        assert about.get("bridge_prompt") == prompt.get("bridge_prompt")
        assert sum(about["statistics"][name] for name in (COPIED, SPECIAL, MIXED, SAMPLED)) == len(about["origin"])


def test_without_an_initialization_the_source_encoder_itself_is_evaluated(folder):
    encoder = zero_shot_encoder(
        {"bias": "transfer", "special_ids": "target"},
        {"encoder": location(folder / "tied"), "tokenizer": location(folder / "tokenizer")},
    )
    assert encoder[0].processor.get_vocab() == made_tokenizer("wordpiece", "english").get_vocab()


@pytest.mark.parametrize("case", ["sembridge-dense", "centered-dense"])
def test_a_mixture_too_large_to_hold_comes_back_with_what_it_is_computed_from(folder, tmp_path, case, monkeypatch):
    monkeypatch.setattr("sembridge.bridging.method.HELD", 0)
    built(folder, tmp_path / "out", case, "tied")
    loaded = load_encoder(str(folder / "tied"))
    embedding, _ = initialization.load(tmp_path / "out", loaded)
    task = make_task(loaded, load_tokenizer(str(folder / "tokenizer")), seed=11)
    answer = expected_initializer(folder, case)(task)
    assert (answer.mixture.queries.scale == 1) == (case == "sembridge-dense")
    assert embedding.mixture.queries.scale == answer.mixture.queries.scale
    assert embedding.mixture.queries.rounded and embedding.mixture.donors.rounded
    assert isinstance(embedding.mixture, SoftmaxMixture)
    assert embedding.rows.tobytes() == answer.rows.tobytes() and embedding.origin.tolist() == answer.origin.tolist()
    assert np.array_equal(embedding.support, answer.support)
    values = np.arange(len(task.source)) ** 0.5
    assert embedding.carry(values).tobytes() == answer.carry(values).tobytes()
