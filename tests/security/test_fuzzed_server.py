"""Whatever bytes come over the socket, also from many, the server answers as the index does, or in a sentence."""

# ruff: noqa: F811  the arguments of tests are fixtures, which are imported
from __future__ import annotations

import contextlib
import json
import re
import socket
import time
from concurrent.futures import ThreadPoolExecutor
from urllib.parse import quote, unquote_to_bytes

import pytest
from hypothesis import strategies as st

from harness.serving.server import CONNECTIONS, HEAD_BYTES
from harness.serving.site import LONGEST_QUERY, MOST_HITS
from tests.helpers.fuzzing import fuzz, mutations
from tests.serving.conftest import answers, exchange, index, running  # noqa: F401  the fixtures

STATUSES = (200, 400, 404, 405, 413, 414, 421, 431)
HOST = b"Host: 127.0.0.1\r\n"
VALID = b"GET /api/search?q=the+cat&k=3&idf=1 HTTP/1.1\r\nHost: 127.0.0.1\r\nAccept: */*\r\n\r\n"


def sent(server, request: bytes) -> bytes:
    """Send bytes and the end of them, and return what comes back."""
    with socket.create_connection(("127.0.0.1", server.port), timeout=30) as connection:
        received = b""
        with contextlib.suppress(ConnectionError):
            connection.sendall(request)
            with contextlib.suppress(OSError):  # the server has closed it already
                connection.shutdown(socket.SHUT_WR)
            while block := connection.recv(65536):
                received += block
    return received


def checked(received: bytes) -> int:
    """Check that an answer is one of ours, and return its status."""
    head, _, body = received.partition(b"\r\n\r\n")
    status = int(head.split()[1])
    assert head.startswith(b"HTTP/1.1 ") and status in STATUSES, head
    assert b"Traceback" not in received and b'File "' not in received and b"site-packages" not in received
    if status != 200 and body:
        told = json.loads(body)
        assert told.keys() == {"error"} and "\n" not in told["error"] and len(told["error"]) < 200
    return status


def test_damaged_requests(running, request):
    def check(content: bytes) -> None:
        start = time.monotonic()
        received = sent(running, content)
        assert time.monotonic() - start < 20
        if received:
            checked(received)

    assert checked(sent(running, VALID)) == 200
    fuzz(request, "requests", mutations(VALID), check, 150)
    assert checked(sent(running, VALID)) == 200


QUERIES = st.one_of(
    st.text(max_size=40),
    st.sampled_from(["x" * 1000, "x" * 1001, "안" * 1000, "a b " * 250, "\0", "\u202e", "<script>", "%s{0}"]),
)
NUMBERS = st.one_of(
    st.integers(-3, 103).map(str),
    st.sampled_from(["", "0x1", "1.0", "1e2", "+5", " 5", "5 ", "٣", "1" * 400, "NaN", "-0", "007", "1_0", "\0"]),
)


def test_answers_are_those_of_the_index(running, answers, request):
    """The oracle is spelled here again: what a request may hold, and the library's answer to it."""

    def check(parameters: tuple[str, str, str]) -> None:
        query, k, idf = parameters
        target = "&".join(
            f"{name}={quote(value, safe='', errors='surrogatepass')}"
            for name, value in zip(("q", "k", "idf"), parameters, strict=True)
        )
        status, _, body = exchange(running, f"GET /api/search?{target} HTTP/1.1\r\nHost: localhost\r\n\r\n".encode())
        fits = 1 <= len(query.strip()) <= LONGEST_QUERY and re.fullmatch("[01]|0{1,8}[01]", idf)
        if fits and re.fullmatch("[0-9]{1,9}", k) and 1 <= int(k) <= MOST_HITS:
            told = json.loads(body)
            expected = answers._index.search(query.strip(), int(k), idf=bool(int(idf)))
            assert status == 200 and told["query"] == query.strip()
            assert [(hit["id"], hit["score"]) for hit in told["hits"]] == [(hit.id, hit.score) for hit in expected]
        else:
            assert status in (400, 414) and json.loads(body).keys() == {"error"}, (target, status)

    check(("the cat", "3", "1"))
    fuzz(request, "parameters", st.tuples(QUERIES, NUMBERS, st.sampled_from(["0", "1", "2", "true", "", "-1"])), check)


@pytest.mark.parametrize(
    "path",
    [
        *(b"/%", b"/%2", b"/%zz", b"/%00", b"/api/search?q=%", b"/api/search?q=%e", b"/api/search?q=%ed%a0%80"),
        *(b"/\xff\xfe", b"/" + b"a" * (HEAD_BYTES - 40), b"/api/search?" + b"&" * 5000, b"\\..\\..\\"),
        b"/api/search?q=" + b"%41" * 5000,
    ],
)
def test_strange_paths(running, path):
    received = sent(running, b"GET " + path + b" HTTP/1.1\r\n" + HOST + b"\r\n")
    status = checked(received)
    text = unquote_to_bytes(path)
    assert status in (400, 404, 414) or (status == 200 and text.startswith(b"/api/search?q=%")), (path, status)


@pytest.mark.parametrize("size", [HEAD_BYTES, 1 << 20, 1 << 24])
def test_more_than_a_head_is_not_kept(running, size):
    """A client that sends megabytes is answered, or cut off, after the head that is allowed."""
    for request in (
        b"GET /" + b"x" * size,
        b"GET / HTTP/1.1\r\n" + HOST + b"A: " + b"x" * size,
        b"\r\n" * size,
        b"\0" * size,
    ):
        received = sent(running, request)
        assert not received or checked(received) in (400, 414, 431)
    assert checked(sent(running, VALID)) == 200


def test_many_at_once_get_their_own_answers(running, answers):
    words = ["the cat", "window", "song river", "bread", "안녕", "zebra"]
    requests = [(word, k, idf) for word in words for k in (1, 5, 100) for idf in (0, 1)] * 2

    def ask(parameters: tuple[str, int, int]) -> tuple[int, bytes]:
        query, k, idf = parameters
        if k == 5:  # others send nonsense, or leave, in between
            sent(running, b"\x16\x03\x01" + query.encode())
            socket.create_connection(("127.0.0.1", running.port), timeout=30).close()
        target = f"/api/search?q={quote(query)}&k={k}&idf={idf}"
        while (found := exchange(running, f"GET {target} HTTP/1.1\r\nHost: localhost\r\n\r\n".encode(), 60))[0] == 503:
            time.sleep(0.05)
        return found[0], found[2]

    with ThreadPoolExecutor(CONNECTIONS // 2) as pool:
        replies = list(pool.map(ask, requests))
    for (query, k, idf), (status, body) in zip(requests, replies, strict=True):
        assert status == 200
        told, expected = json.loads(body), answers._index.search(query, k, idf=bool(idf))
        assert (told["query"], told["k"], told["idf"]) == (query, k, bool(idf))
        assert [(hit["id"], hit["score"]) for hit in told["hits"]] == [(hit.id, hit.score) for hit in expected]
