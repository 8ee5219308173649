"""The notice of a spot machine, from a double of the metadata service to a Ray node that accepts no more work."""

from __future__ import annotations

import os
import subprocess
import sys
import threading
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from unittest import mock

import pytest

from harness.run.spot_notice import read_notice
from tests.helpers.ray_nodes import RayNodes, work_probe

pytestmark = [pytest.mark.timeout(180), pytest.mark.slow]
END = datetime(2026, 3, 1, 8, 22, tzinfo=UTC)


@pytest.fixture
def metadata():
    """The service as documented: a token first, then 404 until there is a notice.

    notice  its text; looks  the number of requests; first  the request that sees the notice first
    """

    class Service(BaseHTTPRequestHandler):
        def do_PUT(self):
            valid = self.path == "/latest/api/token" and "X-aws-ec2-metadata-token-ttl-seconds" in self.headers
            self.answer(200 if valid else 400, "TOKEN")

        def do_GET(self):
            server.looks += 1
            missing = server.notice is None or server.looks < server.first
            if self.headers.get("X-aws-ec2-metadata-token") != "TOKEN":
                self.answer(401, "")
            elif self.path != "/latest/meta-data/spot/instance-action" or missing:
                self.answer(404, "not found")
            else:
                self.answer(200, server.notice)

        def answer(self, status, text):
            self.send_response(status)
            self.end_headers()
            self.wfile.write(text.encode())

        def log_message(self, *_):
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Service)
    server.notice, server.looks, server.first = None, 0, 0
    server.url = f"http://127.0.0.1:{server.server_port}"
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield server
    server.shutdown()
    server.server_close()


@pytest.mark.parametrize(
    ("notice", "end"),
    [
        ('{"action": "terminate", "time": "2026-03-01T08:22:00Z"}', END),
        ('{"action": "stop", "time": "2026-03-01T08:22:00Z"}', END),
        (None, None),
        ("<html>", None),
        ("[]", None),
        ('{"action": "terminate"}', None),
        ('{"time": "soon"}', None),
    ],
)
def test_notices_are_read(notice, end, metadata):
    metadata.notice = notice
    assert read_notice(metadata.url) == end
    assert metadata.looks == 1


def test_a_service_that_does_not_answer_is_not_a_notice(metadata):
    assert read_notice("http://127.0.0.1:9") is None


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
            command = [sys.executable, "-m", "harness.run.spot_notice", "--address", nodes.address]
            command += ["--metadata", metadata.url, "--every", "0.01"]
            process = subprocess.run(command, capture_output=True, text=True, timeout=120)
            assert process.returncode == 0 and "will be taken away at" in process.stdout, process.stderr
            assert metadata.looks == 3 and not ray.get(probe.accepts_work.remote())
        finally:
            ray.shutdown()
            nodes.close()
