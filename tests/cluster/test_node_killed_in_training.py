"""Nodes die or are taken away in a training: another one resumes from the checkpoint, with the undisturbed result."""

from __future__ import annotations

import os
import re
from unittest import mock

import pytest

from tests.helpers.own_data_made import made_own_data
from tests.helpers.own_grid import OwnGrid, wait_for
from tests.helpers.ray_nodes import RayNodes, work_probe

pytestmark = [pytest.mark.timeout(600), pytest.mark.slow]
EPOCHS = "training.epochs=200"  # of 5 steps: the training lasts seconds, long enough to be hit


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
    """The driver's node computes nothing, as in the cloud, so that kills never hit the driver's node."""
    with mock.patch.dict(os.environ):
        started = RayNodes(0, [1, 1, 1])
        try:
            yield started
        finally:
            started.close()


def training_on(nodes, kind):
    def trains(node):
        return any(worker.cmdline()[0].startswith(kind) for worker in nodes.workers([node]))

    return [node for node in nodes.nodes if trains(node)]


def test_a_node_taken_away_and_a_node_killed_in_training(nodes, data, undisturbed, tmp_path):
    """The first node goes after notice: its work continues until the end, and its death does not count as an attempt.

    The raylet of the second is killed with -9 after another checkpoint. The third one takes over.
    """
    grid = OwnGrid(data, tmp_path, [EPOCHS], ["fine-tuned"])
    command = grid.start("--address", nodes.address)
    grid.checkpoint(command)
    (hit,) = training_on(nodes, "ray::make_artifact")
    nodes.drain(hit, 60)
    noticed = grid.checkpoint(command)
    nodes.kill(hit)
    wait_for(lambda: bool(training_on(nodes, "ray::make_artifact")), 60)
    (hit,) = training_on(nodes, "ray::make_artifact")
    step = grid.checkpoint(command)
    nodes.kill(hit)
    assert command.wait(240) == 0, grid.output()
    assert grid.training_record()["resumed_from"] >= step > noticed
    assert grid.artifacts() == undisturbed
    attempts = re.findall("attempt . of . failed: (its node is gone|its process died)", grid.output())
    assert len(attempts) == grid.output().count(" failed: ") == 1, "the trial that waited may have been there too"


def test_a_group_of_two_nodes_that_loses_one(nodes, data, tmp_path):
    """The other node has the trial that waits for the group. Two workers equal one up to rounding: compare scores."""
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
    assert command.wait(240) == 0, grid.output()
    assert grid.training_record()["resumed_from"] >= step
    single = OwnGrid(data, tmp_path / "one", settings[:1], ["fine-tuned"])
    single.make()
    assert scores(grid) == pytest.approx(scores(single), abs=0.02)


def test_a_process_on_a_node_that_leaves_accepts_no_work(nodes):
    import ray

    node = nodes.add(1)
    ray.init(address=nodes.address, log_to_driver=False)
    try:
        probe = work_probe(node.node_id)
        assert ray.get(probe.accepts_work.remote())
        nodes.drain(node, 60)
        assert not ray.get(probe.accepts_work.remote())
    finally:
        ray.shutdown()
        nodes.kill(node)


def scores(grid):
    (values,) = (value for name, value in grid.artifacts().items() if name.endswith("measurement.json"))
    return values
