"""Scores along a training: which steps, that they are those of an evaluation, and that the training does not notice."""

from __future__ import annotations

import json
import logging
import shutil

import pytest
import torch

from harness.collections import beir
from harness.evaluation import stage as evaluation
from harness.evaluation.measurement import MEASUREMENT
from harness.store.artifact import Location
from harness.training import stage
from harness.training.curve import Curve, point_steps, scores_on
from harness.training.loop import Pair, train
from harness.training.settings import TrainingSettings
from sembridge.encoder.loading import load_encoder
from tests.helpers.encoders_made import made_encoder_folder, same_bits, weights
from tests.helpers.pairs_made import toy_pairs

# 10 steps; dropout, so that the random state matters
SETTINGS = TrainingSettings(batch_size=8, epochs=2, learning_rate=5e-3, max_length=16, checkpoint_every=4)
EVALUATION = {"k": 100, "max_length": 16, "precision": "float32"}


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """encoder, with dropout; toy: the passages of the toy pairs and others, half of the questions to train on."""
    folder = tmp_path_factory.mktemp("curve")
    made_encoder_folder(folder / "encoder", dropout=0.2)
    pairs = toy_pairs()
    documents = {f"d{pair.document}": pair.passage for pair in pairs} | {
        f"other{i}": f"cat river {'song ' * i}" for i in range(9)
    }
    queries = [(f"q{i}", pair.question) for i, pair in enumerate(pairs)]
    judged = [(f"q{i}", f"d{pair.document}", 1) for i, pair in enumerate(pairs)]
    beir.write(
        folder / "toy",
        [(i, "", text) for i, text in documents.items()],
        queries,
        judged[::2],
        [*judged[1::2], ("q1", "d5", 1)],
    )
    return folder


@pytest.fixture(scope="module")
def undisturbed(folder):
    encoder = load_encoder(str(folder / "encoder"))
    train(encoder, toy_pairs(), SETTINGS, 3)
    return weights(encoder)


@pytest.mark.parametrize(
    ("steps", "points", "expected"),
    [
        (10, 5, [0, 2, 4, 6, 8, 10]),
        (5, 3, [0, 2, 3, 5]),  # 1.67, 3.33
        (10, 4, [0, 3, 5, 8, 10]),  # 2.5, 7.5
        (2062, 1, [0, 2062]),
        (3, 10, [0, 1, 2, 3]),
    ],
)
def test_points_are_evenly_spaced_and_end_with_the_last_step(steps, points, expected):
    assert point_steps(steps, points) == expected


def test_a_training_does_not_notice_that_it_is_measured(folder, undisturbed):
    """Neither by real scores, nor by a measurement that draws random numbers and changes modes."""
    seen = []

    def rude(encoder):
        assert not any(module.training for module in encoder.modules())
        torch.rand(5)
        torch.manual_seed(1)
        seen.append(weights(encoder))
        return {}

    measure = scores_on(folder / "toy", EVALUATION)
    for each in (rude, measure):
        curve = Curve(4, each)
        encoder = load_encoder(str(folder / "encoder"))
        figures = train(encoder, toy_pairs(), SETTINGS, 3, curve=curve)
        assert same_bits(weights(encoder), undisturbed) and not encoder.training and figures["steps"] == 10
        assert [(point["step"], point["pairs"]) for point in curve.points] == [
            (0, 0),
            (3, 24),
            (5, 40),
            (8, 64),
            (10, 80),
        ]
        assert curve.seconds > 0
    assert same_bits(seen[0], weights(load_encoder(str(folder / "encoder")))) and same_bits(seen[-1], undisturbed)
    assert not same_bits(seen[1], seen[2])
    assert len({point["scores"]["ndcg@10"] for point in curve.points}) > 2


