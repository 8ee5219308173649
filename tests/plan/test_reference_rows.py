"""Sparse retrievers as rows: planned and shared like other references, refused early, in tables of both regimes."""

import json
import shutil

import pandas as pd
import pytest

from harness.plan.load_preset import load_preset
from harness.plan.plan import plan
from harness.plan.preset import PresetError
from harness.plan.revisions import unpinned
from tests.helpers.paths import PRESETS
from tests.helpers.reference_models_made import made_bge_m3_folder, made_milco_folder


@pytest.fixture(scope="module")
def models(tmp_path_factory):
    folder = tmp_path_factory.mktemp("models")
    made_bge_m3_folder(folder / "m3")
    made_milco_folder(folder / "milco")
    return folder


@pytest.fixture
def cells_of(own_data):
    def make(*overrides, **choices):
        preset = load_preset(
            "own-data", PRESETS, [f"data={own_data}", *overrides], {"languages": ["ru", "en"]} | choices
        )
        return preset, plan(preset)

    return make


def test_one_artifact_for_all_architectures_stages_and_seeds(cells_of, own_data, models):
    named = f"references={{m3: {{model: {models}/m3, kind: bge-m3}}, own: {own_data}/source, unasked: nowhere}}"
    _, cells = cells_of(
        named, f"architectures.other.model={own_data}/source", initializers=["base", "m3", "own"], seeds=[1, 2]
    )
    rows = [cell for cell in cells if cell.identity.initializer in ("m3", "own")]
    assert {(cell.label, cell.reference, cell.identity.bridge, cell.artifact.stage.name) for cell in rows} == {
        ("m3", True, "", "reference"),
        ("own", True, "", "reference"),
    }
    assert len(rows) == 2 * 2 * 2 * 2 * 2 and len({cell.artifact.key for cell in rows}) == 2 * 2, (
        "one a model and language"
    )
    renamed = cells_of(f"references.x={{model: {models}/m3, kind: bge-m3}}", initializers=["x"])[1]
    assert {cell.artifact.key for cell in renamed} == {cell.artifact.key for cell in rows if cell.label == "m3"}


def test_milco_s_precision_is_its_own(cells_of, models):
    milco = f"references.milco={{model: {models}/milco, kind: milco, remote_code: true}}"
    keys = [
        {cell.artifact.key for cell in cells_of(milco, f"evaluation.{option}", initializers=["milco"])[1]}
        for option in ("precision=float32", "precision=bfloat16", "max_length=16")
    ]
    assert keys[0] == keys[1] != keys[2]


def test_those_of_the_catalog_need_a_revision(cells_of):
    names = ("bge-m3-sparse", "opensearch-multilingual", "milco")
    options = (
        [f"references.{name}.model=catalog:{name}" for name in names]
        + ["references.milco.remote_code=true"]
        + [f"references.{name}.revision=null" for name in names]
    )
    preset, cells = cells_of(*options, initializers=[*names, "base"])
    assert [line.split(": ")[0] for line in unpinned(preset, cells)] == [f"references.{name}" for name in names]
    assert {cell.artifact.parameters["kind"] for cell in cells if cell.artifact.stage.name == "reference"} == {
        "bge-m3",
        "sparse-encoder",
        "milco",
    }


def test_what_is_no_reference_is_refused_in_one_line(cells_of, own_data, models, tmp_path):
    def refused(*overrides, initializers=("x", "base")):
        with pytest.raises(PresetError) as error:
            cells_of(*overrides, initializers=list(initializers))
        assert "\n" not in str(error.value)
        return str(error.value)

    source, milco = f"{own_data}/source", f"{models}/milco"
    assert "initializer 'yours' is unknown; did you mean 'your'?" in refused(
        f"references.your={source}", initializers=["yours"]
    )
    assert "references.bm25: a row of this name exists already; choose another name" in refused(
        f"references.bm25={source}"
    )
    assert "references.mean: a row of this name exists already" in refused(f"references.mean={source}")
    assert "settings.x: x has no settings" in refused(f"references.x={source}", "settings.x.k=1")
    assert "references.x: 'nowhere' does not exist here" in refused("references.x=nowhere")
    assert "add its pinned revision (--set references.x.revision=COMMIT)" in refused("references.x=some/model")
    assert (
        "references.x: " in (dense := refused(f"references.x={own_data}/bridge"))
        and "not a sparse encoder but a SentenceTransformer" in dense
    )
    assert "is not of kind bge-m3: it has no sparse_linear.pt" in refused(
        f"references.x={{model: {source}, kind: bge-m3}}"
    )
    assert "option 'references.x.kind': 'bgem3' is not valid; did you mean 'bge-m3'?" in refused(
        f"references.x={{model: {source}, kind: bgem3}}"
    )
    assert "option 'references.x.prompt' is unknown" in refused(f"references.x={{model: {source}, prompt: 'query: '}}")
    assert "references.x: kind milco runs code of the model's repository" in refused(
        f"references.x={{model: {milco}, kind: milco}}"
    )
    assert "'references.x.remote_code': 'please' is not valid" in refused(
        f"references.x={{model: {milco}, kind: milco, remote_code: please}}"
    )
    assert "kind bge-m3 runs no code" in refused(
        f"references.x={{model: {models}/m3, kind: bge-m3, remote_code: true}}"
    )
    assert "option 'architectures.source.remote_code' is unknown" in refused("architectures.source.remote_code=true")
    shutil.copytree(models / "m3", tmp_path / "cut")
    (tmp_path / "cut" / "config.json").write_text('{"hidden_size": 3')
    assert "config.json is not JSON" in refused(f"references.x={{model: {tmp_path}/cut, kind: bge-m3}}")


@pytest.mark.slow
def test_rows_of_both_tables(command, own_data, models, tmp_path, monkeypatch):
    """The source encoder named as a reference scores what `base` scores, and is measured once."""
    ran = tmp_path / "ran"
    monkeypatch.setenv("MILCO_RUNS", str(ran))
    monkeypatch.setenv("HF_MODULES_CACHE", str(tmp_path / "modules"))
    options = ["--languages", "en", "--initializers", "base", "m3", "own", "milco", "--regimes", "zero-shot"]
    options += [
        "--set",
        f"references.m3={{model: {models}/m3, kind: bge-m3}}",
        "--set",
        f"references.own={own_data}/source",
    ]
    milco = ["--set", f"references.milco={{model: {models}/milco, kind: milco}}"]
    code, _, err = command(*options, *milco)
    assert code == 2 and "references.milco: kind milco runs code" in err and err.count("\n") == 1 and not ran.exists()
    code, _, err = command(*options, *milco, "--set", "references.milco.remote_code=true")
    assert code == 0, err
    assert ran.read_text() == "imported\n"
    cells = pd.read_csv(tmp_path / "results" / "cells.csv").set_index("label")
    assert list(cells.index) == ["base", "m3", "own", "milco"] and set(cells["status"]) == {"ok"}
    measured = ["ndcg@10", "recall@100", "mrr@10", "query_active", "doc_active", "flops"]
    assert cells.loc["own", measured].tolist() == cells.loc["base", measured].tolist()
    assert cells.loc["m3", measured].gt(0).all() and cells["key"].nunique() == 4
    (table,) = (tmp_path / "results" / "tables").glob("*zero-shot*.csv")
    assert pd.read_csv(table).iloc[:, :2].to_numpy().tolist() == [[name, "yes"] for name in cells.index]
    about = next((tmp_path / "store" / "reference").glob("*/measurement.json"))
    assert json.loads(about.read_text(encoding="utf-8"))["about"]["label"] in ("bge-m3", "sparse-encoder", "milco")
