"""Who may ask: names of the server, the token, the cookie of the link that works once."""

from __future__ import annotations

import json

import pytest

from harness.serving import access as access_module
from harness.serving.access import Access
from tests.serving.conftest import TOKEN, get


@pytest.mark.parametrize(
    ("host", "is_own"),
    [
        ("127.0.0.1:8765", True),
        ("127.0.0.1", True),
        ("localhost:9000", True),  # through a tunnel, the port is another
        ("LOCALHOST", True),
        ("[::1]:8765", True),
        ("192.0.2.7:80", True),
        ("search.example:8765", True),
        ("search.example.", True),
        ("evil.example", False),
        ("127.0.0.1.evil.example", False),
        ("localhost.evil.example:8765", False),
        ("localhost@evil.example", False),
        ("localhost:8765:1", False),
        ("localhost:", False),
        ("", False),
        ("[::1", False),
        ("127.0.0.1, localhost", False),
        ("127.1", False),
        ("lоcalhost", False),  # a Cyrillic letter
    ],
)
def test_names(host, is_own):
    assert Access(frozenset({"search.example"}), None, 8765).is_own_name(host) == is_own


def test_a_foreign_name_is_refused_whatever_is_asked(serve):
    """A page of evil.example that points its name at 127.0.0.1 gets nothing, not even the page."""
    server = serve()
    for target in ("/", "/api/about", "/api/search?q=cat", "/enter", "/nothing"):
        status, _, body = get(server, target, Host="evil.example")
        assert status == 421 and b"cat" not in body
    assert get(server, "/api/search?q=cat", Host="search.example")[0] == 200


def test_the_api_needs_the_token(serve):
    server = serve(TOKEN)
    for headers in (
        {},
        {"Authorization": f"Bearer {TOKEN[:-1]}"},
        {"Authorization": f"Basic {TOKEN}"},
        {"Authorization": "Bearer "},
        {"Authorization": TOKEN},
        {"Cookie": f"sembridge-{server.port}={TOKEN}"},
        {"Cookie": f"sembridge-{server.port}="},
    ):
        for target in ("/api/search?q=cat", "/api/about", "/api/token?id=1"):
            status, answered, body = get(server, target, **headers)
            assert (status, json.loads(body)) == (401, {"error": "the token is missing or wrong"})
            assert answered["www-authenticate"] == "Bearer" and "set-cookie" not in answered
    assert get(server, f"/api/search?q=cat&token={TOKEN}")[0] == 401
    assert get(server, "/api/search?q=cat", Authorization=f"Bearer {TOKEN}")[0] == 200
    assert get(server, "/api/search?q=cat", authorization=f"bearer {TOKEN}")[0] == 200
    assert get(server, "/")[0] == 200, "the page is the same for everyone and holds no text of the index"


def test_the_link_lets_one_browser_in_once(serve):
    server = serve(TOKEN)
    link = server.site.access.link
    assert TOKEN not in link and get(server, link[:-1])[0] == 401
    status, headers, body = get(server, link)
    assert (status, headers["location"], body) == (303, "/", b"")
    cookie, *attributes = headers["set-cookie"].split("; ")
    assert set(attributes) == {"Path=/", "HttpOnly", "SameSite=Strict"} and TOKEN not in cookie
    assert get(server, "/api/search?q=cat", Cookie=f"other=1; {cookie}; more=2")[0] == 200
    assert get(server, "/api/search?q=cat", Cookie=f"{cookie}x")[0] == 401
    assert get(server, link)[0] == 401
    assert get(server, "/enter?code=None")[0] == get(server, "/enter")[0] == 401


def test_the_link_is_good_for_some_minutes(monkeypatch):
    access = Access(frozenset(), TOKEN, 1)
    now = access_module.time.monotonic()
    monkeypatch.setattr(access_module.time, "monotonic", lambda: now + access_module.LINK_SECONDS + 1)
    assert not access.uses_up(access.link.partition("=")[2])


def test_the_page_gets_its_cookie_for_the_token(serve):
    server = serve(TOKEN)
    assert get(server, "/enter", Authorization="Bearer wrong")[0] == 401
    status, headers, body = get(server, "/enter", Authorization=f"Bearer {TOKEN}")
    assert (status, body) == (204, b"")
    assert get(server, "/api/about", Cookie=headers["set-cookie"].partition(";")[0])[0] == 200


def test_two_servers_do_not_take_each_others_cookies():
    left, right = Access(frozenset(), TOKEN, 1), Access(frozenset(), TOKEN, 2)
    assert left.set_cookie().partition("=")[0] != right.set_cookie().partition("=")[0]
    assert not right.admits("", left.set_cookie().partition(";")[0])


def test_secrets_are_compared_in_constant_time(monkeypatch):
    compared = []

    def compare(left, right):
        compared.append((left, right))
        return left == right

    monkeypatch.setattr(access_module.hmac, "compare_digest", compare)
    access = Access(frozenset(), TOKEN, 1)
    access.admits("Bearer \ud800", "sembridge-1=x")
    access.uses_up("y")
    assert [left for left, _ in compared] == [b"\xed\xa0\x80", b"x", b"y"]
