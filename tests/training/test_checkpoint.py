"""A training that was killed goes on from its newest checkpoint and ends with the same bits."""

from __future__ import annotations

import shutil
import warnings

import pytest
import torch

from harness.training.loop import train
from harness.training.settings import TrainingSettings
from sembridge.encoder.loading import load_encoder
from tests.helpers.encoders_made import made_encoder_folder, same_bits, weights
from tests.helpers.pairs_made import toy_pairs
from tests.helpers.triton_device import NEEDS_GPU

# 15 steps; dropout and momentum: neither the random state nor the moments may get lost
SETTINGS = TrainingSettings(batch_size=8, epochs=3, learning_rate=5e-3, max_length=16, checkpoint_every=4)


class Killed(Exception):
    pass


def killed_at(step):
    def report(figures):
        if figures["step"] == step:
            raise Killed

    return report


@pytest.fixture(scope="module", params=[True, False], ids=["tied", "untied"])
def folder(request, tmp_path_factory):
    return str(made_encoder_folder(tmp_path_factory.mktemp("encoder"), dropout=0.2, tied=request.param))


@pytest.fixture(scope="module")
def uninterrupted(folder):
    encoder = load_encoder(folder)
    train(encoder, toy_pairs(), SETTINGS, 3)
    return weights(encoder)


@pytest.fixture(scope="module")
def checkpoints(folder, tmp_path_factory):
    """Folders step-4, step-8 and step-12, each left by a training that was killed there."""
    together = tmp_path_factory.mktemp("checkpoints")
    for step in (4, 8, 12):
        scratch = tmp_path_factory.mktemp(f"killed-at-{step}")
        with pytest.raises(Killed):
            train(load_encoder(folder), toy_pairs(), SETTINGS, 3, scratch, killed_at(step))
        (scratch / f"step-{step}").rename(together / f"step-{step}")
    return together


def with_checkpoints(scratch, checkpoints, *steps):
    for step in steps:
        shutil.copytree(checkpoints / f"step-{step}", scratch / f"step-{step}")


@pytest.mark.parametrize("steps", [[4], [8], [4, 12], [4, 4]], ids=str)
def test_killed_and_resumed_equals_uninterrupted(folder, uninterrupted, tmp_path, steps):
    for step in dict.fromkeys(steps):
        with pytest.raises(Killed):
            train(load_encoder(folder), toy_pairs(), SETTINGS, 3, tmp_path, killed_at(step))
        assert [path.name for path in tmp_path.iterdir()] == [
            f"step-{step}"
        ]  # only the newest, and nothing half-written
    torch.manual_seed(99), torch.rand(7)
    encoder = load_encoder(folder)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        figures = train(encoder, toy_pairs(), SETTINGS, 3, tmp_path)
    assert (figures["resumed_from"], figures["steps"]) == (steps[-1], 15)
    assert same_bits(weights(encoder), uninterrupted)
    assert [path.name for path in tmp_path.iterdir()] == ["step-12"]


def test_checkpoints_change_nothing(folder, uninterrupted, tmp_path):
    encoder = load_encoder(folder)
    train(encoder, toy_pairs(), SETTINGS.model_copy(update={"checkpoint_every": 1}), 3, tmp_path)
    assert same_bits(weights(encoder), uninterrupted)
    assert [path.name for path in tmp_path.iterdir()] == ["step-14"]


def test_a_checkpoint_is_safetensors_and_their_digests(checkpoints):
    assert sorted(path.name for path in (checkpoints / "step-4").iterdir()) == [
        "digests.json",
        "random-0.safetensors",
        "shared.safetensors",
    ]


def test_a_checkpoint_killed_while_being_written_does_not_count(folder, uninterrupted, checkpoints, tmp_path):
    with_checkpoints(tmp_path, checkpoints, 4)
    half = tmp_path / ".step-8"
    half.mkdir()
    (half / "shared.safetensors").write_bytes(b"half")
    (half / "random-0.safetensors").write_bytes(b"")
    encoder = load_encoder(folder)
    assert train(encoder, toy_pairs(), SETTINGS, 3, tmp_path)["resumed_from"] == 4
    assert same_bits(weights(encoder), uninterrupted)
    assert [path.name for path in tmp_path.iterdir()] == ["step-12"]


def test_a_kill_between_the_new_checkpoint_and_the_removal_of_the_old_one(folder, uninterrupted, checkpoints, tmp_path):
    with_checkpoints(tmp_path, checkpoints, 8, 12)
    encoder = load_encoder(folder)
    assert train(encoder, toy_pairs(), SETTINGS, 3, tmp_path)["resumed_from"] == 12
    assert same_bits(weights(encoder), uninterrupted)


@pytest.mark.parametrize("file", ["shared.safetensors", "random-0.safetensors", "digests.json"])
@pytest.mark.parametrize("harm", ["flip", "cut", "remove"])
def test_a_damaged_checkpoint_is_not_gone_on_from(folder, uninterrupted, checkpoints, tmp_path, file, harm):
    with_checkpoints(tmp_path, checkpoints, 4, 8)
    content = bytearray((tmp_path / "step-8" / file).read_bytes())
    content[-1] ^= 1
    (tmp_path / "step-8" / file).write_bytes(content if harm == "flip" else content[:-9])
    if harm == "remove":
        (tmp_path / "step-8" / file).unlink()
    encoder = load_encoder(folder)
    assert train(encoder, toy_pairs(), SETTINGS, 3, tmp_path)["resumed_from"] == 4
    assert same_bits(weights(encoder), uninterrupted)
    shutil.copytree(tmp_path / "step-12", tmp_path / "step-14")
    (tmp_path / "step-12" / file).unlink()
    (tmp_path / "step-14" / file).unlink()
    with pytest.raises(Killed):  # from the beginning: step 4 is met again
        train(load_encoder(folder), toy_pairs(), SETTINGS, 3, tmp_path, killed_at(4))


@NEEDS_GPU
@pytest.mark.gpu
def test_on_a_gpu_dropout_goes_on_where_it_was(folder, tmp_path):
    """The GPU has a random state of its own. Its sums may round differently in every run, hence a tolerance."""

    def trained(scratch, *killed):
        encoder = load_encoder(folder).to("cuda")
        train(encoder, toy_pairs(), SETTINGS.model_copy(update={"precision": "float32"}), 3, scratch, *killed)
        return weights(encoder.cpu())

    whole = trained(None)
    with pytest.raises(Killed):
        trained(tmp_path, killed_at(8))
    torch.cuda.manual_seed(99)
    again = trained(tmp_path)
    assert max(float((again[name] - whole[name]).abs().max()) for name in whole) < 1e-5


def test_tied_weights_stay_tied(folder, checkpoints, tmp_path):
    with_checkpoints(tmp_path, checkpoints, 12)
    encoder = load_encoder(folder)
    tied = encoder[0].model.config.tie_word_embeddings
    train(encoder, toy_pairs(), SETTINGS, 3, tmp_path)
    assert (encoder[0].model.get_output_embeddings().weight is encoder[0].model.get_input_embeddings().weight) == tied
