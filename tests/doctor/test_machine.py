"""Disk, memory and devices against what a grid needs, with the machine's numbers put in by hand."""

from __future__ import annotations

import json
import os
import shutil
from types import SimpleNamespace

import pytest

from harness.collections.stage import COLLECTION
from harness.doctor.hub_access import FAIL, OK, WARN
from harness.doctor.machine import devices, disk, expected_documents, memory
from harness.evaluation.vectors import VECTORS
from harness.plan.load_preset import load_preset
from harness.references.vectors import REFERENCE_VECTORS
from harness.store.artifact import Artifact
from harness.store.stage import Stage
from harness.store.store import Store
from tests.helpers.paths import PRESETS

MADE, POCKET = (Stage(name, 1, 60, lambda out, parameters, inputs: None) for name in ("evaluation", "pocket-text"))


def preset(*overrides: str):
    return load_preset("paper-zero-shot", PRESETS, overrides)


def cell(artifact: Artifact, initializer: str = "mean") -> SimpleNamespace:
    """Return what is read of a cell."""
    return SimpleNamespace(artifact=artifact, identity=SimpleNamespace(initializer=initializer))


@pytest.fixture
def store(tmp_path, monkeypatch) -> Store:
    """Return a store that does not exist yet, on the same disk as the hub's cache."""
    from huggingface_hub import constants

    monkeypatch.setattr(constants, "HF_HUB_CACHE", str(tmp_path / "no" / "cache"))
    return Store(tmp_path / "no" / "store")


@pytest.mark.parametrize(
    ("free", "download", "unknown", "marks"),
    [
        (60_000_000, 5_000_000, 0, [OK, OK]),
        (60_000_000, 5_000_000, 1, [OK, WARN]),  # what is unknown comes to the cache
        (54_000_000, 5_000_000, 0, [WARN, WARN]),  # 50 MB by a first guess and 5 MB, on one disk
        (4_000_000, 5_000_000, 0, [FAIL, FAIL]),  # the download alone is certain
    ],
)
def test_disk(store, monkeypatch, free, download, unknown, marks):
    monkeypatch.setattr(shutil, "disk_usage", lambda folder: SimpleNamespace(free=free))
    checks = disk([Artifact(MADE, {})], store, download, unknown)
    assert [check.mark for check in checks] == marks
    assert "50.0 MB for 1 artifacts (sizes by first guesses)" in checks[0].text
    assert f"{download / 10**6:.1f} MB to download" in checks[1].text
    assert ("and 1 items of unknown size" in checks[1].text) == bool(unknown)
    lacking = marks[0] != OK
    assert ("make room, or choose another folder with --store DIR" in checks[0].text) == lacking
    assert ("make room, or choose another folder with HF_HOME" in checks[1].text) == lacking


def test_sizes_are_those_of_the_store_where_it_has_some(store):
    """The median of 100, 300 and 800 bytes, for each of two artifacts."""
    store.create()
    for number, size in enumerate((100, 300, 800)):
        folder = store.path(Artifact(MADE, {"number": number}))
        folder.mkdir(parents=True)
        manifest = {"seconds": 1, "files": {"a": {"bytes": size - 40}, "b": {"bytes": 40}}}
        (folder / "MANIFEST.json").write_text(json.dumps(manifest))
    todo = [Artifact(MADE, {"number": number}) for number in (7, 8)]
    assert "600 B for 2 artifacts (sizes as measured in this store)" in disk(todo, store, 0, 0)[0].text
    mixed = [*todo, Artifact(COLLECTION, {"expected": {"documents": 2000}})]
    assert "2.0 MB for 3 artifacts (sizes by first guesses)" in disk(mixed, store, 0, 0)[0].text
    assert "5.0 MB for 1 artifacts" in disk([Artifact(POCKET, {})], store, 0, 0)[0].text


def test_stored_vectors_need_room_for_every_document(store):
    """By hand: 6,000 bytes for each of 50,000 documents, in two shards; twice that for a collection of unknown size."""
    collection = Artifact(COLLECTION, {"expected": {"documents": 50_000}})
    halves = [Artifact(VECTORS, {"share": share, "shares": 2}, {"collection": collection}) for share in (0, 1)]
    assert "300.0 MB for 2 artifacts (sizes by first guesses)" in disk(halves, store, 0, 0)[0].text
    unknown = Artifact(REFERENCE_VECTORS, {}, {"collection": Artifact(COLLECTION, {})})
    assert "600.0 MB for 1 artifacts" in disk([unknown], store, 0, 0)[0].text


def test_memory(monkeypatch):
    """2 GB of libraries, and a model of 600 MB or 1 GB, four times for training; 100 bytes for each document."""
    monkeypatch.setattr(os, "sysconf", {"SC_PAGE_SIZE": 1000, "SC_PHYS_PAGES": 3_000_000}.__getitem__)
    todo = [Artifact(COLLECTION, {"expected": {"documents": 1_000_000}}), Artifact(COLLECTION, {})]
    cells = [cell(todo[0])]
    for overrides, largest, needed, mark in (
        ([], 0, "2.7 GB", OK),
        ([], 10**9, "3.1 GB", WARN),
        (["regimes=[fine-tuned]"], 10**9, "6.1 GB", WARN),
    ):
        check = memory(preset(*overrides), cells, todo, largest)
        assert check.mark == mark and check.text.startswith(f"3.0 GB, the largest cell needs about {needed} by a rough")
    assert "needs about 3.0 GB" in memory(preset(), [cell(todo[0], "bm25")], todo, 0).text, "1,000 bytes a document"
    assert "needs about 2.0 GB" in memory(preset(), [cell(Artifact(POCKET, {}))], [], 0).text


def test_devices(monkeypatch):
    import torch

    monkeypatch.setattr(os, "cpu_count", lambda: 8)
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    (check,) = devices(preset("resources.gpus_per_cell=0", "resources.cpus_per_cell=2"))
    assert (check.mark, check.text) == (OK, "8 CPU cores, no GPU that torch can use: 4 cells at a time")
    (check,) = devices(preset("resources.gpus_per_cell=1"))
    assert check.mark == FAIL and check.text.endswith(", or --address RAY on a cluster that has them")
    assert "--set resources.gpus_per_cell=0" in check.text
    cards = [SimpleNamespace(name=name, major=major, total_memory=16e9) for name, major in (("old", 7), ("new", 8))]
    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    monkeypatch.setattr(torch.cuda, "device_count", lambda: 2)
    monkeypatch.setattr(torch.cuda, "get_device_properties", cards.__getitem__)
    (check,) = devices(preset("resources.gpus_per_cell=1", "resources.cpus_per_cell=2"))
    cards_shown = "old with 16.0 GB, no bfloat16; new with 16.0 GB, bfloat16"
    assert (check.mark, check.text) == (OK, f"8 CPU cores, {cards_shown}: 2 cells at a time")


def test_expected_documents():
    assert (
        expected_documents([{"expected": {"documents": 5}}, {"expected": {"documents": None}}, {"expected": {}}, {}])
        == 5
    )
