"""The stage: from an encoder and a collection to a trained encoder, in this process and in a Ray Train worker group."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
import torch

from harness.cluster.ray_start import start_cluster
from harness.collections import beir
from harness.initialization import initialization
from harness.store.artifact import Location
from harness.training import checkpoint, stage
from harness.training.guard import TrainingStopped
from harness.training.loop import train
from harness.training.settings import TrainingSettings
from sembridge.encoder.loading import load_encoder
from tests.helpers.encoders_made import largest_difference, made_encoder_folder, same_bits, weights
from tests.helpers.pairs_made import toy_pairs
from tests.helpers.tokenizers_made import made_tokenizer, russian

SETTINGS = {
    "batch_size": 8,
    "epochs": 2,
    "learning_rate": 1e-3,
    "max_length": 16,
    "checkpoint_every": 3,
    "lambda_document": 0.01,
}


@pytest.fixture(scope="module")
def inputs(tmp_path_factory):
    """An encoder, and a collection whose training pairs are the toy pairs."""
    folder = tmp_path_factory.mktemp("inputs")
    made_encoder_folder(folder / "encoder")
    pairs = toy_pairs()
    documents = {f"d{pair.document}": pair.passage for pair in pairs}
    queries = [(f"q{number}", pair.question) for number, pair in enumerate(pairs)]
    train = [(f"q{number}", f"d{pair.document}", 1) for number, pair in enumerate(pairs)]
    beir.write(
        folder / "toy",
        [(i, "", text) for i, text in documents.items()],
        [*queries, ("t", "cat window")],
        [("t", "d2", 1)],
        train,
    )
    return {"encoder": Location(str(folder / "encoder")), "pairs": Location(str(folder / "toy"))}


def parameters(workers=1, **training):
    return {
        "training": TrainingSettings(**SETTINGS | training).model_dump(),
        "workers": workers,
        "bias": "transfer",
        "special_ids": "target",
        "seed": 3,
    }


def build(folder: Path, inputs, **options):
    for name in ("out", "scratch"):
        (folder / name).mkdir(parents=True)
    stage.build(folder / "out", parameters(**options), inputs, folder / "scratch")
    return folder / "out"


def about(folder: Path):
    return json.loads((folder / "about.json").read_text(encoding="utf-8"))


def test_one_worker_writes_what_the_loop_trains(inputs, tmp_path):
    out = build(tmp_path, inputs)
    encoder = load_encoder(inputs["encoder"].name)
    figures = train(encoder, toy_pairs(), TrainingSettings(**SETTINGS), 3)
    assert same_bits(weights(load_encoder(str(out))), weights(encoder))
    record = about(out)
    assert record.keys() == {"training"}
    assert record["training"] | {"training_seconds": 0} == figures | {
        "training_seconds": 0,
        "pairs": 40,
        "pairs_used": 40,
        "unknown_pairs": 0.0,
    }
    texts = ["the cat window song", "bread"]
    assert torch.equal(load_encoder(str(out)).encode(texts).to_dense(), encoder.encode(texts).to_dense())
    assert [path.name for path in (tmp_path / "scratch").iterdir()] == ["step-9"]


def test_what_was_left_out_of_the_pairs_is_told(inputs, tmp_path):
    record = about(build(tmp_path, inputs, max_pairs=16))["training"]
    assert (record["pairs"], record["pairs_used"]) == (40, 16)


def test_for_lack_of_memory_fewer_texts_are_encoded_at_a_time(inputs, tmp_path):
    """They are recorded, and the loss is that of whole batches but for rounding, also with micro batches."""
    whole = build(tmp_path / "whole", inputs, epochs=1)
    for name, usual, batch_divisor, expected in (("first", None, 4, 2), ("last", None, 64, 1), ("less", 4, 2, 2)):
        (tmp_path / name / "out").mkdir(parents=True)
        given = parameters(micro_batch=usual, epochs=1)
        stage.build(tmp_path / name / "out", given, inputs, tmp_path / name, batch_divisor=batch_divisor)
        record = about(tmp_path / name / "out")["training"]
        assert (record["batches_divided"], record["micro_batch"]) == (batch_divisor, expected)
        assert record["loss"] == pytest.approx(about(whole)["training"]["loss"], abs=1e-4)
        assert (
            largest_difference(weights(load_encoder(str(tmp_path / name / "out"))), weights(load_encoder(str(whole))))
            < 1e-3
        )


def test_a_killed_stage_goes_on(inputs, tmp_path, monkeypatch):
    whole = build(tmp_path / "whole", inputs)
    save = checkpoint.save

    def save_and_die(*arguments):
        save(*arguments)
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(checkpoint, "save", save_and_die)
        with pytest.raises(KeyboardInterrupt):
            build(tmp_path / "killed", inputs)
    out, scratch = tmp_path / "killed" / "out", tmp_path / "killed" / "scratch"
    assert not list(out.iterdir())
    stage.build(out, parameters(), inputs, scratch)
    assert about(out)["training"]["resumed_from"] == 3
    assert same_bits(weights(load_encoder(str(out))), weights(load_encoder(str(whole))))


def test_a_transplanted_encoder_is_trained_in_its_new_vocabulary(inputs, tmp_path):
    made_tokenizer("wordpiece", "russian").save_pretrained(tmp_path / "tokenizer")
    (tmp_path / "initialization").mkdir()
    chosen = {"encoder": inputs["encoder"], "tokenizer": Location(str(tmp_path / "tokenizer"))}
    initialization.build(
        tmp_path / "initialization",
        {
            "initializer": "univariate",
            "settings": {},
            "profile": "fixed",
            "overlap": "fuzzy",
            "donors": None,
            "seed": 5,
        },
        chosen,
    )
    lines = russian()
    documents = [(f"d{i}", "", line) for i, line in enumerate(lines[:16])]
    queries = [(f"q{i}", " ".join(line.split()[:3])) for i, line in enumerate(lines[:16])]
    judged = [(f"q{i}", f"d{i}", 1) for i in range(16)]
    beir.write(tmp_path / "ru", documents, queries, judged[:1], judged[1:])
    given = chosen | {
        "initialization": Location(str(tmp_path / "initialization")),
        "pairs": Location(str(tmp_path / "ru")),
    }
    out = build(tmp_path / "built", given)
    stored, written = about(tmp_path / "initialization"), about(out)
    assert written["label"] == stored["label"] == "univariate"
    assert written["statistics"] == stored["statistics"]
    assert written["training"]["pairs"] == 15
    encoder = load_encoder(str(out))
    assert encoder[0].processor.get_vocab() == made_tokenizer("wordpiece", "russian").get_vocab()
    vectors = encoder.encode(["новый учитель", "старый кот"]).to_dense()
    assert (
        vectors.shape == (2, max(encoder[0].processor.get_vocab().values()) + 1)
        and vectors.isfinite().all()
        and (vectors > 0).any()
    )


def test_a_collection_without_training_pairs(inputs, tmp_path):
    beir.write(tmp_path / "untrained", [("d", "", "cat")], [("q", "cat")], [("q", "d", 1)])
    with pytest.raises(ValueError, match=r"untrained has no training pairs \(qrels/train\.tsv\)"):
        build(tmp_path / "built", inputs | {"pairs": Location(str(tmp_path / "untrained"))})


@pytest.fixture(scope="module")
def ray_cluster():
    """The only Ray cluster of these tests: local, no dashboard. Its start and its workers' imports take long."""
    import ray

    if ray.is_initialized():  # somebody else's, who shuts it down
        yield
        return
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("RAY_TRAIN_HEALTH_CHECK_INTERVAL_S", "0.2")
        patch.setenv("RAY_ACCEL_ENV_VAR_OVERRIDE_ON_ZERO", "0")
        start_cluster(print)  # on a busy machine it needs more than one attempt
        yield
        ray.shutdown()


