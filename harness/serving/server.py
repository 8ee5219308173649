"""Serve a site with the standard library, within limits: only GET, short heads, no bodies, bounded waiting."""

from __future__ import annotations

import errno
import io
import re
import socket
import threading
import time
from contextlib import suppress
from http import HTTPStatus
from http.client import LineTooLong
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from socketserver import TCPServer
from typing import Any

from harness.serving.site import Reply, RequestError, Site

CONNECTIONS = 32  # answered at once; more are told to come back
HEAD_BYTES = 16_384  # of a request: its first line and headers
HEAD_SECONDS = 10.0  # in which the head has to arrive as a whole
SEND_SECONDS = 10.0  # in which an answer has to be taken
LINGER_SECONDS = 0.5  # in which what a client sends too much is read and dropped, so that it reads the answer
_NOT_ASCII = re.compile(rb"[\x80-\xff]")
NEAR = 20  # ports after one in use that are tried for a suggestion


class Server(ThreadingHTTPServer):
    """A server that listens as soon as it is made; set `site` before `serve_forever`."""

    daemon_threads = True
    block_on_close = False
    request_queue_size = CONNECTIONS
    site: Site

    def __init__(self, family: int, address: tuple[str, int]) -> None:
        """Listen at an address, port 0 for any. Raises OSError."""
        self.address_family = family
        self._slots = threading.BoundedSemaphore(CONNECTIONS)
        self._waiting: dict[Any, float] = {}  # socket whose head has not arrived -> when it is given up
        super().__init__(address, Handler)

    @property
    def port(self) -> int:
        """Return the port it listens at."""
        return int(self.server_address[1])

    def server_bind(self) -> None:
        """Bind without asking the network for the name of this machine, as http.server does."""
        TCPServer.server_bind(self)
        self.server_name, self.server_port = str(self.server_address[0]), self.port

    def process_request(self, request: Any, client_address: Any) -> None:
        """Answer in a thread, if there are not too many already."""
        if not self._slots.acquire(blocking=False):
            with suppress(OSError):
                request.setblocking(False)
                request.send(_bytes(RequestError(503, "too many requests at once", {"Retry-After": "1"}).reply))
            self.shutdown_request(request)
            return
        self._waiting[request] = time.monotonic() + HEAD_SECONDS
        try:
            super().process_request(request, client_address)
        except BaseException:  # no thread was started
            self._slots.release()
            raise

    def process_request_thread(self, request: Any, client_address: Any) -> None:
        """Answer, and make room for another."""
        try:
            super().process_request_thread(request, client_address)
        finally:
            self._waiting.pop(request, None)
            self._slots.release()

    def has_head(self, request: Any) -> None:
        """Note that the head of a request has arrived."""
        self._waiting.pop(request, None)

    def service_actions(self) -> None:
        """Give up requests that arrive byte by byte; called twice a second."""
        now = time.monotonic()
        for request, until in list(self._waiting.items()):
            if now > until:
                self._waiting.pop(request, None)
                with suppress(OSError):
                    request.shutdown(socket.SHUT_RDWR)

    def handle_error(self, request: Any, client_address: Any) -> None:
        """Say nothing: clients that go away in the middle are not errors, and `Site` tells of the others."""

    def idle(self, seconds: float) -> bool:
        """Wait until all requests are answered; return whether they are."""
        until = time.monotonic() + seconds
        taken = 0
        while taken < CONNECTIONS and self._slots.acquire(timeout=max(0.0, until - time.monotonic())):
            taken += 1
        return taken == CONNECTIONS


class _Head:
    """The bytes of a request, of which no more than `HEAD_BYTES` are read."""

    def __init__(self, raw: io.BufferedIOBase) -> None:
        self._raw, self._left = raw, HEAD_BYTES

    def readline(self, size: int = -1) -> bytes:
        line = self._raw.readline(self._left + 1 if size < 0 else min(size, self._left + 1))
        self._left -= len(line)
        if self._left < 0:
            raise LineTooLong("head")
        return line

    def close(self) -> None:
        self._raw.close()


