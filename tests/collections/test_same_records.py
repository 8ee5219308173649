"""One small collection by several ways: the real `datasets` library reads the records that our loader writes."""

import json
import os
import subprocess
import sys
from dataclasses import replace

from harness.collections import beir
from tests.helpers import hub_repositories as real

READ = """
import json, sys
from datasets import load_dataset
name, commit, code, splits = sys.argv[1], sys.argv[2], sys.argv[3], json.loads(sys.argv[4])
records = {}
for role, split in splits.items():
    rows = load_dataset(name, f"{code}-{role}", revision=commit, split=split)
    records[role] = [list(row.values()) for row in rows]
print(json.dumps(records))
"""


def test_the_datasets_library_reads_the_same_records(hub, tmp_path, built):
    repositories = {
        "mteb/M": (real.mteb(), "ko", dict.fromkeys(("corpus", "queries", "qrels"), "dev")),
        "faq/new": (real.webfaq(), "kor", {"corpus": "corpus", "queries": "test", "qrels": "test"}),
    }
    environment = os.environ | {
        "HF_ENDPOINT": hub.url,
        "HF_HOME": str(tmp_path / "home"),
        "HF_HUB_DISABLE_TELEMETRY": "1",
    }
    for name, (files, code, splits) in repositories.items():
        commit = hub.add(name, files)
        command = [sys.executable, "-c", READ, name, commit, code, json.dumps(splits)]
        done = subprocess.run(command, env=environment, capture_output=True, text=True)
        assert done.returncode == 0, done.stderr[-3000:]
        theirs = json.loads(done.stdout)
        ours = beir.load(built(hub=name, revision=commit, config=code))
        assert [(document, f"{title or ''} {text}".strip()) for document, title, text in theirs["corpus"]] == list(
            zip(ours.document_ids, ours.document_texts, strict=True)
        )
        assert sorted(map(tuple, theirs["queries"])) == sorted(zip(ours.query_ids, ours.query_texts, strict=True))
        assert sorted(map(tuple, theirs["qrels"])) == sorted(
            (q, d, s) for q, judged in ours.qrels.items() for d, s in judged.items()
        )


def test_a_folder_gives_the_same_collection(hub, tmp_path, built):
    queries = [*real.QUERIES["dev"], *real.QUERIES["train"]]
    beir.write(tmp_path / "own", real.DOCUMENTS, queries, real.JUDGED["dev"], real.JUDGED["train"])
    own = beir.load(tmp_path / "own")
    fetched = beir.load(built(hub="faq/old", revision=hub.add("faq/old", real.webfaq(old=True)), config="kor"))
    assert replace(own, name="") == replace(fetched, name="")
