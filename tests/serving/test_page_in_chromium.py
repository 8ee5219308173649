"""The page in a real browser: what it shows is what the server answers, as text, in both directions."""

from __future__ import annotations

import html
import json
import re
import subprocess
from pathlib import Path
from urllib.parse import quote, urlencode

import pytest

import sembridge
from harness.serving.answers import Answers
from harness.serving.site import Site
from harness.serving.word_search import WordSearch
from tests.helpers.browser import CHROMIUM, QUIET, WITHOUT
from tests.helpers.families_made import family_encoder
from tests.serving.conftest import MARKUP, TOKEN, get

pytestmark = [pytest.mark.slow, pytest.mark.skipif(CHROMIUM is None, reason=WITHOUT)]


@pytest.fixture
def browse(tmp_path):
    """Return the page as the browser has it after its script ran, which the policy of the page has to allow."""

    def of(server, target: str, *options: str) -> str:
        done = subprocess.run(
            [CHROMIUM, *QUIET, f"--user-data-dir={tmp_path / 'profile'}", *options, "--virtual-time-budget=10000",
             "--dump-dom", f"http://127.0.0.1:{server.port}{target}"],
            capture_output=True, text=True, timeout=120,
        )  # fmt: skip
        assert done.returncode == 0, done.stderr
        return re.sub(r"<(style|script)>.*?</\1>", "", done.stdout, flags=re.DOTALL)

    return of


def texts_of(page: str, element: str) -> list[str]:
    return [
        html.unescape(re.sub(r"<[^>]+>", "", found))
        for found in re.findall(rf"<{element}\b[^>]*>(.*?)</{element}>", page, re.DOTALL)
    ]


def section(page: str, identifier: str, end: str = "</section>") -> str:
    return page.partition(f'id="{identifier}"')[2].partition(end)[0]


def test_what_is_shown_is_what_is_answered(serve, browse):
    server = serve()
    query = 'cat <img src=x onerror="document.title=1"> window'
    page = browse(server, f"/?{urlencode({'q': query, 'k': 9})}")
    told = json.loads(get(server, f"/api/search?{urlencode({'q': query, 'k': 9})}")[2])
    hits = section(page, "hits")
    assert len(texts_of(hits, "article")) == len(told["hits"]) == 9
    marked = [part["text"] for hit in told["hits"] for part in hit["parts"] if part["terms"]]
    assert texts_of(hits, "mark") == marked and marked
    for article, hit in zip(texts_of(hits, "article"), told["hits"], strict=True):
        text = "".join(part["text"] for part in hit["parts"]) + hit["unread"]
        assert article.startswith(f"{hit['rank']}.{hit['id']}{hit['score']:.3f}") and text in article
        for term in hit["terms"]:
            assert term["token"] in article
    by_words = texts_of(section(page, "words"), "article")
    assert [hit["text"] in article for hit, article in zip(told["bm25"]["hits"], by_words, strict=True)] == [
        True
    ] * len(told["bm25"]["hits"])
    assert any(MARKUP in article for article in by_words) and "<img" not in page and "<b>song" not in page
    assert texts_of(page, "title") == [f"{query} - try an index"]
    assert re.search(r'id="status"[^>]*>9 hits in \d+ ms; BM25: \d+ in \d+ ms<', page)


def test_arabic_and_chinese(serve, browse, tmp_path):
    documents = {"ar": "نسيت كلمة المرور", "zh": "我忘记了密码", "both": "كلمة cat 密码"}
    index = sembridge.search.build(family_encoder(tmp_path / "encoder", "bert"), documents, tmp_path / "index")
    answers = Answers(index, WordSearch(index, lambda: None), "", None, "there is no record")
    server = serve(site=lambda access: Site(answers, access))
    page = browse(server, f"/?q={quote('كلمة 密码')}")
    found = {article[2:4]: article for article in texts_of(section(page, "words"), "article")}
    assert {name: documents[name] in text for name, text in found.items() if name != "bo"} == {"ar": True, "zh": True}
    directions = re.findall(r'<p [^>]*class="text[^"]*"[^>]*>|<p [^>]*dir="auto"[^>]*>', page)
    assert directions and all('dir="auto"' in tag for tag in directions)


def test_errors_and_no_query(serve, browse):
    server = serve()
    page = browse(server, "/?q=cat&k=1000")
    assert "k must be a whole number from 1 to 100" in section(page, "status", "</p>")
    page = browse(server, "/")
    assert '<main id="answer" hidden="">' in page
    assert re.search(r'id="index"[^>]*>\d+ documents, \d+ tokens<', page)


def test_the_token_is_asked_for_and_the_link_gets_in(serve, browse):
    server = serve(TOKEN)
    page = browse(server, "/?q=cat")
    assert re.search(r'<form id="enter">', page) and re.search(r'<form id="ask"[^>]*hidden', page)
    assert section(page, "status", "</p>").endswith(">the token is missing or wrong")
    assert "documents" not in section(page, "index", "</p>")
    page = browse(server, server.site.access.link)
    assert re.search(r'id="index"[^>]*>\d+ documents', page)
    assert re.search(r'<form id="enter" hidden', page)


def test_light_and_dark_are_pictures(serve, browse, tmp_path):
    sizes = {}
    for name, scheme in (("light", 1), ("dark", 0)):
        picture = tmp_path / f"{name}.png"
        browse(serve(), "/?q=cat", f"--screenshot={picture}", f"--blink-settings=preferredColorScheme={scheme}")
        sizes[name] = Path(picture).read_bytes()
    assert all(content.startswith(b"\x89PNG") for content in sizes.values()) and sizes["light"] != sizes["dark"]
