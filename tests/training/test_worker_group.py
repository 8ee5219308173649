"""What a worker group says of itself, without starting one."""

from __future__ import annotations

import socket

import pytest
import ray
import ray.train.torch
import torch
from ray.exceptions import RayTaskError
from ray.train import ControllerError, TrainingFailedError, WorkerGroupError
from ray.train.v2._internal.exceptions import UserExceptionWithTraceback

from harness.training import stage
from harness.training.settings import GROWTH
from harness.training.worker_group import interface_of, worker_error

LOST = RuntimeError("Connection closed by peer")


def wrapped(error):
    return UserExceptionWithTraceback(error, traceback_str="many\nframes")


def test_the_error_of_the_worker_that_knows_why():
    reason = torch.OutOfMemoryError("CUDA out of memory")
    assert worker_error(WorkerGroupError("said", {0: wrapped(LOST), 1: wrapped(reason)})) is reason
    assert worker_error(WorkerGroupError("said", {1: wrapped(ValueError("b")), 0: wrapped(LOST)})).args == ("b",)
    assert worker_error(WorkerGroupError("said", {1: wrapped(LOST)})) is LOST
    lower, higher = ValueError("a"), ValueError("b")
    assert worker_error(WorkerGroupError("said", {1: wrapped(higher), 0: wrapped(lower)})) is lower


def test_what_has_no_worker_behind_it_stays_what_it_is():
    preempted = TrainingFailedError("the nodes were taken")
    assert worker_error(preempted) is preempted
    failed = ValueError("no such backend")
    assert worker_error(ControllerError(RayTaskError("f", "frames", failed))) is failed


def test_the_interface_of_an_address():
    assert dict(map(reversed, socket.if_nameindex()))[interface_of("127.0.0.1")] > 0
    assert interface_of("203.0.113.77") is None


@pytest.mark.parametrize(
    ("present", "growth", "expected"),
    [({"GPU": 2}, None, True), ({"GPU": 1}, None, False), ({}, "2.0", True), ({"GPU": 1}, "1.0", False)],
)
def test_workers_use_gpus_that_are_there_or_will_come(present, growth, expected, tmp_path, monkeypatch):
    on_gpus = []

    class Asked(Exception):
        pass

    def trainer(loop, scaling_config, **options):
        on_gpus.append(scaling_config.use_gpu)
        raise Asked

    monkeypatch.setattr(ray.train.torch, "TorchTrainer", trainer)
    monkeypatch.setattr(ray, "cluster_resources", lambda: present)
    monkeypatch.delenv(GROWTH, raising=False)
    if growth:
        monkeypatch.setenv(GROWTH, growth)
    with pytest.raises(Asked):
        stage.build(tmp_path, {"workers": 2}, {}, tmp_path)
    assert on_gpus == [expected]
