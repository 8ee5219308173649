"""What is answered: the search of the library and BM25, tokens, the page; everything else ends in a short error."""

from __future__ import annotations

import json
import math
from urllib.parse import quote

import pytest

from harness.references import bm25
from harness.serving import site as site_module
from harness.serving.access import Access
from harness.serving.answers import Answers
from harness.serving.site import Site
from harness.serving.word_search import WordSearch
from sembridge.search import build
from tests.helpers.families_made import family_encoder
from tests.references.test_bm25 import collection
from tests.serving.conftest import DOCUMENTS

HEADERS = {"host": "localhost:8765"}


@pytest.fixture
def ask(answers):
    site = Site(answers, Access(frozenset(), None, 8765))

    def of(target, **headers):
        reply = site.reply(target, HEADERS | headers)
        assert reply.headers["Content-Type"] == "application/json; charset=utf-8"
        return reply.status, json.loads(reply.body)

    return of


def test_hits_are_those_of_the_library(ask, index):
    status, told = ask("/api/search?q=the+cat+window&k=7")
    expected = index.search("the cat window", k=7)
    assert status == 200 and (told["query"], told["k"]) == ("the cat window", 7)
    assert [(hit["rank"], hit["id"], hit["score"]) for hit in told["hits"]] == [
        (hit.rank, hit.id, hit.score) for hit in expected
    ]
    for hit, own in zip(told["hits"], expected, strict=True):
        assert [(term["id"], term["product"]) for term in hit["terms"]] == [(t.id, t.product) for t in own.terms[:100]]
        assert "".join(part["text"] for part in hit["parts"]) + hit["unread"] == DOCUMENTS[hit["id"]] == own.text
        in_text = {term for part in hit["parts"] for term in part["terms"]}
        assert {term["id"] for term in hit["terms"] if term["in_text"]} == in_text
    vector = index.encode(["the cat window"])
    assert len(told["terms"]) + told["more_terms"] == vector.nnz
    assert told["terms"][0]["weight"] == vector.data.max()
    assert len(ask("/api/search?q=the+cat")[1]["hits"]) == 10


@pytest.fixture(scope="module")
def inference_free(tmp_path_factory):
    root = tmp_path_factory.mktemp("served")
    return build(family_encoder(root / "encoder", "inference-free"), DOCUMENTS, root / "index", precision="float32")


@pytest.mark.parametrize("kind", ["index", "inference_free"])
def test_terms_are_weighed_by_rarity_where_it_is_asked_for(kind, request):
    own = request.getfixturevalue(kind)
    site = Site(Answers(own, WordSearch(own, lambda: None), "", None, "none"), Access(frozenset(), None, 8765))
    plain, told = (
        json.loads(site.reply(f"/api/search?q=the+cat+window&k=7{idf}", HEADERS).body) for idf in ("", "&idf=1")
    )
    assert (plain["idf"], told["idf"]) == (False, True)
    expected = own.search("the cat window", k=7, idf=True)
    assert [(hit["id"], hit["score"]) for hit in told["hits"]] == [(hit.id, hit.score) for hit in expected]
    assert [hit["score"] for hit in told["hits"]] != [hit["score"] for hit in plain["hits"]]
    for hit in told["hits"]:
        assert not hit["more_terms"]
        assert math.isclose(sum(term["product"] for term in hit["terms"]), hit["score"], rel_tol=1e-6)
    vector = own.encode(["the cat window"])
    before = dict(zip(vector.indices.tolist(), vector.data.tolist(), strict=True))
    assert told["terms"]
    for term in told["terms"]:
        rarity = math.log(len(own) / int(own.document_frequencies[term["id"]]))
        assert math.isclose(term["weight"], before[term["id"]] * rarity, rel_tol=1e-6)
    by_words = [[(hit["id"], hit["score"]) for hit in each["bm25"]["hits"]] for each in (plain, told)]
    assert by_words[0] == by_words[1] and by_words[0]


def test_the_server_says_what_holds_where_a_request_does_not(index):
    site = Site(Answers(index, None, "", None, "none", idf=True), Access(frozenset(), None, 8765))
    asked = {idf: json.loads(site.reply(f"/api/search?q=cat{idf}", HEADERS).body)["idf"] for idf in ("", "&idf=0")}
    assert asked == {"": True, "&idf=0": False}
    assert json.loads(site.reply("/api/about", HEADERS).body)["idf"] is True


def test_words_are_found_as_the_reference_row_finds_them(ask):
    for query in ("the cat window", "안녕 zebra", "song </script>"):
        told = ask(f"/api/search?q={quote(query)}&k=20")[1]
        expected = bm25.search(collection(DOCUMENTS, {"q": query}), "zh", 20)["q"]
        assert [(hit["id"], hit["score"]) for hit in told["bm25"]["hits"]] == expected and expected
        by_encoder = [hit["id"] for hit in told["hits"]]
        by_words = [hit["id"] for hit in told["bm25"]["hits"]]
        for hit in told["hits"]:
            assert hit["bm25_rank"] == (by_words.index(hit["id"]) + 1 if hit["id"] in by_words else None)
        for hit in told["bm25"]["hits"]:
            assert hit["encoder_rank"] == (by_encoder.index(hit["id"]) + 1 if hit["id"] in by_encoder else None)
            assert hit["text"] == DOCUMENTS[hit["id"]]


