"""A grid on a collection from the hub gives the scores of the same collection as a folder (the whole command)."""

import os
import subprocess
import sys
from pathlib import Path

import pandas as pd
import pytest
import yaml

from tests.helpers import hub_double
from tests.helpers import hub_repositories as real
from tests.helpers.paths import ROOT

pytestmark = pytest.mark.slow


def repository(folder: Path) -> dict[str, bytes]:
    """A collection's folder, laid out as WebFAQ."""
    rows = {
        name: [line.split("\t") for line in (folder / "qrels" / f"{name}.tsv").read_text().splitlines()[1:]]
        for name in ("test", "train")
    }
    files = {f"rus/{name}.jsonl": (folder / f"{name}.jsonl").read_bytes() for name in ("corpus", "queries")}
    files |= {
        f"rus/{n}.jsonl": real.lines({"query-id": q, "corpus-id": d, "score": float(s)} for q, d, s in rows[n])
        for n in rows
    }
    splits = {
        "corpus": {"corpus": "rus/corpus.jsonl"},
        "queries": {"queries": "rus/queries.jsonl"},
        "qrels": {n: f"rus/{n}.jsonl" for n in rows},
    }
    return files | {"README.md": real.card({f"rus-{role}": paths for role, paths in splits.items()})}


def test_the_same_scores_from_the_hub_and_from_a_folder(own_data, hub, tmp_path):
    commit = hub.add("faq/retrieval", repository(own_data / "collections" / "ru"))
    source = {"hub": "faq/retrieval", "revision": commit, "config": "{language}", "codes": {"ru": "rus"}}
    preset = yaml.safe_load((ROOT / "experiments" / "presets" / "own-data.yaml").read_text(encoding="utf-8"))
    preset["collections"] |= {"faq": source, "few": source | {"limit": 9}}
    (tmp_path / "preset.yaml").write_text(yaml.safe_dump(preset, sort_keys=False), encoding="utf-8")
    command = [sys.executable, str(ROOT / "experiments" / "run_grid.py"), "--preset", str(tmp_path / "preset.yaml")]
    command += ["--set", f"data={own_data}", "--set", "training.batch_size=8"]
    command += ["--languages", "ru", "--initializers", "base"]
    command += ["--store", str(tmp_path / "store"), "--results", str(tmp_path / "results")]
    environment = os.environ | {"HF_ENDPOINT": hub.url, "HF_HOME": str(tmp_path / "home")}

    def run(*options: str, **variables: str) -> str:
        done = subprocess.run(
            [*command, *options], env=environment | variables, capture_output=True, text=True, timeout=300
        )
        assert done.returncode == 0, done.stdout + done.stderr
        return done.stdout

    planned = run("--dry-run")
    assert "2 collection " in planned and " collections    own faq few-judged+9\n" in planned
    assert not hub.requests
    out = run()
    assert "few-judged+9, zero-shot" in out
    cells = pd.read_csv(tmp_path / "results" / "cells.csv").set_index(["collection", "initializer", "regime"])
    assert len(cells) == 6 and set(cells["status"]) == {"ok"}
    measures = ["ndcg@10", "recall@100", "mrr@10", "doc_active"]
    pd.testing.assert_frame_equal(cells.loc["own"][measures], cells.loc["faq"][measures])
    assert cells.loc["own", "base", "zero-shot"]["ndcg@10"] != cells.loc["few-judged+9", "base", "zero-shot"]["ndcg@10"]
    hub.requests.clear()
    assert ": 6 in the store, 0 to compute" in run(HF_HUB_OFFLINE="1")
    assert not hub.requests


def test_a_refusal_of_the_hub_is_one_line_and_leaves_nothing(own_data, hub, tmp_path, monkeypatch):
    """A gated dataset is known only when it is asked for: the artifact fails with the advice."""
    from harness.plan.load_preset import load_preset
    from harness.plan.plan import plan
    from harness.store.store import Store

    commit = hub.add("faq/gated", repository(own_data / "collections" / "ru"), gated=True)
    collections = f"collections={{c: {{hub: faq/gated, revision: {commit}, config: rus}}}}"
    overrides = [f"data={own_data}", collections, "languages=[ru]", "initializers=[bm25]", "regimes=[zero-shot]"]
    (cell,) = plan(load_preset("own-data", ROOT / "experiments" / "presets", overrides))
    store = Store(tmp_path / "store")
    store.create()
    with pytest.raises(
        ValueError, match=r"'faq/gated' is gated: open https://huggingface.co/datasets/faq/gated, log in and accept"
    ):
        store.make(cell.artifact)
    assert not list((tmp_path / "store" / "collection").iterdir())
    monkeypatch.setenv("HF_TOKEN", hub_double.TOKEN)
    assert store.make(cell.artifact) and store.has(cell.artifact)
    for path in (tmp_path / "store").rglob("*"):
        assert not path.is_file() or hub_double.TOKEN.encode() not in path.read_bytes(), path
