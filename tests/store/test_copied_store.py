"""A store and its results work where they are copied to: no manifest says where they were computed."""

from __future__ import annotations

import json
import os
import re
from pathlib import Path

import pytest

from harness.results.export import write_results
from harness.results.measurement import failed, record
from harness.results.record import Identity
from harness.store.artifact import Artifact, Hub, Local, Member, content_digest
from harness.store.integrity import MANIFEST
from harness.store.stage import Stage
from harness.store.store import Store
from tests.helpers.measurements_made import write_measurement
from tests.helpers.paths import ROOT

FINE_TUNED = Identity("ko", "bert", "faq", "sembridge", "bridge", 4.0, "fine-tuned", 42)
STEP = (ROOT / "docs" / "your-language.md").read_text(encoding="utf-8").partition("## 8. Take it with you")[2]


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


def run_step() -> None:
    """Run the Python of the last step of the page, as it stands."""
    code = re.search(r"<<'END'\n(.*?)\n    END\n", STEP, re.S)
    assert code is not None
    exec(compile("\n".join(line[4:] for line in code[1].splitlines()), "your-language.md", "exec"), {})


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


def test_the_documented_step_takes_the_encoder_out_of_a_copied_store(copied):
    run_step()
    assert (copied / "splade-ko-tuned" / "model.safetensors").read_text(encoding="utf-8") == "weights"


def test_it_reads_manifests_of_earlier_versions(copied):
    path = manifest_of(copied, "evaluation")
    manifest = json.loads(path.read_bytes())
    manifest["inputs"]["trained"]["name"] = f"/home/ann/store/{manifest['inputs']['trained']['name']}"
    path.write_text(json.dumps(manifest), encoding="utf-8")
    run_step()
    assert (copied / "splade-ko-tuned" / "model.safetensors").is_file()


@pytest.mark.parametrize(
    "change", [("fine-tuned", "zero-shot"), (",sembridge,", ",mean,"), (",ok,", ",failed,")], ids=repr
)
def test_without_a_fine_tuned_cell_it_says_what_to_do(copied, change):
    cells = copied / "results" / "cells.csv"
    cells.write_text(cells.read_text(encoding="utf-8").replace(*change), encoding="utf-8")
    with pytest.raises(
        SystemExit, match=r"No fine-tuned sembridge in results/cells\.csv: do step 7\. Without pairs, t"
    ):
        run_step()
    assert not (copied / "splade-ko-tuned").exists()
