"""Turn requests into replies: the page, the two questions it asks, and errors that tell nothing of this machine."""

from __future__ import annotations

import json
import re
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import parse_qsl, unquote, urlsplit

from harness.files.redaction import without_secrets
from harness.serving.access import Access
from harness.serving.answers import Answers, BusyError, WithoutError
from harness.serving.page import page

LONGEST_QUERY = 1000  # characters
MOST_HITS, HITS = 100, 10
JSON = "application/json; charset=utf-8"
_ALWAYS = {
    "Cache-Control": "no-store",
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Cross-Origin-Opener-Policy": "same-origin",
    "X-Frame-Options": "DENY",
}
_NUMBER = re.compile(r"[0-9]{1,9}")
_FROM_HERE = ("", "same-origin", "none")  # Sec-Fetch-Site; "none": typed into the address bar


@dataclass(frozen=True)
class Reply:
    """What is sent back: status, headers in order, body."""

    status: int
    headers: Mapping[str, str]
    body: bytes = b""


class RequestError(Exception):
    """A request that is not answered: status, and a sentence for whoever sent it."""

    def __init__(self, status: int, sentence: str, headers: Mapping[str, str] | None = None) -> None:
        super().__init__(sentence)
        self.status, self.sentence, self.headers = status, sentence, dict(headers or {})

    @property
    def reply(self) -> Reply:
        """Return it as a reply."""
        return _json(self.status, {"error": self.sentence}, self.headers)


@dataclass(frozen=True)
class Site:
    """The pages of a server."""

    answers: Answers
    access: Access

    def reply(self, target: str, headers: Mapping[str, str]) -> Reply:
        """Return the reply to a GET of a target (path and query). headers: by name in lower case."""
        try:
            return self._reply(target, headers)
        except RequestError as error:
            return error.reply
        except Exception as error:  # of the encoder or the files of the index: what it says may have paths
            reason = (str(error).splitlines() or [""])[0]
            print(f"error: a request failed ({type(error).__name__}: {without_secrets(reason)})", file=sys.stderr)
            return RequestError(500, "the server could not answer; it says why where it was started").reply

    def _reply(self, target: str, headers: Mapping[str, str]) -> Reply:
        if not self.access.is_own_name(headers.get("host", "")):
            raise RequestError(421, "the Host header does not name this server; use the address that it printed")
        try:
            parts = urlsplit(target)
        except ValueError:  # brackets that are not an address
            raise RequestError(400, "the address cannot be read") from None
        path = unquote(parts.path)
        if not target.startswith("/") or path not in ("/", "/enter", "/api/about", "/api/search", "/api/token"):
            raise RequestError(404, "nothing is here; the page is at /")
        if path == "/":  # its query is for the script of the page
            body, policy = page()
            html = {"Content-Type": "text/html; charset=utf-8", "Content-Security-Policy": policy}
            return Reply(200, {**html, **_ALWAYS}, body)
        if path == "/enter":
            return self._enter(parts.query, headers)
        if headers.get("sec-fetch-site", "") not in _FROM_HERE:
            raise RequestError(403, "other pages may not ask this server")
        if not self.access.admits(headers.get("authorization", ""), headers.get("cookie", "")):
            raise RequestError(401, "the token is missing or wrong", {"WWW-Authenticate": "Bearer"})
        return _json(200, self._answer(path, parts.query))

    def _enter(self, query: str, headers: Mapping[str, str]) -> Reply:
        """Give a browser its cookie: for the code of the link, or for the token, which the page sends."""
        if not self.access.asks_for_token:
            raise RequestError(404, "nothing is here; the page is at /")
        cookie = {"Set-Cookie": self.access.set_cookie()}
        if self.access.has_token(headers.get("authorization", "")):
            return Reply(204, {**cookie, **_ALWAYS})
        if self.access.uses_up(_parameters(query, {"code"}).get("code", "")):
            return Reply(303, {"Location": "/", **cookie, **_ALWAYS})
        raise RequestError(401, "this link was used, or is too old; the page at / asks for the token")

    def _answer(self, path: str, query: str) -> dict[str, Any]:
        if path == "/api/about":
            _parameters(query, set())
            return self.answers.about()
        try:
            if path == "/api/token":
                return self.answers.token(_number("id", _parameters(query, {"id"}).get("id", ""), 0, 10**9))
            return self.answers.search(*_asked(_parameters(query, {"q", "k", "idf"}), self.answers.idf))
        except WithoutError as error:
            raise RequestError(404, str(error)) from None
        except BusyError:
            raise RequestError(503, "other searches take long; ask again in a moment", {"Retry-After": "2"}) from None


def _asked(parameters: Mapping[str, str], idf: bool) -> tuple[str, int, bool]:
    """Return the query, the number of hits, and whether terms are weighed by rarity; idf: where that is not said."""
    query = parameters.get("q", "").strip()
    if not query:
        raise RequestError(400, "q is empty; say what to look for, e.g. /api/search?q=password")
    if len(query) > LONGEST_QUERY:
        raise RequestError(400, f"q has {len(query):,} characters; at most {LONGEST_QUERY:,} are read")
    k = _number("k", parameters.get("k", str(HITS)), 1, MOST_HITS)
    return query, k, bool(_number("idf", parameters.get("idf", str(int(idf))), 0, 1))


def _number(name: str, text: str, least: int, most: int) -> int:
    if _NUMBER.fullmatch(text) is None or not least <= int(text) <= most:
        raise RequestError(400, f"{name} must be a whole number from {least} to {most}")
    return int(text)


def _parameters(query: str, known: set[str]) -> dict[str, str]:
    """Return the parameters of an address; RequestError for unknown ones, for one given twice, and for other bytes."""
    try:
        pairs = parse_qsl(query, keep_blank_values=True, errors="strict", max_num_fields=8)
    except UnicodeDecodeError:
        raise RequestError(400, "the address is not UTF-8") from None
    except ValueError:
        raise RequestError(400, "the address has too many parameters") from None
    names = [name for name, _ in pairs]
    if len(set(names)) < len(names) or not set(names) <= known:
        *others, last = sorted(known) or ["none"]
        listed = f"{', '.join(others)} and {last}" if others else last
        raise RequestError(400, f"parameters here: {listed}, each once")
    return dict(pairs)


def _json(status: int, content: Mapping[str, Any], headers: Mapping[str, str] | None = None) -> Reply:
    """Return content as JSON in ASCII: texts may hold characters that UTF-8 cannot."""
    body = json.dumps(content, allow_nan=False).encode("ascii")
    return Reply(status, {"Content-Type": JSON, **_ALWAYS, **(headers or {})}, body)
