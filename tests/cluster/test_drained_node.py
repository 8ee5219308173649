"""The notice of a spot machine, from a double of the metadata service to a Ray node that accepts no more work."""

from __future__ import annotations

import os
import subprocess
import sys
from datetime import UTC, datetime, timedelta
from unittest import mock

import pytest

from tests.helpers.metadata_double import serve_metadata
from tests.helpers.ray_nodes import RayNodes, work_probe

pytestmark = [pytest.mark.timeout(180), pytest.mark.slow]


@pytest.fixture
def metadata():
    with serve_metadata() as server:
        yield server


def test_a_node_accepts_no_work_after_the_notice(metadata):
    """A process works there meanwhile, because an idle node would go at once."""
    import ray

    with mock.patch.dict(os.environ):
        nodes = RayNodes(1, [])
        try:
            ray.init(address=nodes.address, log_to_driver=False)
            probe = work_probe(ray.get_runtime_context().get_node_id())
            assert ray.get(probe.accepts_work.remote())
            end = datetime.now(UTC) + timedelta(seconds=120)
            metadata.notice, metadata.first = f'{{"action": "terminate", "time": "{end:%Y-%m-%dT%H:%M:%SZ}"}}', 3
            command = [sys.executable, "-m", "harness.cluster.spot_notice", "--address", nodes.address]
            command += ["--metadata", metadata.url, "--every", "0.01"]
            process = subprocess.run(command, capture_output=True, text=True, timeout=120)
            assert process.returncode == 0 and "will be taken away at" in process.stdout, process.stderr
            assert metadata.looks == 3 and not ray.get(probe.accepts_work.remote())
        finally:
            ray.shutdown()
            nodes.close()
