"""A hub on loopback for real clients (huggingface_hub, datasets, ir_datasets): tiny repositories, faults, a log.

It answers as the hub does: commits, trees, ETags, large files by redirect to another path, ranges, and errors in
X-Error-Code.
"""

from __future__ import annotations

import contextlib
import hashlib
import json
import re
import threading
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import unquote, urlsplit

import yaml

LARGE = (".parquet", ".gz", ".safetensors", ".bin")
TOKEN = "hf_doubleSecretToken"


@dataclass
class Repo:
    """kind is datasets or models. A gated repository shows its file list and card to all, but files only to TOKEN."""

    kind: str
    files: Mapping[str, bytes]
    gated: bool = False
    private: bool = False
    commit: str = ""

    def __post_init__(self) -> None:
        content = b"".join(name.encode() + content for name, content in sorted(self.files.items()))
        self.commit = hashlib.sha1(content).hexdigest()


@dataclass
class Hub:
    """url            for HF_ENDPOINT
    large          address of large files, which clients see as another host
    requests       (method, path) of each request, in order
    ranges         the requested ranges, in order
    cut            path in a repository -> bytes after which the next transfer of that file breaks off
    failing        paths whose next transfer (after a cut one, if there is one) fails with status 503
    """

    url: str = ""
    large: str = ""
    repositories: dict[tuple[str, str], Repo] = field(default_factory=dict)
    requests: list[tuple[str, str]] = field(default_factory=list)
    ranges: list[str] = field(default_factory=list)
    cut: dict[str, int] = field(default_factory=dict)
    failing: set[str] = field(default_factory=set)

    def add(self, name: str, files: Mapping[str, bytes | str], kind: str = "datasets", **options: bool) -> str:
        """Serve a repository; return its commit."""
        contents = {path: text.encode() if isinstance(text, str) else text for path, text in files.items()}
        repo = Repo(kind, contents, **options)
        self.repositories[kind, name] = repo
        return repo.commit

    def transfers(self) -> list[str]:
        """Return the requested file paths, in order."""
        paths = [path for method, path in self.requests if method == "GET"]
        return [path for path in paths if "/resolve/" in path or path.startswith("/large/")]


