"""What a store adds to a page: where texts are, how long things took, versions and revisions."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import pytest

from harness.report_page import cost_section, provenance_section
from harness.report_page.folder import ResultsFolder
from harness.report_page.store_files import StoreFiles
from tests.helpers.results_made import record_of, results_of

KEYS = [character * 32 for character in "abcdef"]
ROWS, TRAINED, DATA = "1" * 32, "2" * 32, "3" * 32
SCORES = [0.5, 0.25]


def artifact(store: Path, place: str, inputs: dict, seconds: float, git: str = "") -> None:
    folder = store / place
    folder.mkdir(parents=True)
    (folder / "MANIFEST.json").write_text(json.dumps({"inputs": inputs, "seconds": seconds}), encoding="utf-8")
    versions = {"provenance": {"versions": {"torch": "2.13"}, "git": git}}
    (folder / "measurement.json").write_text(json.dumps(versions), encoding="utf-8")


@pytest.fixture
def store(tmp_path) -> StoreFiles:
    root = tmp_path / "store"
    data = {"name": f"pocket-text/{DATA}/collections/ko", "revision": None}
    encoder = {"name": "naver/splade", "revision": "0123abc"}
    tokenizer = {"name": "/home/someone/my-tokenizer", "revision": None, "content": "77aa"}
    rows = {"name": f"initialization/{ROWS}", "revision": None}
    artifact(root, f"initialization/{ROWS}", {"encoder": encoder, "tokenizer": tokenizer}, 60.0)
    artifact(root, f"trained-encoder/{TRAINED}", {"initialization": rows, "pairs": data}, 3600.0)
    artifact(root, f"evaluation/{KEYS[0]}", {"initialization": rows, "collection": data}, 4.0, "aaa")
    artifact(root, f"evaluation/{KEYS[1]}", {"initialization": rows, "collection": data}, 4.0, "bbb")
    trained = {"name": f"trained-encoder/{TRAINED}", "revision": None}
    artifact(root, f"evaluation/{KEYS[2]}", {"trained": trained, "collection": data}, 4.0, "aaa")
    (root / "pocket-text" / DATA / "collections" / "ko").mkdir(parents=True)
    return StoreFiles(root)


@pytest.fixture
def folder(tmp_path) -> ResultsFolder:
    cells = [
        record_of("ofa", "ko", SCORES),
        record_of("ofa", "ru", SCORES),
        record_of("ofa", "ko", SCORES, regime="fine-tuned"),
    ]
    made = [(replace(cell, key=key), SCORES) for cell, key in zip(cells, KEYS, strict=False)]
    return ResultsFolder(results_of(tmp_path, made))


def test_time_is_added_up_by_row_and_what_cells_share_counts_once(folder, store):
    [piece] = cost_section.pieces(folder, store)
    assert '<th scope="row">ofa</th><td>3</td><td>4 s</td><td>10 s</td><td>1 min 00 s</td><td>1 h 00 min</td>' in piece


def test_without_a_store_the_seconds_of_cells_csv_are_left(folder):
    [piece] = cost_section.pieces(folder, StoreFiles())
    assert '<th scope="row">ofa</th><td>3</td><td>4 s</td><td>10 s</td></tr>' in piece and "training" not in piece


def test_versions_of_cells_stand_beside_each_other(folder, store):
    page = "".join(provenance_section.pieces(folder, store))
    assert "<th>2 cells</th><th>1 cell</th>" in page
    assert '<th scope="row">commit</th><td>aaa</td><td>bbb</td>' in page and "<td>2.13</td><td>2.13</td>" in page


def test_models_and_data_have_a_revision_or_the_hash_of_their_content(folder, store):
    page = "".join(provenance_section.pieces(folder, store))
    assert '<th scope="row">encoder</th><td>naver/splade</td><td>0123abc</td>' in page
    assert '<th scope="row">tokenizer</th><td>my-tokenizer</td><td>77aa</td>' in page and "someone" not in page


def test_commands_and_machines_come_from_the_log_each_once(folder, store):
    lines = ["command: sembridge-bench grid --set data=/home/me/d", "machine: Xeon, 2 cores, Linux", "command: x <b>"]
    log = "".join(f"2026-01-01 10:00:0{number} {line}\n" for number, line in enumerate([*lines, lines[0]]))
    (folder.path / "run.log").write_text(f"{log}2026-01-01 10:00:09 a command: not one\n", encoding="utf-8")
    page = "".join(provenance_section.pieces(folder, store))
    commands = "<li><code>sembridge-bench grid --set data=d</code></li><li><code>x &lt;b&gt;</code></li>"
    assert f"<h3>Commands</h3><ul>{commands}</ul>" in page and "not one" not in page
    assert "<h3>Machines</h3><ul><li><code>Xeon, 2 cores, Linux</code></li></ul>" in page


def test_without_a_store_the_page_says_what_is_missing(folder):
    page = "".join(provenance_section.pieces(folder, StoreFiles()))
    assert "Versions and revisions are in the store, which this page was made without." in page


def test_a_collection_is_found_in_the_store_and_only_there(folder, store):
    assert store.collection(folder, "faq", "ko") == (store.root / "pocket-text" / DATA / "collections" / "ko").resolve()
    manifests = [store.root / "evaluation" / key / "MANIFEST.json" for key in (KEYS[0], KEYS[2])]
    manifests[0].write_text(json.dumps({"inputs": {}}), encoding="utf-8")  # a row that is made of other rows
    assert store.collection(folder, "faq", "ko") is not None
    for name in (f"pocket-text/{DATA}/../../../results", "own-data"):
        for manifest in manifests:
            manifest.write_text(json.dumps({"inputs": {"collection": {"name": name}}}), encoding="utf-8")
        assert store.collection(folder, "faq", "ko") is None


@pytest.mark.parametrize("key", ["../../etc", "", "a" * 31, "A" * 32])
def test_a_key_that_is_none_is_not_looked_for(store, key):
    assert store.of_cell(key) is None
