"""The line that says on which machine something ran."""

from __future__ import annotations

import os
import platform
from pathlib import Path

from harness.evaluation import provenance
from sembridge.processor import features


def test_the_machine_is_named_with_its_cores_and_its_system():
    name, cores, system = provenance.machine().rsplit(", ", 2)
    assert (cores, system) == (f"{os.cpu_count()} cores", f"{platform.system()} {platform.machine()}") and name


def test_the_processor_is_what_the_system_calls_it(monkeypatch):
    features.processor.cache_clear()
    monkeypatch.setattr(Path, "read_text", lambda *_, **__: "model name\t: Some CPU @ 2 GHz\n")
    assert provenance.machine().startswith("Some CPU @ 2 GHz, ")
    features.processor.cache_clear()


def test_a_record_names_the_path_that_products_took(monkeypatch):
    for path in ("onednn", "blas"):
        monkeypatch.setenv("SEMBRIDGE_PRODUCTS", path)
        assert provenance.provenance()["machine"]["products"] == path
