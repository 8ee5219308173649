"""Nodes that die or are taken away while they train: another one goes on from the checkpoint, and what comes out is what it would have been."""

from __future__ import annotations

import os
from unittest import mock

import pytest

from tests.helpers.own_data_made import made_own_data
from tests.helpers.own_grid import OwnGrid, wait_for
from tests.helpers.ray_nodes import RayNodes, asked_on

pytestmark = pytest.mark.timeout(600)
EPOCHS = "training.epochs=200"  # of 5 steps: seconds, so that there is a training to be hit


@pytest.fixture(scope="module")
def data(tmp_path_factory):
    return made_own_data(tmp_path_factory.mktemp("own-data"))


@pytest.fixture(scope="module")
def undisturbed(data, tmp_path_factory):
    grid = OwnGrid(data, tmp_path_factory.mktemp("undisturbed"), [EPOCHS], ["fine-tuned"])
    grid.make()
    return grid.artifacts()


@pytest.fixture(scope="module")
def nodes():
    """The driver's node computes nothing, as in the cloud: what is killed is never the driver's."""
    with mock.patch.dict(os.environ):
        started = RayNodes(0, [1, 1, 1])
        try:
            yield started
        finally:
            started.close()


def training_on(nodes, kind):
    return [
        node for node in nodes.nodes if any(worker.cmdline()[0].startswith(kind) for worker in nodes.workers([node]))
    ]


def test_a_node_taken_away_and_a_node_killed_in_training(nodes, data, undisturbed, tmp_path):
    """The first one after notice: what runs there goes on until the end, and its death costs none of the three attempts. The second one by kill -9 of
    its raylet after another checkpoint. The third one takes over."""
    grid = OwnGrid(data, tmp_path, [EPOCHS], ["fine-tuned"])
    command = grid.start("--address", nodes.address)
    grid.checkpoint(command)
    (hit,) = training_on(nodes, "ray::ImplicitFunc")
    nodes.drain(hit, 60)
    noticed = grid.checkpoint(command)
    nodes.kill(hit)
    wait_for(lambda: bool(training_on(nodes, "ray::ImplicitFunc.train")), 60)
    (hit,) = training_on(nodes, "ray::ImplicitFunc")
    step = grid.checkpoint(command)
    nodes.kill(hit)
    assert command.wait(240) == 0, grid.said()
    assert grid.trained()["resumed_from"] >= step > noticed
    assert grid.artifacts() == undisturbed
    assert grid.said().count("attempt 1 of 3 failed: its process died") == grid.said().count("failed") == 1


def test_a_group_of_two_nodes_that_loses_one(nodes, data, tmp_path):
    """The other node holds the trial that waits for the group. Two workers agree with one but for rounding: the scores of rankings are compared."""
    while len(nodes.nodes) < 3:
        nodes.add(1)
    settings = ["training.epochs=8", "training.workers=2"]
    grid = OwnGrid(data, tmp_path / "hit", settings, ["fine-tuned"])
    command = grid.start("--address", nodes.address)
    step = grid.checkpoint(command)
    hit, other = training_on(nodes, "ray::RayTrainWorker")
    assert hit is not other
    nodes.kill(hit)
    nodes.add(1)
    assert command.wait(240) == 0, grid.said()
    assert grid.trained()["resumed_from"] >= step
    one = OwnGrid(data, tmp_path / "one", settings[:1], ["fine-tuned"])
    one.make()
    assert scores(grid) == pytest.approx(scores(one), abs=0.02)


def test_a_process_on_a_node_that_leaves_takes_nothing_new(nodes):
    import ray

    node = nodes.add(1)
    ray.init(address=nodes.address, log_to_driver=False)
    try:
        asked = asked_on(node.node_id)
        assert ray.get(asked.begins.remote())
        nodes.drain(node, 60)
        assert not ray.get(asked.begins.remote())
    finally:
        ray.shutdown()
        nodes.kill(node)


def scores(grid):
    (found,) = (value for name, value in grid.artifacts().items() if name.endswith("measurement.json"))
    return found
