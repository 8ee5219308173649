"""A store and its results work where they are copied to: no manifest says where they were computed."""

from __future__ import annotations

import json
import os
from pathlib import Path

import pytest

from harness.results.export import write_results
from harness.results.measurement import failed, record
from harness.results.needed import needed
from harness.results.record import Identity
from harness.store.artifact import Artifact, Hub, Local, Member, content_digest
from harness.store.integrity import MANIFEST
from harness.store.inventory import Inventory
from harness.store.stage import Stage
from harness.store.store import Store
from tests.helpers.measurements_made import write_measurement

FINE_TUNED = Identity("ko", "bert", "faq", "sembridge", "bridge", 4.0, "fine-tuned", 42)


def trained(out: Path, parameters, inputs) -> None:
    (out / "model.safetensors").write_text("weights", encoding="utf-8")


def measured(out: Path, parameters, inputs) -> None:
    write_measurement(out, 0.5)


TRAINED = Stage("trained-encoder", version=1, seconds=1, build=trained)
EVALUATION = Stage("evaluation", version=1, seconds=1, build=measured)


@pytest.fixture
def computed(tmp_path) -> Path:
    """A folder with a store and results of one fine-tuned cell, made from a user's folder, a part and a hub model."""
    folder = tmp_path / "computed"
    (data := folder / "data" / "ko").mkdir(parents=True)
    (data / "corpus.jsonl").write_text("{}", encoding="utf-8")
    store = Store(folder / "store")
    store.create()
    encoder = Artifact(TRAINED, {}, {"tokenizer": Hub("org/words", "abc"), "collection": Local(data)})
    inputs = {"trained": encoder, "part": Member(encoder, "a/b"), "collection": Local(data)}
    store.make(evaluation := Artifact(EVALUATION, {}, inputs))
    cell = record(FINE_TUNED, evaluation.key, "sembridge", False, store.path(evaluation))
    write_results(folder / "results", [cell], lambda _: store.path(evaluation))
    return folder


@pytest.fixture
def copied(computed, tmp_path, monkeypatch) -> Path:
    """The folder at another place, which is the working directory; nothing is left at the first one."""
    os.rename(computed, tmp_path / "elsewhere")
    monkeypatch.chdir(tmp_path / "elsewhere")
    return tmp_path / "elsewhere"


def manifest_of(folder: Path, stage: str) -> Path:
    (path,) = (folder / "store" / stage).glob(f"*/{MANIFEST}")
    return path


def test_inputs_are_named_by_what_they_are_not_by_where_they_were(computed):
    content = content_digest(computed / "data" / "ko")
    key = manifest_of(computed, "trained-encoder").parent.name
    assert json.loads(manifest_of(computed, "evaluation").read_bytes())["inputs"] == {
        "trained": {"name": f"trained-encoder/{key}", "revision": None},
        "part": {"name": f"trained-encoder/{key}/a/b", "revision": None},
        "collection": {"name": "ko", "revision": None, "content": content},
    }
    hub = json.loads(manifest_of(computed, "trained-encoder").read_bytes())["inputs"]["tokenizer"]
    assert hub == {"name": "org/words", "revision": "abc"}


def test_no_file_of_a_store_or_of_results_has_a_path_of_the_machine(computed, tmp_path):
    cell = failed(FINE_TUNED, "key", "sembridge", False, f"no such file: '{tmp_path}/a b/x.tsv' in {computed}/data")
    write_results(computed / "failed", [cell], lambda _: None)
    assert "no such file: 'x.tsv' in data" in (computed / "failed" / "cells.csv").read_text(encoding="utf-8")
    files = [path for path in computed.rglob("*") if path.is_file()]
    assert len(files) > 20
    for path in files:
        assert str(tmp_path).encode() not in path.read_bytes(), path


def test_what_a_cell_needs_is_found_in_copies_of_results_and_store(copied):
    evaluation, trained = (manifest_of(copied, stage).parent.name for stage in ("evaluation", "trained-encoder"))
    needs = needed([Path("results")], Inventory.of(Store(Path("store"))))
    assert needs.keys == {evaluation, trained} and not needs.missing


def test_inputs_are_found_in_manifests_of_earlier_versions(copied):
    path = manifest_of(copied, "evaluation")
    manifest = json.loads(path.read_bytes())
    for name in ("trained", "part"):
        manifest["inputs"][name]["name"] = f"/home/ann/store/{manifest['inputs'][name]['name']}"
    path.write_text(json.dumps(manifest), encoding="utf-8")
    trained = manifest_of(copied, "trained-encoder").parent.name
    needs = needed([Path("results")], Inventory.of(Store(Path("store"))))
    assert needs.keys == {path.parent.name, trained} and not needs.unclear
