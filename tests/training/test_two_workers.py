"""Two workers with half a batch each equal one worker with all of it: loss, FLOPS, gradients, weights. No Ray."""

from __future__ import annotations

import json

import pytest
from safetensors.torch import load_file

from harness.training.loop import train
from sembridge.encoder.loading import load_encoder
from tests.helpers.encoders_made import largest_difference, made_encoder_folder, same_bits, weights
from tests.helpers.fresh_process import run_fresh
from tests.helpers.pairs_made import toy_pairs
from tests.helpers.paths import ROOT
from tests.helpers.two_workers import (
    SEED,
    STOPPED,
    Represented,
    curve_of,
    parallel_gradients,
    plain_training,
    write_collection,
)

WORKERS = """
import sys
from pathlib import Path
import torch.multiprocessing
from tests.helpers.two_workers import work
*models, folder = sys.argv[1:]
torch.multiprocessing.start_processes(work, args=(*models, Path(folder)), nprocs=2, start_method="fork")
"""

# PLAIN's 60 pairs in batches of 16, three times.
STEPS = 9
# A constant added to all scores of a softmax changes nothing: a key bias's gradient is rounding, which Adam amplifies.
NOISE = "attention.self.key.bias"


@pytest.fixture(scope="module")
def outcome(tmp_path_factory):
    folder = tmp_path_factory.mktemp("workers")
    plain = made_encoder_folder(folder / "plain")
    dropout = made_encoder_folder(folder / "with-dropout", dropout=0.2)
    broken = made_encoder_folder(folder / "broken", bias=-1000.0)
    write_collection(folder / "toy")
    ran = run_fresh(["-c", WORKERS, plain, dropout, broken, folder], ROOT)
    assert ran.returncode == 0, ran.stderr
    plain_training(str(plain), folder / "one")
    return folder


def effective(stored):
    return {name: value for name, value in stored.items() if not name.endswith(NOISE)}


def test_loss_and_flops_are_those_of_the_global_batch(outcome):
    one, first, second = (
        json.loads((outcome / name / "figures.json").read_text()) for name in ("one", "0/plain", "1/plain")
    )
    assert len(one) == len(first) == STEPS
    for single, left, right in zip(one, first, second, strict=True):
        for name in ("loss", "contrast", "sparsity", "query_active", "document_active"):
            assert left[name] == right[name] == pytest.approx(single[name], rel=1e-5), name
    assert all(figures["sparsity"] > 0.01 for figures in one)


def test_gradients_are_those_of_the_global_batch(outcome):
    for step in range(STEPS):
        one, first, second = (
            load_file(outcome / name / f"gradients-{step}.safetensors") for name in ("one", "0/plain", "1/plain")
        )
        assert same_bits(first, second)
        largest = max(float(value.abs().max()) for value in one.values())
        assert largest_difference(one, first) < 1e-5 * largest


def test_weights_are_the_same_on_both_workers_and_as_with_one(outcome):
    one, first, second = (load_file(outcome / name / "weights.safetensors") for name in ("one", "0/plain", "1/plain"))
    assert same_bits(first, second)
    assert largest_difference(effective(one), effective(first)) < 1e-5
    start = weights(load_encoder(str(outcome / "plain")))
    assert largest_difference(start, first) > 1e-3


def test_micro_batches_on_two_workers_are_the_global_batch(outcome):
    for step in range(STEPS):
        one, first, second = (
            load_file(outcome / name / f"gradients-{step}.safetensors") for name in ("one", "0/micro", "1/micro")
        )
        assert same_bits(first, second)
        assert largest_difference(one, first) < 1e-5 * max(float(value.abs().max()) for value in one.values())


def test_pytorchs_own_data_parallelism_finds_the_gradients_of_the_sparse_head(outcome):
    parallel_gradients(
        Represented(str(outcome / "plain")),
        [pair.passage for pair in toy_pairs()][:16],
        outcome / "parallel.safetensors",
    )
    one, first, second = (load_file(outcome / name / "parallel.safetensors") for name in (".", "0", "1"))
    assert same_bits(first, second) and one.keys() == first.keys()
    mean = {name: gradient / 2 for name, gradient in one.items()}
    assert largest_difference(mean, first) < 1e-5 * max(float(value.abs().max()) for value in mean.values())


def test_two_workers_killed_and_resumed_end_with_the_same_bits(outcome):
    """Dropout differs between the workers, so each has to get its own random state back."""
    for rank in "01":
        assert json.loads((outcome / rank / "report.json").read_text())["resumed_from"] == 4
        assert same_bits(
            load_file(outcome / rank / "whole.safetensors"), load_file(outcome / rank / "resumed.safetensors")
        )
    assert [path.name for path in (outcome / "dropout").iterdir()] == ["step-8"]
    names = sorted(path.name for path in (outcome / "dropout" / "step-8").iterdir())
    assert names == ["digests.json", "random-0.safetensors", "random-1.safetensors", "shared.safetensors"]
    randoms = [load_file(outcome / "dropout" / "step-8" / name)["random"] for name in names[1:3]]
    assert not randoms[0].equal(randoms[1])


def test_a_training_of_two_workers_can_go_on_with_one(outcome):
    encoder = load_encoder(str(outcome / "plain"))
    assert train(encoder, toy_pairs(3), STOPPED, SEED, outcome / "two-then-one")["resumed_from"] == 4
    assert (
        largest_difference(effective(load_file(outcome / "one" / "weights.safetensors")), effective(weights(encoder)))
        < 1e-5
    )


def test_both_workers_see_the_same_errors(outcome):
    first, second = (json.loads((outcome / rank / "report.json").read_text())["errors"] for rank in "01")
    assert first == second and first.keys() == {"killed", "few", "stopped"}
    assert "3 training pairs are too few for 2 worker(s)" in first["few"]
    assert "0 active dimensions" in first["stopped"]


def test_two_workers_measure_together_what_one_measures(outcome):
    """Each searches a share of the documents. They were killed after the checkpoint of step 5, and went on."""
    one = curve_of(outcome, load_encoder(str(outcome / "plain")), outcome / "curve-of-one")
    first, second, kept = (json.loads((outcome / name / "curve.json").read_text()) for name in ("0", "1", "curve"))
    assert first == second == kept["points"]
    assert [(point["step"], point["pairs"]) for point in first] == [(0, 0), (5, 80), (9, 144)]
    assert first[0] == one[0], "the same encoder: the same bits"
    for single, both in zip(one, first, strict=True):
        for part in ("scores", "statistics"):
            assert both[part] == pytest.approx(single[part], rel=1e-3)
    assert first[0]["scores"]["ndcg@10"] != first[-1]["scores"]["ndcg@10"]
