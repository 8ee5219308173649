"""Nodes that are announced to go: they get no new work, and what is lost with them is told apart from other losses."""

from __future__ import annotations

import sys
from types import SimpleNamespace

import pytest

from harness.cluster.draining import NodeLeaves, lost_node, stay_off_draining_node, was_announced
from harness.run import task
from harness.run.retries import AGAIN, ELSEWHERE, Attempts

LOST = "Task failed because the node it was running on is dead or unavailable. Node IP: 10.0.0.1, node ID: {}. This can"


@pytest.fixture
def ray(monkeypatch):
    """A double of Ray on the node "here": `draining` nodes, and `dead` ones with Ray's number of the reason."""
    state = SimpleNamespace(draining={}, dead={})

    def nodes():
        return [{"NodeID": "here", "Alive": True, "DeathReason": 0}] + [
            {"NodeID": node, "Alive": False, "DeathReason": reason} for node, reason in state.dead.items()
        ]

    class RayError(Exception):
        pass

    def get(reference):
        raise RayError(LOST.format(reference))

    double = SimpleNamespace(
        nodes=nodes, get=get, exceptions=SimpleNamespace(RayError=RayError),
        get_runtime_context=lambda: SimpleNamespace(get_node_id=lambda: "here"),
    )  # fmt: skip
    private = SimpleNamespace(state=SimpleNamespace(get_draining_nodes=lambda: state.draining))
    for name, module in (("", double), ("._private", SimpleNamespace()), ("._private.state", private)):
        monkeypatch.setitem(sys.modules, f"ray{name}", module)
    monkeypatch.setattr(task, "oom_kills", lambda: 0)
    return state


def test_a_draining_node_gets_no_new_work(ray):
    ray.draining["other"] = 1
    stay_off_draining_node()
    ray.draining["here"] = 1
    with pytest.raises(NodeLeaves):
        stay_off_draining_node()


def test_a_node_was_announced_while_it_drains_and_when_ray_says_that_it_died_of_it(ray):
    ray.draining["leaves"], ray.dead = 1, {"left": 3, "crashed": 2}
    announced = {node: was_announced(node) for node in ("leaves", "left", "crashed", "here")}
    assert announced == {"leaves": True, "left": True, "crashed": False, "here": False}


def test_which_node_was_lost_stands_in_rays_message():
    assert lost_node(LOST.format("leaves")) == "leaves"
    assert lost_node("The worker died unexpectedly. node ID: leaves") is None


def test_a_piece_that_is_lost_with_an_announced_node_keeps_its_attempts(ray):
    ray.draining["leaves"] = 1
    attempts = Attempts()
    for _ in range(5):
        lost = task.outcome("leaves", 0)
        assert lost.verdict == ELSEWHERE
        again, report = attempts.record_failure("key", lost)
        assert again and report == "its node was taken away; trying again elsewhere"
    crashed = [task.outcome("crashed", 0) for _ in range(3)]
    assert {outcome[2:4] for outcome in crashed} == {("its node is gone", AGAIN)}
    assert [attempts.record_failure("key", outcome)[0] for outcome in crashed] == [True, True, False]