@pytest.mark.parametrize("killed", [0, 3, 5, 8, 10], ids="killed while measuring step {}".format)
def test_points_measured_before_a_kill_are_kept(folder, undisturbed, tmp_path, killed):
    """A checkpoint comes before each point, so nothing but the measurement under way is repeated."""
    calls = []

    def measure(encoder):
        calls.append(float(weights(encoder)["cls.predictions.bias"].double().sum()))
        if len(calls) == [0, 3, 5, 8, 10].index(killed) + 1:
            raise KeyboardInterrupt
        return {"scores": {"sum": calls[-1]}}

    with pytest.raises(KeyboardInterrupt):
        train(
            load_encoder(str(folder / "encoder")), toy_pairs(), SETTINGS, 3, tmp_path, curve=Curve(4, measure, tmp_path)
        )
    before = len(calls)
    encoder, curve = load_encoder(str(folder / "encoder")), Curve(4, measure, tmp_path)
    figures = train(encoder, toy_pairs(), SETTINGS, 3, tmp_path, curve=curve)
    assert figures["resumed_from"] == (killed if killed < 10 else 8)
    assert same_bits(weights(encoder), undisturbed)
    assert len(calls) == 5 + 1 and calls[before] == calls[before - 1]
    assert [(point["step"], point["scores"]["sum"]) for point in curve.points] == list(
        zip([0, 3, 5, 8, 10], calls[: before - 1] + calls[before:], strict=True)
    )
    assert json.loads((tmp_path / "curve.json").read_text())["points"] == curve.points


@pytest.mark.parametrize("lost", ["points", "checkpoint"])
def test_without_its_points_or_its_checkpoint_a_training_begins_anew(folder, undisturbed, tmp_path, caplog, lost):
    measured: list[float] = []

    def measure(encoder):
        if len(measured) == 3:
            measured.append(0)
            raise KeyboardInterrupt
        measured.append(float(weights(encoder)["cls.predictions.bias"].double().sum()))
        return {"scores": {"sum": measured[-1]}}

    with pytest.raises(KeyboardInterrupt):
        train(
            load_encoder(str(folder / "encoder")), toy_pairs(), SETTINGS, 3, tmp_path, curve=Curve(4, measure, tmp_path)
        )
    assert [path.name for path in tmp_path.glob("step-*")] == ["step-8"]
    if lost == "points":
        (tmp_path / "curve.json").write_bytes((tmp_path / "curve.json").read_bytes()[:-20])
    else:
        shutil.rmtree(tmp_path / "step-8")
    encoder, curve = load_encoder(str(folder / "encoder")), Curve(4, measure, tmp_path)
    assert train(encoder, toy_pairs(), SETTINGS, 3, tmp_path, curve=curve)["resumed_from"] == 0
    assert same_bits(weights(encoder), undisturbed)
    assert [point["step"] for point in curve.points] == [0, 3, 5, 8, 10]
    kept = 0 if lost == "points" else 1
    assert [point["scores"]["sum"] for point in curve.points] == measured[:kept] + measured[4:] and measured[
        4 : 7 - kept
    ] == measured[kept:3]
    assert ("curve.json is damaged: the training starts again without it" in caplog.text) == (lost == "points")
    assert ("step-8 comes after step 0, whose measurement is lost: the training continues" in caplog.text) == (
        lost == "points"
    )


@pytest.mark.parametrize(
    "damaged",
    [lambda text: text[:-20],
     lambda text: text.replace("0.25", "0.75"),
     lambda text: text.replace('"step": 3', '"step": 4'),
     lambda text: json.dumps(json.loads(text)["points"]),
     lambda text: "[" * 100_000,
     lambda text: "7",
     lambda text: "\udcff"],
    ids=["cut", "score", "step", "no digest", "deep", "number", "no text"],
)  # fmt: skip
def test_a_damaged_point_is_not_trusted(folder, tmp_path, damaged):
    earlier, encoder = (
        Curve(4, lambda encoder: {"scores": {"ndcg@10": 0.25}}, tmp_path),
        load_encoder(str(folder / "encoder")),
    )
    earlier.begin(10, 8)
    for step in (0, 3):
        earlier.reach(step, encoder)
    assert Curve(4, dict, tmp_path).begin(10, 8) == 5
    file = tmp_path / "curve.json"
    file.write_bytes(damaged(file.read_text()).encode(errors="surrogateescape"))
    curve = Curve(4, dict, tmp_path)
    assert curve.begin(10, 8) == 0 and curve.points == []


