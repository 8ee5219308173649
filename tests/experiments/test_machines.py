"""Tables are of one kind of machine; a check says which ratios have fallen since."""

from __future__ import annotations

import json
import sys

import pytest

from experiments.benchmarks import __main__ as program
from experiments.benchmarks.machines import fallen, kind, other_machines

HERE = "AMD EPYC (avx2, avx512f), 2 cores, 25 GB, no GPU; torch 2.13.0+cpu"
THERE = "Intel Xeon (avx2), 8 cores, 64 GB, no GPU; torch 2.13.0+cpu"


def row(job, ratio, against="theirs"):
    return {"job": job, "against": against, "ratio": ratio, "ours": 1.0, "theirs": ratio, "rounds": 3, "note": ""}


def test_the_kind_of_a_machine_is_its_processor_with_instructions_and_cores():
    assert kind(HERE) == "AMD EPYC (avx2, avx512f), 2 cores"
    assert kind(HERE) == kind(HERE.replace("25 GB", "12 GB").replace("2.13.0", "2.14.0"))
    assert kind(HERE) != kind(HERE.replace("avx512f", "avx512f, AVX-512 disabled by environment variables"))


def test_figures_of_another_machine_are_seen_unless_they_are_replaced():
    figures = {"head": {"hardware": HERE}, "search": {"hardware": THERE}}
    assert other_machines(figures, HERE, ["head"]) == ["Intel Xeon (avx2), 8 cores"]
    assert other_machines(figures, HERE, ["search"]) == []


def test_a_ratio_has_fallen_when_it_is_three_tenths_lower():
    before = [row("a", 10.0), row("b", 10.0), row("c", 10.0, against="scipy"), row("gone", 1.0)]
    now = [row("a", 7.01), row("b", 6.99), row("c", 1.0, against="another"), row("new", 0.1)]
    assert fallen(before, now) == [("b", "theirs", 10.0, 6.99)]


@pytest.fixture
def measuring(monkeypatch, tmp_path):
    """Run the program on a table [head of HERE, search of `search`] where the head's ratio is measured as `ratio`."""

    def run(*arguments, search=HERE, ratio=10.0, capsys):
        file = tmp_path / "performance.json"
        parts = {"head": (HERE, "head job"), "search": (search, "search job")}
        table = {
            name: {"hardware": made, "quick": False, "rows": [row(job, 10.0)]} for name, (made, job) in parts.items()
        }
        file.write_text(json.dumps(table), encoding="utf-8")
        before = file.read_bytes()
        monkeypatch.setattr(program, "FIGURES", file)
        monkeypatch.setattr("experiments.benchmarks.measure.hardware", lambda: HERE)
        monkeypatch.setattr("sembridge.processor.features.limits", dict)
        monkeypatch.setattr(program, "_measured", lambda name, quick: [row(f"{name} job", ratio)])
        monkeypatch.setattr(sys, "argv", ["benchmarks", *arguments])
        code = program.main()
        assert file.read_bytes() == before, "nothing was to be written"
        return code, capsys.readouterr()

    return run


def test_a_check_fails_where_a_ratio_has_fallen(measuring, capsys):
    code, shown = measuring("--check", "head", ratio=9.0, capsys=capsys)
    assert code == 0 and shown.out.startswith("0 ratios have fallen")
    code, shown = measuring("--check", "head", ratio=6.0, capsys=capsys)
    assert code == 1 and "fallen: head job, against theirs: 10.00 x before, 6.00 x now" in shown.out
    code, shown = measuring("--check", search=THERE, capsys=capsys)
    assert code == 2 and "has figures of Intel Xeon (avx2), 8 cores, and this is AMD EPYC" in shown.err
    code, shown = measuring("--check", "encode", capsys=capsys)
    assert code == 2 and "has figures of none of these benchmarks" in shown.err


def test_tables_of_two_machines_are_not_mixed(measuring, capsys):
    code, shown = measuring("head", search=THERE, capsys=capsys)
    assert code == 2 and "a table is of one machine; name no benchmark" in shown.err
