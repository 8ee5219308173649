"""Documents searched in shares give the same bits as in one pass, and a finished share is not searched again."""

import json

import pandas as pd
import pytest

from harness.estimate.remaining import is_shared
from harness.evaluation.measurement import MEASUREMENT, QUERIES, RUN
from harness.plan.load_preset import load_preset
from harness.plan.plan import missing, plan
from harness.retrieval import retrieval
from harness.store.store import Store
from sembridge.search import encode
from tests.helpers.paths import PRESETS


@pytest.fixture
def cells_of(own_data, tmp_path):
    def make(shares, *options, **choices):
        options = [
            f"data={own_data}",
            f"evaluation.shares={shares}",
            "training.max_length=16",
            "training.batch_size=4",
            *options,
        ]
        return plan(
            load_preset("own-data", PRESETS, options, {"languages": ["ru"], "initializers": ["mean"]} | choices)
        )

    return make


@pytest.mark.slow
def test_scores_run_and_activity_do_not_depend_on_shares(cells_of, tmp_path, monkeypatch):
    for module in (encode, retrieval):
        monkeypatch.setattr(module, "WINDOW", 4)  # several windows in a small corpus
    store = Store(tmp_path / "store")
    store.create()
    found = []
    for shares in (1, 3, 100):  # a hundred: most of them are empty
        (cell,) = cells_of(shares, regimes=["zero-shot"])
        store.make(cell.artifact)
        folder = store.path(cell.artifact)
        written = json.loads((folder / MEASUREMENT).read_text(encoding="utf-8"))
        told = {name: written[name] for name in ("scores", "statistics", "documents", "queries", "about")}
        found.append((told, (folder / RUN).read_bytes(), pd.read_parquet(folder / QUERIES).to_csv()))
    assert found[0] == found[1] == found[2]
    assert found[0][0]["documents"] > 3 * 4


def test_smaller_batches_of_any_share_are_recorded(cells_of, tmp_path):
    store = Store(tmp_path / "store")
    store.create()
    (cell,) = cells_of(3, regimes=["zero-shot"])
    shares = [artifact for artifact in cell.artifact.walk() if artifact.stage.name == "evaluation-share"]
    for share, batch_divisor in zip(shares, (4, 1, 16), strict=True):
        store.make(share, batch_divisor)
    store.make(cell.artifact, 64)  # which has no batches of its own then
    assert (
        json.loads((store.path(cell.artifact) / MEASUREMENT).read_text(encoding="utf-8"))["about"]["batches_divided"]
        == 16
    )


def test_shares_are_artifacts_that_other_nodes_make_and_a_later_run_finds(cells_of, tmp_path):
    store = Store(tmp_path / "store")
    store.create()
    (zero,), (tuned,) = cells_of(3, regimes=["zero-shot"]), cells_of(3, regimes=["fine-tuned"])
    shares = [artifact for artifact in zero.artifact.walk() if artifact.stage.name == "evaluation-share"]
    assert [artifact.parameters["share"] for artifact in shares] == [0, 1, 2] and all(map(is_shared, shares))
    assert not any(
        is_shared(artifact) for artifact in tuned.artifact.walk() if artifact.stage.name == "evaluation-share"
    ), "they come with the training"
    store.make(shares[1])
    assert {
        artifact.parameters["share"] for artifact in missing([zero], store) if artifact.stage.name == "evaluation-share"
    } == {0, 2}
    assert cells_of(1, regimes=["zero-shot"])[0].artifact.key != zero.artifact.key