def test_without_bm25_it_is_said_why(index):
    site = Site(Answers(index, None, "too large", None, "no record"), Access(frozenset(), None, 1))
    assert json.loads(site.reply("/api/search?q=cat", HEADERS).body)["bm25"] is None
    told = json.loads(site.reply("/api/about", HEADERS).body)
    assert (told["bm25"], told["without_bm25"], told["without_made_of"]) == (False, "too large", "no record")
    assert (told["documents"], told["encoder"]) == (len(DOCUMENTS), None)


def test_tokens(ask, index):
    frequencies = index.document_frequencies
    token = int(frequencies.argmax())
    status, told = ask(f"/api/token?id={token}")
    assert status == 200
    assert told == {
        "id": token,
        "token": index.vocabulary["shown"][token],
        "documents": int(frequencies[token]),
        "made_of": None,
    }
    dimensions = index.manifest["dimensions"]
    status, told = ask(f"/api/token?id={dimensions}")
    assert status == 404 and told["error"] == (
        f"id {dimensions} is not a token of this encoder; the last one is {dimensions - 1}"
    )


@pytest.mark.parametrize(
    ("target", "status", "sentence"),
    [
        ("/api/search", 400, "q is empty; say what to look for, e.g. /api/search?q=password"),
        ("/api/search?q=%20%09", 400, "q is empty; say what to look for, e.g. /api/search?q=password"),
        (f"/api/search?q={'x' * 1001}", 400, "q has 1,001 characters; at most 1,000 are read"),
        ("/api/search?q=cat&k=0", 400, "k must be a whole number from 1 to 100"),
        ("/api/search?q=cat&k=101", 400, "k must be a whole number from 1 to 100"),
        ("/api/search?q=cat&k=-1", 400, "k must be a whole number from 1 to 100"),
        ("/api/search?q=cat&k=1e1", 400, "k must be a whole number from 1 to 100"),
        (f"/api/search?q=cat&k={quote('١')}", 400, "k must be a whole number from 1 to 100"),
        ("/api/search?q=cat&k=", 400, "k must be a whole number from 1 to 100"),
        ("/api/search?q=cat&idf=2", 400, "idf must be a whole number from 0 to 1"),
        ("/api/search?q=cat&idf=true", 400, "idf must be a whole number from 0 to 1"),
        ("/api/search?q=cat&q=dog", 400, "parameters here: idf, k and q, each once"),
        ("/api/search?q=cat&size=10", 400, "parameters here: idf, k and q, each once"),
        ("/api/search?q=%ff%fe", 400, "the address is not UTF-8"),
        ("/api/search?" + "&".join(f"a{i}=1" for i in range(20)), 400, "the address has too many parameters"),
        ("/api/token", 400, "id must be a whole number from 0 to 1000000000"),
        ("/api/token?id=x", 400, "id must be a whole number from 0 to 1000000000"),
        ("/api/about?x=1", 400, "parameters here: none, each once"),
        ("/enter?code=x", 404, "nothing is here; the page is at /"),
        ("/api", 404, "nothing is here; the page is at /"),
        ("/api/search/", 404, "nothing is here; the page is at /"),
        ("/page.html", 404, "nothing is here; the page is at /"),
        ("/../../etc/passwd", 404, "nothing is here; the page is at /"),
        ("/%2e%2e/%2e%2e/etc/passwd", 404, "nothing is here; the page is at /"),
        ("http://elsewhere/", 404, "nothing is here; the page is at /"),
        ("*", 404, "nothing is here; the page is at /"),
        ("//[", 400, "the address cannot be read"),
    ],
)
def test_what_is_wrong_is_said_in_a_sentence(ask, target, status, sentence):
    assert ask(target) == (status, {"error": sentence})


def test_other_pages_may_not_ask(ask):
    for site in ("cross-site", "same-site"):
        assert ask("/api/search?q=cat", **{"sec-fetch-site": site})[0] == 403
    for site in ("same-origin", "none"):
        assert ask("/api/search?q=cat", **{"sec-fetch-site": site})[0] == 200


def test_failures_tell_nothing_of_this_machine(ask, index, monkeypatch, capsys):
    def fail(*_):
        raise OSError(f"cannot read {index.folder}\nTraceback")

    monkeypatch.setattr(index, "rank", fail)
    assert ask("/api/search?q=cat") == (500, {"error": "the server could not answer; it says why where it was started"})
    assert capsys.readouterr().err == f"error: a request failed (OSError: cannot read {index.folder})\n"


def test_searches_wait_for_each_other_but_not_forever(ask, answers, monkeypatch):
    monkeypatch.setattr("harness.serving.answers.WAIT_SECONDS", 0.01)
    with answers._turn:
        assert ask("/api/search?q=cat") == (503, {"error": "other searches take long; ask again in a moment"})
    assert ask("/api/search?q=cat")[0] == 200


def test_all_replies_forbid_what_is_not_needed(answers):
    site = Site(answers, Access(frozenset(), None, 1))
    for target in ("/", "/?q=anything&x=%ff", "/api/about", "/nothing"):
        headers = site.reply(target, HEADERS).headers
        assert site_module._ALWAYS.items() <= headers.items()
        assert not any(name.lower().startswith("access-control-") for name in headers)
