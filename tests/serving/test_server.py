"""HTTP within limits: only GET, short heads, no bodies, slow and many clients; whatever the bytes, it stays up."""

from __future__ import annotations

import json
import socket
import threading
import time

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from harness.serving import server as server_module
from harness.serving.server import CONNECTIONS, HEAD_BYTES, listen
from harness.serving.site import Reply, Site
from tests.serving.conftest import TOKEN, exchange, get

HOST = b"Host: 127.0.0.1\r\n"


def test_it_listens_on_loopback_and_answers(serve):
    server = serve()
    assert server.server_address[0] == "127.0.0.1"
    status, headers, body = get(server, "/")
    assert status == 200 and body.startswith(b"<!doctype html>") and headers["content-length"] == str(len(body))
    assert "sha256-" in headers["content-security-policy"] and headers["x-content-type-options"] == "nosniff"
    assert "server" not in headers and "date" not in headers
    status, _, body = get(server, "/api/search?q=the%20cat")
    assert status == 200 and json.loads(body)["hits"]


def test_addresses_may_have_bare_utf8(serve):
    server = serve()
    told = json.loads(get(server, "/api/search?q=안녕")[2])
    assert told["query"] == "안녕"
    status, _, body = exchange(server, b"GET /api/search?q=\xff HTTP/1.1\r\n" + HOST + b"\r\n")
    assert (status, json.loads(body)) == (400, {"error": "the address is not UTF-8"})