@contextlib.contextmanager
def serve() -> Iterator[Hub]:
    hub = Hub()
    server = ThreadingHTTPServer(("127.0.0.1", 0), type("Handler", (_Handler,), {"hub": hub}))
    server.daemon_threads = True
    hub.url, hub.large = f"http://127.0.0.1:{server.server_port}", f"http://localhost:{server.server_port}"
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True)
    thread.start()
    try:
        yield hub
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True  # else a body waits 40 ms for the acknowledgment of its headers
    hub: Hub

    def log_message(self, format: str, *args: object) -> None:
        pass

    def do_HEAD(self) -> None:
        self._answer()

    def do_GET(self) -> None:
        self._answer()

    def do_POST(self) -> None:
        self._answer()

    def _answer(self) -> None:
        path = unquote(urlsplit(self.path).path)
        self.hub.requests.append((self.command, path))
        body = {}
        if self.command == "POST":
            body = json.loads(self.rfile.read(int(self.headers.get("Content-Length") or 0)) or "{}")
        repository = r"/(datasets|models)/([^/]+/[^/]+)"
        if match := re.fullmatch(rf"/api{repository}(?:/(revision|tree|paths-info)/([^/]+)(?:/(.*))?)?", path):
            self._api(*match.groups(), body)
        elif match := re.fullmatch(r"/(?:(datasets)/)?([^/]+/[^/]+)/resolve/([^/]+)/(.+)", path):
            self._resolve(match[1] or "models", *match.groups()[1:])
        elif match := re.fullmatch(rf"/large{repository}/(.+)", path):  # a signed address: needs no token
            self._content(self.hub.repositories[match[1], match[2]], match[3])
        else:
            self._error(404, "", "Not Found")

    def _api(self, kind: str, name: str, what: str | None, revision: str | None, inner: str | None, body: dict) -> None:
        repo = self._repo(kind, name, revision)
        if repo is None:
            return
        entries = [_entry(path, content) for path, content in sorted(repo.files.items())]
        if what == "tree":
            prefix = f"{inner.strip('/')}/" if inner else ""
            below = [entry for entry in entries if entry["path"].startswith(prefix)]
            if "recursive=true" not in self.path.lower():
                below = _one_level(below, prefix)
            if not below:
                return self._error(404, "EntryNotFound", "Entry not found")
            self._json(below)
        elif what == "paths-info":
            self._json([entry for entry in [*entries, *_folders(entries)] if entry["path"] in body["paths"]])
        else:
            sized = "blobs=true" in self.path.lower()
            siblings = [{"rfilename": entry["path"], **({"size": entry["size"]} if sized else {})} for entry in entries]
            about = {"private": repo.private, "gated": "auto" if repo.gated else False, "disabled": False}
            about |= {"_id": "0", "downloads": 0, "likes": 0, "lastModified": "2025-01-01T00:00:00.000Z"}
            card = repo.files.get("README.md", b"").decode().split("---\n")
            about |= {"cardData": yaml.safe_load(card[1])} if len(card) > 2 else {}
            self._json({"id": name, "sha": repo.commit, "tags": [], "siblings": siblings, **about})

    def _resolve(self, kind: str, name: str, revision: str, path: str) -> None:
        repo = self._repo(kind, name, revision)
        if repo is None:
            return
        common = {"X-Repo-Commit": repo.commit}
        if path not in repo.files:
            return self._error(404, "EntryNotFound", "Entry not found", common)
        if repo.gated and not self._has_token() and path != "README.md":
            status = 403 if self.headers.get("Authorization") else 401
            message = f"Access to dataset {name} is restricted and you are not in the authorized list."
            return self._error(status, "GatedRepo", message, common)
        if path.endswith(LARGE):
            content = repo.files[path]
            linked = {"X-Linked-Etag": f'"{hashlib.sha256(content).hexdigest()}"', "X-Linked-Size": str(len(content))}
            return self._send(302, b"", common | linked | {"Location": f"{self.hub.large}/large/{kind}/{name}/{path}"})
        self._content(repo, path, common)

    def _content(self, repo: Repo, path: str, headers: Mapping[str, str] = {}) -> None:
        content = repo.files[path]
        headers = {**headers, "ETag": f'"{_oid(content)}"', "Accept-Ranges": "bytes"}
        if self.command == "GET" and path in self.hub.failing and path not in self.hub.cut:
            self.hub.failing.discard(path)
            return self._error(503, "", "Service Unavailable")
        status, begin = 200, 0
        if match := re.fullmatch(r"bytes=(\d+)-", self.headers.get("Range") or ""):
            status, begin = 206, int(match[1])
            self.hub.ranges.append(match[0])
            headers["Content-Range"] = f"bytes {begin}-{len(content) - 1}/{len(content)}"
        cut = self.hub.cut.pop(path, None) if self.command == "GET" else None
        self._send(status, content[begin:], headers, cut)

    def _repo(self, kind: str, name: str, revision: str | None) -> Repo | None:
        repo = self.hub.repositories.get((kind, name))
        if self.headers.get("Authorization") and not self._has_token():
            self._error(401, "", "Invalid credentials in Authorization header")
        elif repo is None or (repo.private and not self._has_token()):
            self._error(404 if self._has_token() else 401, "RepoNotFound", "Repository not found")
        elif revision not in (None, "main", repo.commit):
            self._error(404, "RevisionNotFound", "Invalid rev id")
        else:
            return repo
        return None

    def _has_token(self) -> bool:
        return self.headers.get("Authorization") == f"Bearer {TOKEN}"

    def _json(self, content: object) -> None:
        self._send(200, json.dumps(content).encode(), {"Content-Type": "application/json"})

    def _error(self, status: int, code: str, message: str, headers: Mapping[str, str] = {}) -> None:
        named = {"X-Error-Code": code} if code else {}
        self._send(status, json.dumps({"error": message}).encode(), {**headers, **named, "X-Error-Message": message})

    def _send(self, status: int, body: bytes, headers: Mapping[str, str], cut: int | None = None) -> None:
        self.send_response(status)
        for name, value in {**headers, "Content-Length": str(len(body))}.items():
            self.send_header(name, value)
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(body[:cut])
            if cut is not None:  # Content-Length promised more
                self.close_connection = True


def _oid(content: bytes) -> str:
    return hashlib.sha1(f"blob {len(content)}\0".encode() + content).hexdigest()


def _entry(path: str, content: bytes) -> dict:
    entry: dict = {"type": "file", "oid": _oid(content), "size": len(content), "path": path}
    if path.endswith(LARGE):
        entry["lfs"] = {"oid": hashlib.sha256(content).hexdigest(), "size": len(content), "pointerSize": 130}
    return entry


def _folders(entries: list[dict]) -> list[dict]:
    names = {
        "/".join(entry["path"].split("/")[:depth])
        for entry in entries
        for depth in range(1, entry["path"].count("/") + 1)
    }
    return [{"type": "directory", "oid": _oid(name.encode()), "size": 0, "path": name} for name in sorted(names)]


def _one_level(entries: list[dict], prefix: str) -> list[dict]:
    return [
        entry
        for entry in [*entries, *_folders(entries)]
        if entry["path"].startswith(prefix) and "/" not in entry["path"].removeprefix(prefix)
    ]
