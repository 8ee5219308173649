"""Where our kernels run, and what is said where they cannot."""

from __future__ import annotations

import re

import pytest
import torch

from sembridge import gpu

CUDA, CPU = torch.device("cuda"), torch.device("cpu")


@pytest.fixture
def machine(monkeypatch):
    """Make a machine with or without Triton and with some C compilers; the answer is not remembered."""

    def make(triton: bool, *compilers: str) -> None:
        monkeypatch.delenv("CC", raising=False)
        monkeypatch.setattr(gpu.importlib.util, "find_spec", lambda name: object() if triton else None)
        monkeypatch.setattr(gpu.shutil, "which", lambda name: name if name in compilers else None)
        gpu._triton_works.cache_clear()

    yield make
    gpu._triton_works.cache_clear()


def test_a_gpu_with_triton_and_a_compiler_runs_kernels_and_a_processor_never(machine, caplog):
    machine(True, "clang")
    assert gpu.runs_kernels(CUDA) and not gpu.runs_kernels(CPU)
    assert not gpu.loads_blocks(CPU) and caplog.text == ""


@pytest.mark.parametrize(
    ("triton", "lacks"), [(False, "it lacks Triton, which"), (True, "it lacks a C compiler, .* in the variable CC")]
)
def test_what_is_missing_is_said_once(machine, caplog, triton, lacks):
    machine(triton)
    assert not gpu.runs_kernels(CPU) and caplog.records == [], "nobody expects kernels on a processor"
    assert [gpu.runs_kernels(CUDA) for _ in range(3)] == [False] * 3
    (record,) = caplog.records
    assert re.search(lacks, record.getMessage())


def test_a_compiler_may_be_named(machine, monkeypatch):
    machine(True)
    monkeypatch.setenv("CC", "/opt/cc")
    assert gpu.runs_kernels(CUDA)


@pytest.mark.parametrize(("capability", "expected"), [((8, 9), False), ((9, 0), True), ((12, 0), True)])
def test_blocks_are_loaded_by_a_unit_from_hopper_on(monkeypatch, capability, expected):
    monkeypatch.setattr(torch.cuda, "get_device_capability", lambda device: capability)
    assert gpu.loads_blocks(CUDA) is expected