@pytest.mark.parametrize(
    ("request_bytes", "status"),
    [
        (b"POST /api/search?q=cat HTTP/1.1\r\n" + HOST + b"Content-Length: 3\r\n\r\nabc", 405),
        (b"PUT / HTTP/1.1\r\n" + HOST + b"\r\n", 405),
        (b"OPTIONS /api/search HTTP/1.1\r\n" + HOST + b"Origin: http://evil.example\r\n\r\n", 405),
        (b"TRACE / HTTP/1.1\r\n" + HOST + b"\r\n", 405),
        (b"HEAD / HTTP/1.1\r\n" + HOST + b"\r\n", 405),
        (b"GET / HTTP/1.1\r\n" + HOST + b"Content-Length: 3\r\n\r\nabc", 413),
        (b"GET / HTTP/1.1\r\n" + HOST + b"Content-Length: 0\r\nContent-Length: 5\r\n\r\nabcde", 413),
        (b"GET / HTTP/1.1\r\n" + HOST + b"Transfer-Encoding: chunked\r\n\r\n0\r\n\r\n", 413),
        (b"GET / HTTP/1.1\r\n" + HOST + b"Content-Length: 9999999999\r\nExpect: 100-continue\r\n\r\n", 413),
        (b"GET / HTTP/1.1\r\n\r\n", 400),
        (b"GET / HTTP/1.1\r\n" + HOST + b"Host: evil.example\r\n\r\n", 400),
        (b"GET /\r\n\r\n", 400),
        (b"GET / HTTP/2.0\r\n" + HOST + b"\r\n", 400),
        (b"GET / HTTP/9\r\n" + HOST + b"\r\n", 400),
        (b"GET / nonsense <b> HTTP/1.1\r\n" + HOST + b"\r\n", 400),
        (b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03 /etc\n", 400),
        (b"GET /" + b"x" * HEAD_BYTES + b" HTTP/1.1\r\n" + HOST + b"\r\n", 414),
        (b"GET / HTTP/1.1\r\n" + HOST + b"A: " + b"x" * HEAD_BYTES + b"\r\n\r\n", 431),
        (b"GET / HTTP/1.1\r\n" + HOST + b"a: b\r\n" * 101 + b"\r\n", 431),
        (b"GET / HTTP/1.1\r\n" + HOST + b"\r\nGET /api/about HTTP/1.1\r\n" + HOST + b"\r\n", 200),
    ],
)
def test_what_is_no_plain_get_is_refused(serve, request_bytes, status):
    server = serve()
    answered, headers, body = exchange(server, request_bytes)
    assert answered == status and headers["connection"] == "close" and "access-control-allow-origin" not in headers
    if status == 405:
        assert headers["allow"] == "GET"
    if status == 200:
        assert body.count(b"HTTP/1.1 200") == 0, "one request a connection"
    elif request_bytes.startswith(b"HEAD"):
        assert body == b""
    else:
        assert json.loads(body).keys() == {"error"} and b"<b>" not in body and b"/etc" not in body
    assert get(server, "/api/about")[0] == 200


def test_slow_heads_are_given_up(serve, monkeypatch):
    monkeypatch.setattr(server_module, "HEAD_SECONDS", 0.3)
    server = serve()
    with (
        socket.create_connection(("127.0.0.1", server.port), timeout=20) as silent,
        socket.create_connection(("127.0.0.1", server.port), timeout=20) as dripping,
    ):
        for byte in b"GET / HTTP/1.1\r\n" * 100:
            try:
                dripping.send(bytes([byte]))
            except OSError:
                break
            time.sleep(0.02)
        else:
            pytest.fail("a request that arrives byte by byte was waited for")
        assert silent.recv(100) == b""
    assert get(server, "/")[0] == 200
    assert not server._waiting


def test_many_at_once_are_told_to_come_back(serve):
    server = serve()
    waiting = [socket.create_connection(("127.0.0.1", server.port), timeout=20) for _ in range(CONNECTIONS)]
    while len(server._waiting) < CONNECTIONS:
        time.sleep(0.01)
    with socket.create_connection(("127.0.0.1", server.port), timeout=20) as late:
        answer = late.recv(10_000)
    assert answer.startswith(b"HTTP/1.1 503 ") and b"Retry-After: 1" in answer
    for connection in waiting:
        connection.close()
    assert server.idle(20) is True
    for _ in range(CONNECTIONS):
        server._slots.release()
    assert get(server, "/")[0] == 200


def test_idle_says_whether_an_answer_is_under_way(serve, answers):
    begun, may_end = threading.Event(), threading.Event()

    class Slow(Site):
        def reply(self, target, headers):
            begun.set()
            may_end.wait(20)
            return Reply(200, {})

    server = serve(site=lambda access: Slow(answers, access))
    asking = threading.Thread(target=get, args=(server, "/"))
    asking.start()
    begun.wait(20)
    assert server.idle(0.05) is False
    may_end.set()
    asking.join()


def test_nothing_is_logged(serve, capfd, monkeypatch):
    monkeypatch.setattr(server_module, "HEAD_SECONDS", 0.1)
    server = serve(TOKEN)
    get(server, "/api/search?q=secret+query", Authorization=f"Bearer {TOKEN}")
    get(server, "/api/search?q=secret+query", Authorization="Bearer wrong")
    get(server, server.site.access.link)
    exchange(server, b"nonsense\r\n\r\n")
    exchange(server, b"GET / HT")
    assert capfd.readouterr() == ("", "")


def test_a_port_in_use_is_said_with_a_free_one():
    with listen("127.0.0.1", 0) as first:
        with pytest.raises(ValueError, match=f"--port {first.port} is in use by another program; --port ") as error:
            listen("127.0.0.1", first.port)
        assert "--port 0 takes any" in str(error.value) and "\n" not in str(error.value)


@pytest.mark.parametrize("host", ["192.0.2.1", "x" * 300, "a..b"])
def test_addresses_of_others_are_refused(host):
    with pytest.raises(ValueError, match=r"^--host '.*; the default is 127.0.0.1$"):
        listen(host, 0)


_LINES = st.one_of(
    st.binary(max_size=300),
    st.builds(
        lambda method, path, rest: method + b" " + path + rest,
        st.sampled_from([b"GET", b"POST", b"get", b""]),
        st.binary(max_size=200),
        st.sampled_from(
            [b" HTTP/1.1\r\n\r\n", b" HTTP/1.1\r\nHost: localhost\r\n\r\n", b"\r\n", b"", b" HTTP/1.1\r\n"]
        ),
    ),
)


@settings(max_examples=150, deadline=None, suppress_health_check=list(HealthCheck))
@given(request=_LINES)
def test_any_bytes_end_in_an_error(running, request):
    with socket.create_connection(("127.0.0.1", running.port), timeout=20) as connection:
        connection.sendall(request)
        connection.shutdown(socket.SHUT_WR)
        received = b""
        while block := connection.recv(65536):
            received += block
    if received:
        assert received[:12] in {b"HTTP/1.1 %d" % status for status in (200, 400, 404, 405, 413, 414, 421, 431)}
    assert b"Traceback" not in received and b'File "' not in received


_VALUES = st.one_of(st.text(max_size=60), st.integers(-5, 10**12).map(str), st.binary(max_size=20))


@settings(max_examples=150, deadline=None, suppress_health_check=list(HealthCheck))
@given(
    path=st.sampled_from(["/api/search", "/api/token", "/api/about", "/", "/enter"]) | st.text(max_size=20),
    parameters=st.lists(
        st.tuples(st.sampled_from(["q", "k", "id", "code", "x"]) | st.text(max_size=5), _VALUES), max_size=4
    ),
)
def test_any_parameters_are_answered_or_refused(answers, path, parameters):
    from urllib.parse import quote, urlencode

    from harness.serving.access import Access

    site = Site(answers, Access(frozenset(), None, 1))
    for target in (f"{path}?{urlencode(parameters, errors='replace')}", quote(path, errors="replace"), path):
        reply = site.reply(target, {"host": "localhost"})
        assert reply.status in (200, 400, 404), (target, reply)
        assert b"Traceback" not in reply.body


def test_any_query_is_searched(answers):
    @settings(max_examples=25, deadline=None, suppress_health_check=list(HealthCheck))
    @given(query=st.text(min_size=1, max_size=60))
    def search(query):
        told = answers.search(query, 3)
        json.dumps(told, allow_nan=False)
        for hit in told["hits"]:
            assert sum(term["product"] for term in hit["terms"]) <= hit["score"] * (1 + 1e-9)

    search()