class Handler(BaseHTTPRequestHandler):
    """One request of one connection."""

    server: Server
    timeout = SEND_SECONDS  # of every read, and of sending as a whole

    def handle(self) -> None:
        """Read the head, and send the reply."""
        self.rfile = _Head(self.rfile)  # type: ignore[assignment]
        self.command = ""
        with suppress(OSError):  # slow, or gone
            try:
                line = self.rfile.readline()
            except LineTooLong:
                return self.send_error(414)
            # What is not ASCII is encoded, as a browser would: http.server takes some bytes of it for spaces.
            self.raw_requestline = _NOT_ASCII.sub(lambda byte: b"%%%02X" % ord(byte[0]), line)
            if line and self.parse_request():
                self.server.has_head(self.request)
                self._send(self._reply())

    def _reply(self) -> Reply:
        get = self.headers.get_all
        if self.request_version not in ("HTTP/1.0", "HTTP/1.1"):
            return RequestError(400, "this is not a request in HTTP/1.1").reply
        if self.command != "GET":
            return RequestError(405, "only GET is answered here", {"Allow": "GET"}).reply
        if get("Transfer-Encoding") or (get("Content-Length") or ["0"]) != ["0"]:
            return RequestError(413, "a request has no body here").reply
        if len(get("Host") or []) != 1:
            return RequestError(400, "a request has one Host header").reply
        return self.server.site.reply(self.path, {name.lower(): value for name, value in self.headers.items()})

    def send_error(self, code: int, message: str | None = None, explain: str | None = None) -> None:
        """Refuse a head that http.server cannot read. Its messages repeat what was sent; this one does not."""
        code = code if 400 <= code < 500 else 400
        self._send(RequestError(code, f"this request cannot be read ({HTTPStatus(code).phrase.lower()})").reply)

    def handle_expect_100(self) -> bool:
        """Ask for no body."""
        return True

    def _send(self, reply: Reply) -> None:
        with suppress(OSError):
            self.request.sendall(_bytes(reply, with_body=self.command != "HEAD"))
            if reply.status in (400, 405, 413, 414, 431):  # there may be more that was not read
                self._linger()

    def _linger(self) -> None:
        self.request.shutdown(socket.SHUT_WR)
        self.request.settimeout(LINGER_SECONDS)
        until = time.monotonic() + LINGER_SECONDS
        while self.request.recv(65_536) and time.monotonic() < until:
            pass

    def log_message(self, format: str, *args: Any) -> None:
        """Log nothing: queries are the business of those who ask them, and headers may hold the token."""


def _bytes(reply: Reply, with_body: bool = True) -> bytes:
    headers = {**reply.headers, "Content-Length": str(len(reply.body)), "Connection": "close"}
    lines = [f"HTTP/1.1 {reply.status} {HTTPStatus(reply.status).phrase}", *(f"{n}: {v}" for n, v in headers.items())]
    return "\r\n".join([*lines, "", ""]).encode("ascii") + (reply.body if with_body else b"")


def listen(host: str, port: int) -> Server:
    """Return a server that listens, at port 0 for any. Raises ValueError with a sentence for a person."""
    shown = f"--host {host!r}"
    try:
        family, _, _, _, address = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE)[0]
    except (OSError, UnicodeError):
        raise ValueError(f"{shown} is not an address or name of this machine; the default is 127.0.0.1") from None
    try:
        return Server(family, (str(address[0]), port))
    except PermissionError:
        raise ValueError(f"--port {port} needs the rights of an administrator; choose one from 1024 on") from None
    except OSError as error:
        if error.errno != errno.EADDRINUSE:
            problem = f"{shown} is not an address of this machine ({error.strerror})"
            raise ValueError(f"{problem}; the default is 127.0.0.1") from None
    free = next((near for near in range(port + 1, port + NEAR) if near < 65536 and _is_free(family, host, near)), None)
    advice = f"--port {free} is free, and --port 0 takes any" if free else "--port 0 takes any that is free"
    raise ValueError(f"--port {port} is in use by another program; {advice}")


def _is_free(family: int, host: str, port: int) -> bool:
    with socket.socket(family, socket.SOCK_STREAM) as tried:
        tried.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            tried.bind((host, port))
        except OSError:
            return False
    return True
