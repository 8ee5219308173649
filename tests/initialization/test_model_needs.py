"""The needs `encoder` and `donor`: the same rows in the library, in a grid and by the command."""

from __future__ import annotations

import json

import numpy as np
import pytest

from harness.cli.main import main
from harness.plan.load_preset import load_preset
from harness.plan.plan import plan
from harness.plan.preset import PresetError
from harness.store.store import Store
from sembridge import transfer
from sembridge.donor import load_donor
from sembridge.encoder.loading import load_encoder, load_tokenizer
from sembridge.encoder.transplant import source_rows
from sembridge.initializer import OWN
from sembridge.model_card.record import load_record
from sembridge.pipeline import make_task
from tests.helpers.encoder_readers_made import Running, Taught, outputs
from tests.helpers.paths import PRESETS
from tests.helpers.registered import register

TOYS = {kind.name: kind for kind in (Running, Taught)}


@pytest.fixture
def registered(monkeypatch, tmp_path):
    register(tmp_path / "site", monkeypatch, TOYS)


@pytest.fixture
def models(own_data):
    return [str(own_data / "source"), str(own_data / "tokenizers" / "ru")]


def rows_of(models, model, scale=1.0):
    """What the missing rows are, and their ids."""
    encoder, tokenizer = load_encoder(models[0]), load_tokenizer(models[1])
    task = make_task(encoder, tokenizer)
    return task.missing, scale * outputs(model, task)


def cell_of(own_data, name, *settings):
    chosen = {"languages": ["ru"], "initializers": [name], "regimes": ["zero-shot"]}
    return plan(load_preset("own-data", PRESETS, [f"data={own_data}", *settings], chosen))[0]


def initialization_of(cell):
    (artifact,) = [part for part in cell.artifact.walk() if part.stage.name == "initialization"]
    return artifact


def stored_rows(folder, models):
    from harness.initialization.initialization import load

    return load(folder, load_encoder(models[0]))[0]


def test_a_method_runs_the_source_encoder(registered, models, own_data, tmp_path):
    missing, expected = rows_of(models, load_encoder(models[0]), scale=2.0)
    encoder = transfer(*models, Running(scale=2.0))
    np.testing.assert_allclose(source_rows(encoder)[missing], expected, rtol=1e-5)
    assert "encoder" not in encoder.transfer_record.recipe.inputs, "the source is there already"
    assert (transfer(*models, "toy-running").transfer_record.origin[missing] == OWN).all(), "its name is enough"

    out = tmp_path / "out"
    options = ["--initializer", "toy-running", "--set", "scale=2", "--out", str(out)]
    assert main(["transfer", models[0], "--tokenizer", models[1], *options]) == 0
    assert np.array_equal(source_rows(load_encoder(str(out))), source_rows(encoder))

    artifact = initialization_of(cell_of(own_data, "toy-running", "settings.toy-running.scale=2"))
    assert sorted(artifact.inputs) == ["encoder", "tokenizer"]
    store = Store(tmp_path / "store")
    store.create()
    store.make(artifact)
    assert np.array_equal(stored_rows(store.path(artifact), models).rows, source_rows(encoder))


@pytest.mark.parametrize("kind", ["sparse", "dense"])
def test_a_method_reads_a_donor(registered, models, own_data, folders, tmp_path, capsys, kind):
    donor = folders["roberta", True] if kind == "sparse" else str(own_data / "bridge")
    missing, expected = rows_of(models, load_donor(donor))
    encoder = transfer(*models, Taught(load_donor(donor)))
    np.testing.assert_allclose(source_rows(encoder)[missing], expected, rtol=1e-5)

    out = tmp_path / "out"
    options = ["--initializer", "toy-taught", "--donor", donor, "--out", str(out)]
    assert main(["transfer", models[0], "--tokenizer", models[1], *options]) == 0
    assert "donor      " in capsys.readouterr().out
    assert np.array_equal(source_rows(load_encoder(str(out))), source_rows(encoder))
    assert load_record(out).recipe.inputs["donor"].name == donor.rpartition("/")[2]

    cell = cell_of(own_data, "toy-taught", f"donor={donor}")
    store = Store(tmp_path / "store")
    store.create()
    store.make(initialization_of(cell))
    assert np.array_equal(stored_rows(store.path(initialization_of(cell)), models).rows, source_rows(encoder))
    other = folders["distilbert", True]
    assert initialization_of(cell_of(own_data, "toy-taught", f"donor={other}")).key != initialization_of(cell).key


@pytest.mark.parametrize(
    ("typed", "message"),
    [
        ([], "initializer 'toy-taught' needs another encoder, sparse or dense, to learn from: add --donor MODEL"),
        (["--donor", "./nowhere"], "--donor './nowhere' does not exist here; check the path, or give a hub id"),
        (["--donor", "a/b"], "'a/b' does not exist here; if it is a hub model, add its pinned revision as a/b@COMMIT"),
        (["--donor", "{empty}"], "has neither modules.json nor config.json; give the folder of an encoder"),
        (["--donor", "pocket:bridge@abc"], "--donor 'abc' has no effect"),
        (["--initializer", "mean", "--donor", "{donor}"], "initializer 'mean' does not use --donor; leave it out"),
    ],
)
def test_the_command_refuses(registered, models, folders, tmp_path, capsys, typed, message):
    (tmp_path / "empty").mkdir()
    typed = [word.format(empty=tmp_path / "empty", donor=folders["bert", True]) for word in typed]
    options = ["--tokenizer", models[1], "--initializer", "toy-taught", "--out", str(tmp_path / "out"), *typed]
    assert main(["transfer", models[0], *options]) == 2
    err = capsys.readouterr().err
    assert message in err and err.count("\n") == 1 and not (tmp_path / "out").exists()


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ([], "initializer 'toy-taught' needs another encoder, sparse or dense, to learn from: add --set donor=MODEL"),
        (["donor=./nowhere"], "donor: './nowhere' does not exist here; check the path"),
        (["donor=a/b"], "donor: 'a/b' does not exist here; if it is a hub model, .*--set donor=a/b@COMMIT"),
        (["donor={empty}"], "donor: .* has neither modules.json nor config.json"),
        (["settings.toy-taught.donor=x"], "settings.toy-taught.donor is set by the grid; use the option donor instead"),
    ],
)
def test_a_grid_refuses(registered, own_data, tmp_path, settings, message):
    (tmp_path / "empty").mkdir()
    with pytest.raises(PresetError, match=message):
        cell_of(own_data, "toy-taught", *(setting.format(empty=tmp_path / "empty") for setting in settings))


def test_a_grid_takes_a_donor_on_the_hub_and_one_for_each_language(registered, own_data, folders, tmp_path):
    (source,) = {initialization_of(cell_of(own_data, "toy-taught", "donor=a/b@abc")).inputs["donor"]}
    assert (source.name, source.revision) == ("a/b", "abc")
    (tmp_path / "ru").symlink_to(folders["bert", True])
    artifact = initialization_of(cell_of(own_data, "toy-taught", f"donor={tmp_path}/{{language}}"))
    assert json.dumps(str(artifact.inputs["donor"].path)) == json.dumps(str(folders["bert", True]))
