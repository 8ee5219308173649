"""Trials: measured once, kept for later processes, and never in the way where nothing can be kept."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
import torch

from sembridge.processor import trial


@pytest.fixture
def cache(tmp_path, monkeypatch):
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    return tmp_path / "sembridge"


class Sides:
    """Two sides that count their calls."""

    def __init__(self) -> None:
        self.calls = {"a": 0, "b": 0}

    def __getitem__(self, name: str):
        def work() -> None:
            self.calls[name] += 1

        return work

    def measure(self, name: str = "pair") -> dict[str, float]:
        return trial.seconds_of(name, {side: self[side] for side in self.calls})


def test_both_sides_are_called_in_turn_and_measured_once(cache):
    first, second = Sides(), Sides()
    seconds = first.measure()
    assert first.calls["a"] == first.calls["b"] >= 3 and all(value > 0 for value in seconds.values())
    assert second.measure() == seconds and second.calls == {"a": 0, "b": 0}
    (file,) = cache.iterdir()
    about = json.loads(file.read_text())["about"]
    assert about["threads"] == torch.get_num_threads() and about["torch"] == torch.__version__


def test_the_fastest_call_counts(monkeypatch):
    """Reads of the clock: begin; then a check and two reads for each of the two sides, in each round."""
    clock = iter([0.0, 1.0, 4.0, 4.0, 5.0, 5.0, 7.0, 7.0, 11.0, 99.0])
    monkeypatch.setattr(trial.time, "perf_counter", lambda: next(clock))
    assert trial._measure({"a": lambda: None, "b": lambda: None}) == {"a": 2.0, "b": 1.0}


@pytest.mark.parametrize(
    "change",
    [
        lambda patch: patch.setenv("ONEDNN_MAX_CPU_ISA", "AVX2"),
        lambda patch: patch.setattr(torch, "get_num_threads", lambda: 77),
        lambda patch: patch.setattr(torch, "__version__", "0.0"),
        lambda patch: patch.setattr(trial.features, "flags", lambda: frozenset({"sse"})),
    ],
    ids=["limits", "threads", "torch", "flags"],
)
def test_another_machine_measures_for_itself(cache, monkeypatch, change):
    Sides().measure()
    with monkeypatch.context() as patch:
        change(patch)
        other = Sides()
        other.measure()
    assert other.calls["a"] > 0 and len(list(cache.iterdir())) == 2
    same = Sides()
    same.measure()
    assert same.calls["a"] == 0


def test_trials_of_other_names_and_sides_are_their_own(cache):
    Sides().measure()
    other, more = Sides(), Sides()
    other.measure("other")
    more.calls["c"] = 0
    more.measure()
    assert other.calls["a"] > 0 and more.calls["c"] > 0


@pytest.mark.parametrize(
    "damaged", ["", "{", "[]", '{"about": {}, "seconds": {"a": 1, "b": 2}}', "no seconds", "zero", "text"]
)
def test_a_damaged_file_is_replaced(cache, damaged):
    Sides().measure()
    (file,) = cache.iterdir()
    content = json.loads(file.read_text())
    wrong = {"no seconds": {}, "zero": {"a": 0, "b": 1}, "text": {"a": "x", "b": 1}}
    file.write_text(json.dumps(content | {"seconds": wrong[damaged]}) if damaged in wrong else damaged)
    again, after = Sides(), Sides()
    seconds = again.measure()
    assert again.calls["a"] > 0 and after.measure() == seconds and after.calls["a"] == 0


def test_who_was_first_is_believed(cache, monkeypatch):
    """Another process finishes the same trial while this one measures: both choose by its figures."""
    Sides().measure()
    (file,) = cache.iterdir()
    theirs = json.loads(file.read_text()) | {"seconds": {"a": 0.125, "b": 0.25}}
    file.unlink()

    def measure(sides: object) -> dict[str, float]:
        file.write_text(json.dumps(theirs))
        return {"a": 5.0, "b": 1.0}

    monkeypatch.setattr(trial, "_measure", measure)
    assert Sides().measure() == {"a": 0.125, "b": 0.25}
    assert [path.name for path in cache.iterdir()] == [file.name]


def test_nothing_is_kept_where_nothing_can_be_written(tmp_path, monkeypatch):
    blocked = tmp_path / "file"
    blocked.write_text("")
    monkeypatch.setenv("XDG_CACHE_HOME", str(blocked))
    assert Sides().measure().keys() == {"a", "b"} and blocked.read_text() == ""


def test_a_user_without_a_home_measures_anew(monkeypatch):
    def homeless() -> Path:
        raise RuntimeError("Could not determine home directory.")

    monkeypatch.delenv("XDG_CACHE_HOME", raising=False)
    monkeypatch.setattr(Path, "home", homeless)
    assert trial.cache_folder() is None
    sides = Sides()
    sides.measure()
    sides.measure()
    assert sides.calls["a"] >= 6


def test_the_folder_is_the_users_cache(monkeypatch, tmp_path):
    monkeypatch.setenv("XDG_CACHE_HOME", "")
    monkeypatch.setattr(Path, "home", lambda: tmp_path)
    assert trial.cache_folder() == tmp_path / ".cache" / "sembridge"
