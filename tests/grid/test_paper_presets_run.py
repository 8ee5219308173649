"""A preset of the paper, shrunk by options onto the hub's double and small models, run to the end, and put beside the published figures."""

import os
import subprocess
import sys
from pathlib import Path

import yaml
from test_hub_collection_cells import repository

ROOT = Path(__file__).resolve().parents[2]


def test_a_shrunk_preset_runs_and_is_compared_only_as_far_as_it_is_whole(own_data, hub, tmp_path):
    commit = hub.add("faq/retrieval", repository(own_data / "collections" / "ru"))
    documents = len((own_data / "collections" / "ru" / "corpus.jsonl").read_text(encoding="utf-8").splitlines())
    source = {"hub": "faq/retrieval", "revision": commit, "config": "{language}", "codes": {"ru": "rus"}}
    entry = {"source": source, "licence": "MIT", "counts": {"ru": {"documents": documents, "queries": 20, "train_pairs": 20}}}
    (tmp_path / "mine.yaml").write_text(yaml.safe_dump({"collections": {"webfaq": entry, "miracl": entry}}), encoding="utf-8")
    environment = os.environ | {"HF_ENDPOINT": hub.url, "HF_HOME": str(tmp_path / "home"), "PYTHONPATH": str(ROOT)}

    def run(*command: str) -> str:
        done = subprocess.run([sys.executable, *command], env=environment, capture_output=True, text=True, timeout=300)
        assert done.returncode == 0, done.stdout + done.stderr
        return done.stdout

    results = str(tmp_path / "results")
    out = run(
        *(str(ROOT / "experiments" / "run_grid.py"), "--preset", "paper-fine-tuned", "--catalog", str(tmp_path / "mine.yaml")),
        *("--languages", "ru", "--architectures", "splade-v3", "--initializers", "univariate", "bm25", "--stages", "fine-tuned"),
        *("--set", f"architectures.splade-v3.model={own_data}/source", "--set", f"tokenizers.ru.model={own_data}/tokenizers/ru"),
        *("--set", f"bridges.bge-m3.model={own_data}/bridge", "--set", "collections.miracl.limit=9", "--set", "training.batch_size=8"),
        *("--set", "training.precision=float32", "--set", "training.max_length=32", "--set", "evaluation.max_length=32"),
        *("--set", "resources.gpus_per_cell=0", "--store", str(tmp_path / "store"), "--results", results),
    )
    assert "webfaq, fine-tuned, splade-v3: nDCG@10" in out and "miracl-judged+9, fine-tuned, splade-v3: nDCG@10" in out
    (tmp_path / "figures.yaml").write_text(
        "source: made up\ncertainty: none\nmeasure: ndcg@10\nok: 0.005\nokish: 1\nfigures:\n"
        "  - {collection: webfaq, architecture: splade-v3, stage: fine-tuned, initializer: univariate, language: ru, value: 0.5,\n"
        "     trained_on: webfaq}\n",
        encoding="utf-8",
    )
    compare = ("-m", "harness.cli.main", "compare", results)
    whole = run(*compare, "--catalog", str(tmp_path / "mine.yaml"), "--expected", str(tmp_path / "figures.yaml"))
    assert whole.splitlines()[-1] in ("1 OK, 0 OKish, 0 FAIL, 0 not compared", "0 OK, 1 OKish, 0 FAIL, 0 not compared")
    published = run(*compare)
    assert f"ru: ours is on {documents} documents, all of webfaq is 387,504" in published
    assert "ru: ours are on miracl-judged+9, not on miracl" in published
    assert published.splitlines()[-1].startswith("0 OK, 0 OKish, 0 FAIL, ")
