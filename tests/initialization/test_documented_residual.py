"""The example of docs/add-an-initializer.md with a residual: installed, by the command, explained, and in a grid."""

from __future__ import annotations

import json

import numpy as np
import pytest

from harness.cli.main import main
from harness.initialization.initialization import load
from harness.plan.load_preset import load_preset
from harness.plan.plan import plan
from harness.store.store import Store
from sembridge.encoder.loading import load_encoder
from sembridge.encoder.transplant import source_rows
from sembridge.initializer import MIXED
from sembridge.model_card.record import load_record
from tests.helpers.documented_packages import install
from tests.helpers.paths import PRESETS, ROOT


@pytest.fixture
def installed(tmp_path, monkeypatch):
    (tmp_path / "site").mkdir()
    install(ROOT / "docs" / "add-an-initializer.md", "restored-rows", tmp_path / "site")
    monkeypatch.syspath_prepend(str(tmp_path / "site"))


def test_the_documented_method(installed, own_data, tmp_path, capsys):
    source, out = own_data / "source", tmp_path / "made"
    options = ["--tokenizer", own_data / "tokenizers" / "ru", "--bridge", own_data / "bridge", "--bridge-prompt", ""]
    assert main(["transfer", *map(str, [source, *options, "--initializer", "restored", "--out", out])]) == 0
    assert "% of the squared length is their own" in capsys.readouterr().out
    record, rows = load_record(out), source_rows(load_encoder(str(out))).astype(np.float64)
    lengths = np.square(source_rows(load_encoder(str(source))).astype(np.float64)).sum(axis=1)
    mixed = np.flatnonzero(record.origin == MIXED)
    several = [i for i in mixed.tolist() if record.support[i] > 1]
    assert len(several) > 9 and (record.own[several] > 0).all() and (record.own[record.origin != MIXED] == 0).all()
    # The own part need not be at a right angle to the mixture, so lengths are restored on the average alone.
    wanted = [sum(weight * lengths[donor] for donor, weight in record.donors_of(i)) for i in several]
    assert np.square(rows[several]).sum() == pytest.approx(sum(wanted), rel=0.15)

    token = record.target.tokens[several[0]]
    assert main(["explain", str(out), token, "--format", "json"]) == 0
    (told,) = json.loads(capsys.readouterr().out)["tokens"]
    assert told["own"] == pytest.approx(float(record.own[several[0]])) and told["support"] > 1
    assert main(["explain", str(out), token]) == 0
    assert f"and a direction of its own ({told['own']:.0%} of its squared length)" in capsys.readouterr().out

    chosen = {"languages": ["ru"], "initializers": ["restored"], "regimes": ["zero-shot"]}
    settings = [f"data={own_data}", "bridges.bridge.prompt="]
    (cell,) = plan(load_preset("own-data", PRESETS, settings, chosen))
    (artifact,) = [part for part in cell.artifact.walk() if part.stage.name == "initialization"]
    store = Store(tmp_path / "store")
    store.create()
    store.make(artifact)
    answer, _ = load(store.path(artifact), load_encoder(str(source)))
    np.testing.assert_array_equal(answer.rows, source_rows(load_encoder(str(out))))
