"""Collections sampled for unknown tokens before a run: which rows, which texts, and what doctor and dry run say."""

from __future__ import annotations

import json
from types import SimpleNamespace

import pytest
from tokenizers import Tokenizer, models, pre_tokenizers

from harness.collections import beir
from harness.doctor.hub_access import OK, WARN
from harness.doctor.unknown import unknown_tokens
from harness.estimate import unknown_sample
from harness.estimate.unknown_sample import samples
from harness.results.record import Identity
from harness.store.artifact import Artifact, Hub, Local, Member
from harness.store.stage import Stage
from harness.store.store import Store

EVALUATION, TRAINED, DENSE, MADE = (
    Stage(name, 1, 1, lambda *_: None) for name in ("evaluation", "trained-encoder", "dense", "made")
)


@pytest.fixture
def store(tmp_path) -> Store:
    store = Store(tmp_path / "store")
    store.create()
    return store


def words(folder, *known):
    """Write a tokenizer of whole words and return the folder."""
    tokenizer = Tokenizer(models.WordLevel({"[UNK]": 0} | {word: i + 1 for i, word in enumerate(known)}, "[UNK]"))
    tokenizer.pre_tokenizer = pre_tokenizers.WhitespaceSplit()
    folder.mkdir(parents=True)
    (folder / "tokenizer.json").write_text(tokenizer.to_str(), encoding="utf-8")
    return folder


@pytest.fixture
def inputs(tmp_path):
    """Return source (knows no word), target (knows 강 and 산), and a collection of ten tokens and four tokens."""
    documents = [("d0", "강", "산 강"), ("d1", "", "산 강 산 강 바다 바다 river")]  # 3 of 10 are unknown
    beir.write(tmp_path / "ko", documents, [("q0", "강 바다"), ("q1", "강 산")], [("q0", "d0", 1)])
    source, target = words(tmp_path / "source", "river"), words(tmp_path / "target", "강", "산")
    return {"encoder": Local(source), "tokenizer": Local(target), "collection": Local(tmp_path / "ko")}


def cell(stage, inputs, initializer="mean", language="ko"):
    identity = Identity(language, "bert", "faq", initializer, "", None, "zero-shot", 0)
    return SimpleNamespace(identity=identity, artifact=Artifact(stage, {"of": initializer}, inputs))


def without(inputs, *names):
    return {name: source for name, source in inputs.items() if name not in names}


def test_rates_of_the_target_and_of_the_source(inputs, store):
    cells = [cell(EVALUATION, inputs), cell(EVALUATION, inputs, "random")]
    cells.append(cell(EVALUATION, without(inputs, "tokenizer"), "base"))
    target, own = samples(cells, store)
    assert target.unknown == {"documents": 3 / 10, "queries": 1 / 4} and target.counts == {"documents": 2, "queries": 2}
    assert own.unknown == {"documents": 9 / 10, "queries": 1.0}
    assert (target.own, target.warns, own.own, own.warns) == (False, True, True, False)


def test_a_trained_cell_is_sampled_on_its_pairs_too(inputs, store, tmp_path):
    beir.write(tmp_path / "pairs", [("d", "", "강 바다")], [("q", "산")], [("q", "d", 1)])
    trained = Artifact(TRAINED, {}, without(inputs, "collection") | {"pairs": Local(tmp_path / "pairs")})
    found = samples([cell(EVALUATION, {"trained": trained, "collection": inputs["collection"]})], store)
    assert sorted(sample.unknown["documents"] for sample in found) == [3 / 10, 1 / 2]


def test_only_what_is_on_this_machine(inputs, store, monkeypatch):
    hub = inputs | {"tokenizer": Hub("some/tokenizer", "a" * 40)}
    made = Artifact(MADE, {}, {})
    stored = inputs | {"tokenizer": Member(made, "ko")}
    assert samples([cell(EVALUATION, stored), cell(DENSE, inputs, "dense")], store) == []
    monkeypatch.setattr(unknown_sample, "local_file", lambda *_: None)
    assert samples([cell(EVALUATION, hub)], store) == []
    monkeypatch.undo()
    words(store.path(made) / "ko", "강", "산")
    (store.path(made) / "MANIFEST.json").write_text(json.dumps({"seconds": 1, "files": {}}))
    [sample] = samples([cell(EVALUATION, stored)], store)
    assert sample.unknown["documents"] == 3 / 10 and sample.tokenizer == "ko"


def test_the_first_texts_are_read(inputs, store, monkeypatch):
    monkeypatch.setattr(unknown_sample, "DOCUMENTS", 1)
    monkeypatch.setattr(unknown_sample, "QUERIES", 1)
    [sample] = samples([cell(EVALUATION, inputs)], store)
    assert sample.unknown == {"documents": 0.0, "queries": 1 / 2} and sample.counts == {"documents": 1, "queries": 1}


def test_the_doctor_warns_with_the_next_step(inputs, store):
    [check] = unknown_tokens([cell(EVALUATION, inputs)], store)
    assert (check.mark, check.what) == (WARN, "unknown tokens")
    assert check.text == (
        "ko, faq: 30.0% of the tokens of the first 2 documents, 25.0% of the tokens of the first 2 queries are unknown "
        f"to the tokenizer {inputs['tokenizer'].path} (more than 2%), and what they say is lost; give the language a "
        "tokenizer that was trained on it, on text in NFC (tokenizers.LANGUAGE)"
    )


def test_the_doctor_reports_what_is_well_or_not_there(inputs, store, tmp_path):
    knowing = Local(words(tmp_path / "all", "강", "산", "바다", "river"))
    cells = [cell(EVALUATION, inputs | {"tokenizer": knowing}), cell(EVALUATION, without(inputs, "tokenizer"), "base")]
    [check] = unknown_tokens(cells, store)
    assert (check.mark, check.text) == (
        OK,
        "at most 0.0% of the tokens of 1 sampled collections are unknown; "
        "100.0% to the source's own tokenizer (row base)",
    )
    [check] = unknown_tokens([cell(DENSE, inputs, "dense")], store)
    assert check.mark == OK and check.text.startswith("not sampled: ")
