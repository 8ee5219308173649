"""Remove tokens and keys, those of the environment and those in addresses, from logs, records, tables and messages.

Errors of other libraries are passed on to a person, and some of them quote the request that failed.
"""

from __future__ import annotations

import os
import re
from functools import cache
from pathlib import Path

from harness.files.home import home

HIDDEN = "[hidden]"
_NAMES = re.compile(
    r"TOKEN(?!IZER)|SECRET|PASSWORD|PASSWD|CREDENTIAL|API_?KEY|ACCESS_?KEY|AUTH|SESSION_KEY|PRIVATE_KEY", re.I
)
_SHORTEST = 8  # characters; a shorter value is a switch or a word, and hiding it would spoil ordinary text
_FORMS: tuple[tuple[re.Pattern[str], str], ...] = (
    (re.compile(r"(?i)\b([a-z][a-z0-9+.-]*://)[^/\s@'\"]+@"), rf"\1{HIDDEN}@"),  # https://user:password@host
    (re.compile(r"(?i)\b(https?://[^\s?'\"<>]+\?)[^\s'\"<>]+"), rf"\1{HIDDEN}"),  # signed addresses
    (re.compile(r"\bhf_[A-Za-z0-9]{8,}"), HIDDEN),
    (re.compile(r"\b(?:AKIA|ASIA)[A-Z0-9]{16}\b"), HIDDEN),
    (re.compile(r"(?i)\b(bearer|basic)\s+[A-Za-z0-9._~+/=-]{8,}"), rf"\1 {HIDDEN}"),
)
_PATHS = (
    re.compile(r"""(?<=')/[^'\n]*/[^'\n]*(?=')|(?<=")/[^"\n]*/[^"\n]*(?=")"""),  # quoted, perhaps with spaces
    re.compile(r"""(?<![\w:/.~-])/[^\s/'"<>|:,;()\[\]]+(?:/[^\s/'"<>|:,;()\[\]]+)+/?"""),
)


def without_secrets(text: str) -> str:
    """Replace every secret that this machine knows, and what looks like one in an address or a header, by `HIDDEN`."""
    secrets = _file_tokens(os.environ.get("HF_HOME"), os.environ.get("RAY_AUTH_TOKEN_PATH")) | {
        value
        for name, value in os.environ.items()
        if _NAMES.search(name) and not name.endswith(("_PATH", "_FILE", "_MODE", "_SOCK"))
    }
    for secret in sorted(secrets, key=len, reverse=True):
        text = text.replace(secret, HIDDEN) if len(secret) >= _SHORTEST else text
    for form, replacement in _FORMS:
        text = form.sub(replacement, text)
    return text


def without_folders(text: str) -> str:
    """Return the text with every absolute path reduced to its last part: who reads it elsewhere has no such folder."""
    for form in _PATHS:
        text = form.sub(lambda path: path[0].rstrip("/").rpartition("/")[2], text)
    return text


@cache
def _file_tokens(hub_home: str | None, ray_token: str | None) -> frozenset[str]:
    """Return the tokens that logins have left in files; a file that cannot be read has none."""
    folder = home() or Path("/nonexistent")
    hub = Path(hub_home) if hub_home else folder / ".cache" / "huggingface"
    tokens = set()
    for path in (hub / "token", Path(ray_token) if ray_token else folder / ".ray" / "auth_token"):
        try:
            tokens.add(path.read_text(encoding="utf-8")[:10_000].strip())
        except (OSError, ValueError):
            continue
    return frozenset(tokens)