@pytest.mark.timeout(420)
@pytest.mark.slow
def test_a_group_of_two_workers_trains_what_one_worker_trains(inputs, tmp_path, ray_cluster):
    one, two = build(tmp_path / "one", inputs), build(tmp_path / "two", inputs, workers=2)
    single, group = about(one)["training"], about(two)["training"]
    for name in ("steps", "pairs", "resumed_from"):
        assert single[name] == group[name]
    for name in ("loss", "contrast", "sparsity", "query_active", "document_active"):
        assert group[name] == pytest.approx(single[name], rel=1e-4)
    left, right = (
        {k: v for k, v in weights(load_encoder(str(folder))).items() if "self.key.bias" not in k}
        for folder in (one, two)
    )
    assert largest_difference(left, right) < 1e-4
    newest = tmp_path / "two" / "scratch" / "step-9"
    assert sorted(path.name for path in newest.iterdir()) == [
        "digests.json",
        "random-0.safetensors",
        "random-1.safetensors",
        "shared.safetensors",
    ]


@pytest.mark.timeout(420)
@pytest.mark.slow
def test_a_group_raises_what_its_worker_raised(inputs, tmp_path, ray_cluster):
    """In one sentence, as one worker does: not Ray's error with the frames of a process somewhere else."""
    made_encoder_folder(tmp_path / "broken", bias=-1000.0)
    with pytest.raises(TrainingStopped) as alone:
        build(tmp_path / "one", inputs | {"encoder": Location(str(tmp_path / "broken"))})
    with pytest.raises(TrainingStopped) as together:
        build(tmp_path / "two", inputs | {"encoder": Location(str(tmp_path / "broken"))}, workers=2)
    assert str(together.value) == str(alone.value) and "0 active dimensions" in str(alone.value)
    assert "\n" not in str(together.value) and together.value.__cause__ is None
