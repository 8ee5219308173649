"""A benchmark with AVX-512 disabled: the libraries of the child process really do without, and the table says so."""

from __future__ import annotations

import json
import os
import subprocess
import sys

import pytest

from experiments.benchmarks import without_avx512
from experiments.benchmarks.measure import hardware

_SEEN = """
import json, numba.core.codegen as codegen, torch
from experiments.benchmarks.measure import hardware
features = codegen.config.CPU_FEATURES
print(json.dumps([torch.backends.cpu.get_cpu_capability(), codegen.config.CPU_NAME, features, hardware()]))
"""


@pytest.mark.slow
def test_libraries_do_without():

    process = subprocess.run(
        [sys.executable, "-c", _SEEN],
        cwd=without_avx512.ROOT,
        env=os.environ | without_avx512.VARIABLES,
        capture_output=True,
        text=True,
        check=True,
    )
    capability, name, features, shown = json.loads(process.stdout)
    assert (capability, name, features) == ("AVX2", "haswell", "")
    assert "AVX-512 disabled by environment variables" in shown


def test_the_options_go_to_a_child_with_the_variables(monkeypatch):
    seen = {}

    def run(command, env, **options):
        seen.update(command=command, env=env)
        return subprocess.CompletedProcess(command, 3)

    monkeypatch.setattr(subprocess, "run", run)
    monkeypatch.setattr(sys, "argv", ["without_avx512", "--quick", "search"])
    assert without_avx512.main() == 3
    assert seen["command"][1:] == ["-m", "experiments.benchmarks", "--quick", "search"]
    assert seen["env"].items() >= without_avx512.VARIABLES.items() and seen["env"]["PATH"] == os.environ["PATH"]


def test_the_table_names_instructions_and_what_is_disabled(monkeypatch):
    monkeypatch.delenv("ONEDNN_MAX_CPU_ISA", raising=False)
    assert "disabled" not in hardware()
    monkeypatch.setenv("ONEDNN_MAX_CPU_ISA", "AVX2")
    assert "AVX-512 disabled by environment variables" in hardware()
