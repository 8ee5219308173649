"""A double of the metadata service of AWS machines."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any


@contextmanager
def serve_metadata() -> Iterator[Any]:
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

    server: Any = ThreadingHTTPServer(("127.0.0.1", 0), Service)
    server.notice, server.looks, server.first = None, 0, 0
    server.url = f"http://127.0.0.1:{server.server_port}"
    threading.Thread(target=server.serve_forever, daemon=True).start()
    try:
        yield server
    finally:
        server.shutdown()
        server.server_close()
