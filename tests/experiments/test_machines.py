"""Tables are of one kind of machine; a check says which ratios have fallen since."""

from __future__ import annotations

import json
import sys

import pytest

from experiments.benchmarks import __main__ as program
from experiments.benchmarks import page
from experiments.benchmarks.machines import fallen, kind, unmatched

HERE = "AMD EPYC (avx2, avx512f), 2 cores, 25 GB, no GPU; torch 2.13.0+cpu"
THERE = "Intel Xeon (avx2), 8 cores, 64 GB, no GPU; torch 2.13.0+cpu"


def row(job, ratio, against="theirs"):
    return {
        "job": job,
        "against": against,
        "ratio": ratio,
        "ours": 1.0,
        "theirs": ratio,
        "rounds": 3,
        "note": "",
        "goal": None,
        "ours_mb": None,
    }


def test_the_kind_of_a_machine_is_its_processor_with_instructions_and_cores():
    assert kind(HERE) == "AMD EPYC (avx2, avx512f), 2 cores"
    assert kind(HERE) == kind(HERE.replace("25 GB", "12 GB").replace("2.13.0", "2.14.0"))
    assert kind(HERE) != kind(HERE.replace("avx512f", "avx512f, AVX-512 disabled by environment variables"))


def test_a_ratio_has_fallen_when_it_is_three_tenths_lower():
    before = [row("a", 10.0), row("b", 10.0), row("c", 10.0, against="scipy"), row("gone", 1.0)]
    now = [row("a", 7.01), row("b", 6.99), row("c", 1.0, against="another"), row("new", 0.1)]
    assert fallen(before, now) == [("b", "theirs", 10.0, 6.99)]
    assert unmatched(before, now) == [("c", "another"), ("new", "theirs")]


@pytest.fixture
def measuring(monkeypatch, tmp_path):
    """Run the program on figures where the head's ratio was 10 on `machine`, and is measured as `ratio` HERE.

    Returns (exit code, output, figures afterwards).
    """

    def run(*arguments, machine=HERE, ratio=10.0, against="theirs", capsys):
        file = tmp_path / "performance.json"
        table = {"head": {"hardware": machine, "rows": [row("head job", 10.0)]}}
        file.write_text(json.dumps({kind(machine): table}), encoding="utf-8")
        file.with_suffix(".md").write_text(f"{page.BEGIN}\n{page.END}\n", encoding="utf-8")
        monkeypatch.setattr(program, "FIGURES", file)
        monkeypatch.setattr("experiments.benchmarks.measure.hardware", lambda: HERE)
        monkeypatch.setattr(program, "_measured", lambda name, quick: [row(f"{name} job", ratio, against)])
        monkeypatch.setattr(sys, "argv", ["benchmarks", *arguments])
        code = program.main()
        return code, capsys.readouterr(), json.loads(file.read_text(encoding="utf-8"))

    return run


def test_a_check_fails_where_a_ratio_has_fallen_and_writes_nothing(measuring, capsys):
    code, shown, after = measuring("--check", "head", ratio=9.0, capsys=capsys)
    assert code == 0 and shown.out.startswith("0 ratios have fallen")
    code, shown, after = measuring("--check", ratio=6.0, capsys=capsys)
    assert code == 1 and "fallen: head job, against theirs: 10.00 x before, 6.00 x now" in shown.out
    assert after[kind(HERE)]["head"]["rows"][0]["ratio"] == 10.0
    code, shown, _ = measuring("--check", machine=THERE, capsys=capsys)
    assert code == 2 and "has figures of Intel Xeon (avx2), 8 cores, and not all of" in shown.err
    code, shown, _ = measuring("--check", "head", "encode", capsys=capsys)
    assert code == 2 and "not all of head, encode of AMD EPYC" in shown.err


def test_a_check_names_the_rows_that_it_cannot_compare(measuring, capsys):
    code, shown, _ = measuring("--check", "head", ratio=1.0, against="others", capsys=capsys)
    assert code == 0
    assert "not checked, because the table has no such row: head job, against others" in shown.out


def test_another_machine_gets_a_table_of_its_own(measuring, capsys):
    code, _, after = measuring("search", machine=THERE, capsys=capsys)
    assert code == 0 and set(after) == {kind(THERE), kind(HERE)}
    assert list(after[kind(HERE)]) == ["search"] and list(after[kind(THERE)]) == ["head"]


def test_a_quick_run_writes_nothing(measuring, capsys):
    code, _, after = measuring("--quick", "head", ratio=1.0, capsys=capsys)
    assert code == 0 and after[kind(HERE)]["head"]["rows"][0]["ratio"] == 10.0