def test_points_after_the_checkpoint_a_training_goes_on_from_are_measured_again(folder, tmp_path):
    earlier, encoder = Curve(4, lambda encoder: {}, tmp_path), load_encoder(str(folder / "encoder"))
    assert earlier.begin(10, 8) == 0, "nothing was measured, so the training has to begin at its start"
    for step in (0, 3, 5):
        earlier.reach(step, encoder)
    curve = Curve(4, dict, tmp_path)
    assert curve.begin(10, 8) == 8, "a checkpoint after 8 steps may be there; one after 9 would leave a point out"
    curve.go_on(4)
    assert [point["step"] for point in curve.points] == [0, 3]
    assert [step for step in range(11) if curve.due(step)] == [5, 8, 10]


def test_fewer_steps_than_points_are_said(caplog):
    with caplog.at_level(logging.WARNING):
        Curve(8, dict).begin(5, 8)
    assert "training.points is 8, and the training has 5 steps: every step is measured" in caplog.text


@pytest.fixture(scope="module")
def built(folder, tmp_path_factory):
    """The stage with a curve and without, and the evaluation of the encoder before, and after."""
    root = tmp_path_factory.mktemp("built")
    given = {"encoder": Location(str(folder / "encoder")), "pairs": Location(str(folder / "toy"))}
    collection = {"collection": Location(str(folder / "toy"))}
    parameters = {
        "training": SETTINGS.model_dump(),
        "workers": 1,
        "bias": "transfer",
        "special_ids": "target",
        "seed": 3,
    }
    for name in ("plain", "curve", "before", "after", "scratch", "another-scratch"):
        (root / name).mkdir()
    stage.build(root / "plain", parameters, given, root / "scratch")
    stage.build(
        root / "curve",
        parameters | {"points": 2, "evaluation": EVALUATION},
        given | collection,
        root / "another-scratch",
    )
    evaluation.build(root / "before", EVALUATION, {"encoder": given["encoder"], **collection})
    evaluation.build(root / "after", EVALUATION, {"trained": Location(str(root / "curve")), **collection})
    return root


def read_json(folder, name):
    return json.loads((folder / name).read_text(encoding="utf-8"))


def test_the_ends_of_a_curve_are_the_evaluations_of_its_cell(built):
    """To the last digit: the first point is the cell before training, the last one the cell after it."""
    points = read_json(built / "curve", "about.json")["curve"]
    assert [point["step"] for point in points] == [0, 2, 4]
    for name, point in (("before", points[0]), ("after", points[-1])):
        measured = read_json(built / name, MEASUREMENT)
        assert point["scores"] == measured["scores"] and point["statistics"] == measured["statistics"]
    assert points[0]["scores"] != points[-1]["scores"]
    assert read_json(built / "after", MEASUREMENT)["about"]["curve"] == points


def test_the_artifact_holds_the_same_encoder_with_a_curve_and_without(built):
    assert same_bits(*(weights(load_encoder(str(built / name))) for name in ("plain", "curve")))
    assert "curve" not in read_json(built / "plain", "about.json")


def test_training_on_streamed_pairs_gives_the_bits_of_training_on_the_collection_in_memory(folder, built):
    numbers = {}
    collection = beir.load(folder / "toy")
    assert len(collection.document_ids) > len({document for _, document, _ in collection.training}) == 20
    pairs = [
        Pair(query, text, numbers.setdefault(document, len(numbers))) for query, document, text in collection.training
    ]
    encoder = load_encoder(str(folder / "encoder"))
    train(encoder, pairs, SETTINGS, 3)
    assert same_bits(weights(encoder), weights(load_encoder(str(built / "plain"))))
