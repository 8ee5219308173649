"""A grid that computes in bfloat16 is warned where the processor is slow at it."""

from __future__ import annotations

import pytest
import torch

from harness.plan.load_preset import load_preset
from harness.plan.precision_checks import slow_precisions
from sembridge.processor import paths
from tests.helpers.paths import PRESETS
from tests.helpers.processors import processor

EVALUATION, TRAINING = "evaluation.precision=bfloat16", "training.precision=bfloat16"


def warned(*overrides: str, name: str = "paper-fine-tuned") -> list[str]:
    """Return the options that are warned of."""
    sentences = slow_precisions(load_preset(name, PRESETS, overrides))
    assert all("7.0 times as long as in float32" in sentence for sentence in sentences)
    return [sentence.split()[0] for sentence in sentences]


def test_each_slow_precision_is_named(monkeypatch):
    processor(monkeypatch, 7.0)
    assert warned(EVALUATION, TRAINING) == ["evaluation.precision", "training.precision"]
    assert warned(TRAINING) == ["training.precision"]
    assert warned(EVALUATION, TRAINING, name="paper-zero-shot") == ["evaluation.precision"]


def test_nothing_is_said_where_it_is_fast_or_on_a_gpu(monkeypatch):
    processor(monkeypatch, 0.3)
    assert warned(EVALUATION) == []
    processor(monkeypatch, 7.0)
    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    assert warned(EVALUATION) == []


def test_nothing_is_measured_for_other_precisions(monkeypatch):
    monkeypatch.setattr(paths, "bfloat16_ratio", lambda threads: pytest.fail("was measured"))
    assert warned(name="paper-zero-shot") == warned("training.precision=float32") == []


def test_it_is_measured_with_the_threads_of_a_cell(monkeypatch):
    threads, before = [], torch.get_num_threads()
    processor(monkeypatch, 1.0)
    monkeypatch.setattr(paths, "bfloat16_ratio", lambda count: threads.append(count) or 1.0)
    warned(EVALUATION, "resources.cpus_per_cell=3", name="paper-zero-shot")
    assert threads == [3] and torch.get_num_threads() == before
