"""What the processor is called, and what it can do."""

from __future__ import annotations

import platform
from pathlib import Path

import pytest

from sembridge.processor import features


@pytest.fixture
def cpuinfo(monkeypatch):
    """Let the system describe its processor by this text."""
    for function in (features.flags, features.processor):
        function.cache_clear()

    def describe(content: str) -> None:
        monkeypatch.setattr(Path, "read_text", lambda *_, **__: content)

    yield describe
    for function in (features.flags, features.processor):
        function.cache_clear()


def test_of_an_x86(cpuinfo):
    cpuinfo("model name\t: Some CPU @ 2 GHz\nflags\t\t: fpu avx2 avx512f other\nmodel name\t: second core\n")
    assert features.processor() == "Some CPU @ 2 GHz" and features.instructions() == "avx2, avx512f"


def test_of_an_arm(cpuinfo, monkeypatch):
    monkeypatch.setattr(platform, "processor", lambda: "aarch64")
    cpuinfo("processor\t: 0\nFeatures\t: fp asimd bf16\n")
    assert features.processor() == "aarch64" and features.instructions() == "asimd, bf16"


def test_of_a_system_that_says_nothing(cpuinfo, monkeypatch):
    monkeypatch.setattr(platform, "processor", lambda: "")
    monkeypatch.setattr(platform, "machine", lambda: "riscv64")
    cpuinfo("")
    assert features.processor() == "unknown processor" and features.instructions() == "riscv64"
