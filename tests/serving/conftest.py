"""An index of a tiny encoder, a site that answers from it, and a server that runs."""

from __future__ import annotations

import socket
import threading
from collections.abc import Callable, Iterator

import pytest
import torch

import sembridge
from harness.serving.access import Access
from harness.serving.answers import Answers
from harness.serving.server import Server, listen
from harness.serving.site import Site
from harness.serving.word_search import WordSearch
from sembridge.search.index import Index
from tests.helpers.families_made import family_encoder, texts

MARKUP = 'the cat <img src=x onerror=alert(1)> & "window" </script><b>song</b>'
DOCUMENTS = {f"d{place}": text for place, text in enumerate(texts()[160:])} | {"<b>id": MARKUP}
TOKEN = "a token of a test, with 40 characters!!!".replace(" ", "-")


@pytest.fixture(autouse=True, scope="module")
def one_thread() -> Iterator[None]:
    """The models here are tiny, and threads that wait for each other take longer than the work."""
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(threads)


@pytest.fixture(scope="session")
def index(tmp_path_factory: pytest.TempPathFactory) -> Index:
    root = tmp_path_factory.mktemp("served")
    encoder = family_encoder(root / "encoder", "bert")
    return sembridge.search.build(encoder, DOCUMENTS, root / "index", precision="float32")


@pytest.fixture(scope="session")
def answers(index: Index) -> Answers:
    return Answers(index, WordSearch(index, lambda: None), "", None, "there is no record")


@pytest.fixture(scope="module")
def running(answers: Answers) -> Iterator[Server]:
    """One server on loopback for all tests of a module."""
    with listen("127.0.0.1", 0) as server:
        server.site = Site(answers, Access(frozenset(), None, server.port))
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
        thread.start()
        yield server
        server.shutdown()
        thread.join()


@pytest.fixture
def serve(answers: Answers) -> Iterator[Callable[..., Server]]:
    """Start servers on loopback, with or without a token; they end with the test."""
    running: list[tuple[Server, threading.Thread]] = []

    def start(token: str | None = None, site: Callable[[Access], Site] | None = None) -> Server:
        server = listen("127.0.0.1", 0)
        access = Access(frozenset({"search.example"}), token, server.port)
        server.site = site(access) if site else Site(answers, access)
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
        thread.start()
        running.append((server, thread))
        return server

    yield start
    for server, thread in running:
        server.shutdown()
        thread.join()
        server.server_close()


def exchange(server: Server, request: bytes, timeout: float = 20.0) -> tuple[int, dict[str, str], bytes]:
    """Send bytes, and return (status, headers by name in lower case, body); status 0 where the server only closed."""
    with socket.create_connection(("127.0.0.1", server.port), timeout=timeout) as connection:
        connection.sendall(request)
        received = b""
        try:
            while block := connection.recv(65536):
                received += block
        except ConnectionResetError:
            pass
    if not received:
        return 0, {}, b""
    head, _, body = received.partition(b"\r\n\r\n")
    first, *lines = head.decode("ascii").split("\r\n")
    assert first.startswith("HTTP/1.1 "), first
    headers = {name.lower(): value for name, _, value in (line.partition(": ") for line in lines)}
    return int(first.split()[1]), headers, body


def get(server: Server, target: str, **headers: str) -> tuple[int, dict[str, str], bytes]:
    """Get a target; headers by name with _ for -, Host as a browser sends it if it is not among them."""
    named = {"Host": f"127.0.0.1:{server.port}"} | {name.replace("_", "-"): value for name, value in headers.items()}
    lines = "".join(f"{name}: {value}\r\n" for name, value in named.items())
    return exchange(server, f"GET {target} HTTP/1.1\r\n{lines}\r\n".encode())
