"""What doctor says of tokenizers that are on the machine, counted by hand."""

from __future__ import annotations

from types import SimpleNamespace

import pytest
from tokenizers import Tokenizer, models, pre_tokenizers
from transformers import PreTrainedTokenizerFast

from harness.collections import beir
from harness.doctor.vocabularies import vocabularies
from harness.results.record import Identity
from harness.store.artifact import Artifact, Hub, Local
from harness.store.stage import Stage
from harness.store.store import Store

EVALUATION, TRAINED = (Stage(name, 1, 1, lambda *_: None) for name in ("evaluation", "trained-encoder"))


def saved(folder, *tokens):
    vocabulary = {token: i for i, token in enumerate(["[PAD]", "[UNK]", *tokens])}
    backend = Tokenizer(models.WordPiece(vocab=vocabulary, unk_token="[UNK]"))
    backend.pre_tokenizer = pre_tokenizers.BertPreTokenizer()
    PreTrainedTokenizerFast(tokenizer_object=backend, pad_token="[PAD]", unk_token="[UNK]").save_pretrained(folder)
    return Local(folder)


@pytest.fixture
def inputs(tmp_path):
    """Of four tokens two are copied, by role; the words are 강 (twice, one piece) and 강산 (two pieces): 4 / 3."""
    beir.write(tmp_path / "ko", [("d0", "강", "강산 강")], [("q0", "강")], [("q0", "d0", 1)])
    source, target = saved(tmp_path / "source", "river"), saved(tmp_path / "target", "강", "##산")
    return {"encoder": source, "tokenizer": target, "collection": Local(tmp_path / "ko"), "initialization": source}


def told(inputs, tmp_path, stage=EVALUATION):
    identity = Identity("ko", "bert", "faq", "mean", "", None, "zero-shot", 0)
    cells = [SimpleNamespace(identity=identity, artifact=Artifact(stage, {"of": i}, inputs)) for i in range(2)]
    return [check.text for check in vocabularies(cells, Store(tmp_path / "store"))]


def test_coverage_and_pieces_of_a_tokenizer_once(inputs, tmp_path):
    assert told(inputs, tmp_path) == ["ko 50% copied, 1.33 pieces per word"]


def test_what_is_not_here_is_left_out(inputs, tmp_path):
    assert told(inputs | {"tokenizer": Hub("org/words", "abc")}, tmp_path) == []
    base = {name: source for name, source in inputs.items() if name not in ("tokenizer", "initialization")}
    assert told(base, tmp_path) == []
    (inputs["tokenizer"].path / "tokenizer.json").write_text("{", encoding="utf-8")
    assert told(inputs, tmp_path) == []
