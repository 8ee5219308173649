"""Decide who may ask: by the Host header, against DNS rebinding, and by a token where others can reach the server.

A page of somebody else can point a name of its own at this machine; a browser then sends that name as Host. An address
in numbers cannot be pointed anywhere, so that only names are compared.
"""

from __future__ import annotations

import hmac
import ipaddress
import re
import secrets
import threading
import time

LINK_SECONDS = 600.0  # that the link is good for
SHORTEST_TOKEN = 16  # characters
_HOST = re.compile(r"(?P<name>\[[0-9a-f:.]+\]|[a-z0-9_.-]+)(?::[0-9]{1,5})?", re.IGNORECASE)


class Access:
    """What a request has to bring along."""

    def __init__(self, names: frozenset[str], token: str | None, port: int) -> None:
        """Take the names of this machine beside localhost, in lower case, and the token; None: no token is asked for.

        The code of `link` is good once and for `LINK_SECONDS`.
        """
        self._names = names | {"localhost"}
        self._token = token
        self._session = secrets.token_urlsafe(32)
        self._code: str | None = secrets.token_urlsafe(32)
        self._until = time.monotonic() + LINK_SECONDS
        self._cookie = f"sembridge-{port}"  # browsers keep cookies by host, whatever the port
        self._one = threading.Lock()

    @property
    def asks_for_token(self) -> bool:
        """Return whether a request needs the token or the cookie."""
        return self._token is not None

    @property
    def link(self) -> str:
        """Return the path that a browser opens once, to get the cookie."""
        return f"/enter?code={self._code}"

    def is_own_name(self, host: str) -> bool:
        """Return whether a Host header names this server: an address in numbers, or one of the names."""
        match = _HOST.fullmatch(host)
        if match is None:
            return False
        name = match["name"].lower().rstrip(".")
        return name in self._names or _is_address(name.strip("[]"))

    def admits(self, authorization: str, cookies: str) -> bool:
        """Return whether these two headers, "" where there is none, have the token or the cookie."""
        if self._token is None:
            return True
        pairs = [pair.strip().partition("=") for pair in cookies.split(";")]
        return self.has_token(authorization) or any(
            name == self._cookie and _same(value, self._session) for name, _, value in pairs
        )

    def has_token(self, authorization: str) -> bool:
        """Return whether a header is `Bearer` and the token."""
        scheme, _, token = authorization.partition(" ")
        return self._token is not None and scheme.lower() == "bearer" and _same(token.strip(), self._token)

    def uses_up(self, code: str) -> bool:
        """Return whether this is the code of the link; it is worth nothing afterwards."""
        with self._one:
            if self._code is None or time.monotonic() > self._until or not _same(code, self._code):
                return False
            self._code = None
            return True

    def set_cookie(self) -> str:
        """Return the header that gives a browser the cookie: for this server alone, until the browser is closed."""
        return f"{self._cookie}={self._session}; Path=/; HttpOnly; SameSite=Strict"


def _is_address(name: str) -> bool:
    try:
        ipaddress.ip_address(name)
    except ValueError:
        return False
    return True


def _same(left: str, right: str) -> bool:
    """Compare in a time that does not depend on where the two differ."""
    return hmac.compare_digest(left.encode("utf-8", "surrogatepass"), right.encode("utf-8", "surrogatepass"))
