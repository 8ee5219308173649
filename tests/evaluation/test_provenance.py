"""The line that says on which machine something ran."""

from __future__ import annotations

import os
import platform
from pathlib import Path

import pytest

from harness.evaluation import provenance


def test_the_machine_is_named_with_its_cores_and_its_system():
    name, cores, system = provenance.machine().rsplit(", ", 2)
    assert (cores, system) == (f"{os.cpu_count()} cores", f"{platform.system()} {platform.machine()}") and name


@pytest.mark.parametrize(
    ("content", "name"),
    [("processor\t: 0\nmodel name\t: Some CPU @ 2 GHz\nmodel name\t: other\n", "Some CPU @ 2 GHz"), ("x: y\n", "arm")],
)
def test_the_processor_is_what_the_system_calls_it(monkeypatch, content, name):
    monkeypatch.setattr(Path, "read_text", lambda *_, **__: content)
    monkeypatch.setattr(platform, "processor", lambda: "arm")
    assert provenance.machine().startswith(f"{name}, ")
