"""The GPU table's script, as far as it goes without a GPU: all parts run, and a failing one stops no other."""

from __future__ import annotations

import subprocess
import sys

import pytest
import torch

from experiments.benchmarks.gpu import __main__ as gpu
from experiments.benchmarks.gpu.timing import Side, in_turn, largest
from tests.helpers.paths import ROOT
from tests.helpers.triton_device import NEEDS_TRITON


@NEEDS_TRITON
@pytest.mark.slow
def test_a_rehearsal_runs_every_part_and_says_that_it_measures_nothing(tmp_path):
    page = tmp_path / "gpu.md"
    parts = [name for name in gpu.PARTS if name != "tests"]
    command = [sys.executable, "-m", "experiments.benchmarks.gpu", "--rehearse", "--output", str(page), *parts]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout[-2000:] + done.stderr[-2000:]
    text = page.read_text(encoding="utf-8")
    assert text.startswith("A rehearsal on the processor: no figure here means anything.")
    for start in ("| head forward, ", "| head forward and backward, ", "    ", "| training step, ", "| pairs of ",
                  "| k 10, ", "| 12 passages ", "| alpha 4, "):  # fmt: skip
        assert any(line.startswith(start) for line in text.splitlines()), start


def run(monkeypatch, capsys, *options):
    monkeypatch.setattr(sys, "argv", ["gpu", "--rehearse", *options])
    for name in ("TRITON_INTERPRET", "CUDA_VISIBLE_DEVICES"):
        monkeypatch.setenv(name, "")
    code = gpu.main()
    return code, capsys.readouterr().out


def test_a_part_that_fails_is_named_and_the_next_one_runs(monkeypatch, capsys, tmp_path):
    def broken(sizes, end):
        yield "| begun |"
        raise RuntimeError("no kernel\nmore")

    parts = {"head": broken, "step": lambda sizes, end: iter(["| done |"])}
    monkeypatch.setattr(gpu, "PARTS", parts)
    code, printed = run(monkeypatch, capsys, "--output", str(tmp_path / "page.md"))
    assert code == 1 and printed.rstrip().endswith("failed: head")
    page = (tmp_path / "page.md").read_text(encoding="utf-8").splitlines()
    assert [line for line in page if line][1:] == ["| begun |", "**head failed: RuntimeError: no kernel**", "| done |"]


def test_without_time_nothing_is_started(monkeypatch, capsys):
    monkeypatch.setattr(gpu, "PARTS", {"head": lambda sizes, end: pytest.fail("was started")})
    code, printed = run(monkeypatch, capsys, "--seconds", "0")
    assert code == 1 and "head failed: TimeoutError: not started, because the 0 seconds were used up" in printed


def test_an_unknown_part_is_answered_by_the_nearest(monkeypatch, capsys):
    monkeypatch.setattr(sys, "argv", ["gpu", "serch"])
    with pytest.raises(SystemExit, match="2"):
        gpu.main()
    assert "part 'serch' is unknown" in (said := capsys.readouterr().err) and "search" in said


@pytest.mark.skipif(torch.cuda.is_available(), reason="this machine has a GPU")
def test_without_a_gpu_nothing_is_measured(monkeypatch, capsys):
    monkeypatch.setattr(sys, "argv", ["gpu"])
    assert gpu.main() == 1
    assert capsys.readouterr().out.startswith("no GPU that torch can use, so nothing was measured")


def test_sides_take_turns_and_one_that_does_not_fit_is_left_out():
    order = []

    def too_large():
        raise torch.OutOfMemoryError("CUDA out of memory")

    results = in_turn({"a": lambda: order.append("a"), "b": too_large, "c": lambda: order.append("c")}, 2, least=0.0)
    assert list(results) == ["a", "c"] and order[-4:] == ["a", "c", "a", "c"]
    assert all(len(side.rounds) == 2 for side in results.values())


def test_ratios_are_medians_over_neighboring_rounds():
    assert Side(0.0, 0.0, 1, [10.0, 80.0, 30.0]).times(Side(0.0, 0.0, 1, [5.0, 20.0, 10.0])) == 3.0


@pytest.mark.parametrize(("room", "expected"), [(1, 0), (2, 2), (37, 36), (1000, 64)])
def test_the_largest_batch_is_found_by_doubling_and_halving(room, expected):
    def work(batch):
        if batch > room:
            raise torch.OutOfMemoryError("CUDA out of memory")

    assert largest(work, 2, most=64) == expected
