"""The page: nothing from elsewhere, nothing as markup, and a policy that holds a browser to both."""

from __future__ import annotations

import base64
import hashlib
import re

from harness.serving.page import page

TEXT = page()[0].decode()


def test_the_policy_allows_its_own_style_and_script_alone():
    policy = dict(part.split(" ", 1) for part in page()[1].split("; "))
    for tag in ("style", "script"):
        content = TEXT.partition(f"<{tag}>")[2].partition(f"</{tag}>")[0]
        digest = base64.b64encode(hashlib.sha256(content.encode()).digest()).decode()
        assert policy[f"{tag}-src"] == f"'sha256-{digest}'"
    assert policy["default-src"] == policy["frame-ancestors"] == policy["base-uri"] == policy["form-action"] == "'none'"
    assert policy["connect-src"] == "'self'"
    assert "unsafe" not in page()[1] and "*" not in page()[1] and "http" not in page()[1]


def test_it_loads_nothing_and_makes_no_markup_of_data():
    assert not re.search(r"https?://|//cdn|@import|url\(|<link[^>]+stylesheet|<script\s+src|<iframe", TEXT)
    assert not re.search(
        r"innerHTML|outerHTML|insertAdjacentHTML|document\.write|DOMParser|\beval\b|new Function|srcdoc|\.href", TEXT
    )
    assert not re.search(r"\son[a-z]+=|\sstyle=|javascript:", TEXT), "the policy would forbid them"
    assert not re.search(r"localStorage|sessionStorage|document\.cookie|indexedDB", TEXT)


def test_it_can_be_used_without_a_mouse_and_in_the_dark():
    assert "prefers-color-scheme: dark" in TEXT and ":focus-visible" in TEXT and 'aria-live="polite"' in TEXT
    for field in re.findall(r"<input[^>]*>", TEXT):
        identifier = re.search(r'id="(\w+)"', field)[1]
        assert "aria-label" in field or re.search(rf"<label>[^<]*<input id=\"{identifier}\"", TEXT), field
    assert TEXT.count('dir="auto"') + TEXT.count('dir: "auto"') >= 2 and "<bdi" not in TEXT and '"bdi"' in TEXT
