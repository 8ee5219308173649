"""`sembridge-bench search`: hits and their reasons, runs, and what is refused."""

from __future__ import annotations

import json
import shutil

import pytest

import sembridge
from harness.evaluation import trec
from tests.helpers.families_made import texts

DOCUMENTS = {f"d{place}": text for place, text in enumerate(texts()[:30])}


@pytest.fixture(scope="module", params=["bert", "inference-free"])
def index(request, made, tmp_path_factory):
    folder = tmp_path_factory.mktemp("index") / request.param
    return sembridge.search.build(made.sources[request.param], DOCUMENTS, folder).folder


def test_hits_are_printed_with_their_reasons(index, command):
    opened = sembridge.search.open(index)
    code, shown, err = command("search", index, "the cat window", "--k", 2, "--terms", 2)
    assert code == 0, err
    query, blank, *lines = shown.splitlines()
    assert query.startswith("query      ") and blank == ""
    vector = opened.encode(["the cat window"])
    heaviest = sorted(zip(-vector.data, vector.indices, strict=True))[:2]
    first = ", ".join(f"{opened.vocabulary['shown'][place]} {-weight:.2f}" for weight, place in heaviest)
    assert query.startswith(f"query      {first}")
    hits = opened.search("the cat window", k=2)
    assert lines == "\n".join("\n".join([hit.headline(), *hit.why(2)]) for hit in hits).splitlines()
    term = hits[0].terms[0]
    assert f"{term.query_weight:.3f} x {term.document_weight:.3f}  = {term.product:.4f}" in lines[1]


def test_json_has_all_terms(index, command):
    hits = json.loads(command("search", index, "the cat window", "--k", 2, "--format", "json")[1])
    assert hits["query"] == "the cat window"
    expected = sembridge.search.open(index).search("the cat window", k=2)
    assert [hit["id"] for hit in hits["hits"]] == [hit.id for hit in expected]
    assert hits["hits"][0]["text"] == DOCUMENTS[hits["hits"][0]["id"]]
    for hit in hits["hits"]:
        assert sum(term["product"] for term in hit["terms"]) == pytest.approx(hit["score"], rel=1e-12)


def test_rarity_is_used_on_request(index, command):
    plain, weighted = (
        json.loads(command("search", index, "the cat window", "--format", "json", *more)[1])["hits"]
        for more in ([], ["--idf"])
    )
    expected = sembridge.search.open(index).search("the cat window", idf=True)
    assert [(hit["id"], hit["score"]) for hit in weighted] == [(hit.id, hit.score) for hit in expected]
    assert weighted != plain


def test_nothing_found_is_said(made, command, tmp_path):
    """A word without letters in common: an inference-free query has no token that a document has."""
    folder = tmp_path / "index"
    built = sembridge.search.build(made.sources["inference-free"], {"a": "the cat"}, folder)
    unused = [place for place, count in enumerate(built.document_frequencies) if not count]
    word = next(built.vocabulary["tokens"][p] for p in unused if built.vocabulary["tokens"][p].isalpha())
    code, shown, _ = command("search", folder, word)
    assert code == 0 and f"nothing was found: no document shares a term with '{word}'" in shown


def test_what_terms_are_made_of(transferred, command, tmp_path):
    encoder = transferred()
    sembridge.search.build(encoder, {"a": "старый кот", "b": "песня река"}, tmp_path / "index")
    code, shown, err = command("search", tmp_path / "index", "кот", "--made-of", "--k", 1, "--terms", 3)
    assert code == 0, err
    hit = sembridge.search.open(tmp_path / "index").search("кот", k=1)[0]
    explained = shown.partition("What these terms are made of:\n")[2]
    for term in hit.terms[:3]:
        assert explained.splitlines()[hit.terms.index(term)].startswith(f"{term.token} ")
    made_of = json.loads(command("search", tmp_path / "index", "кот", "--made-of", "--format", "json", "--k", 1)[1])
    record = encoder / "transfer.json"
    assert record.is_file() and [token["id"] for token in made_of["made_of"]["tokens"]][:3] == [
        term.id for term in hit.terms[:3]
    ]


def test_a_run_of_queries(index, command, tmp_path):
    queries = {"q1": "the cat", "q2": "window song"}
    (tmp_path / "queries.jsonl").write_text(
        "".join(f"{json.dumps({'_id': n, 'text': t})}\n" for n, t in queries.items())
    )
    (tmp_path / "queries.tsv").write_text("".join(f"{name}\t{text}\n" for name, text in queries.items()))
    expected = sembridge.search.open(index).run(queries, 5)
    for number, given in enumerate(("queries.jsonl", "queries.tsv", "")):
        out = tmp_path / f"{number}.trec.gz"
        code, shown, err = command("search", index, "--queries", tmp_path / given, "--run", out, "--k", 5)
        assert (code, err) == (0, "")
        documents = sum(map(len, expected.values()))
        assert shown == f"written    {out}: 2 queries, {documents} documents\n"
        assert {name: [document for document, _ in ranking] for name, ranking in trec.read(out).items()} == {
            name: [document for document, _ in ranking] for name, ranking in expected.items()
        }


def test_an_encoder_that_moved_is_named(made, command, tmp_path):
    shutil.copytree(made.source, tmp_path / "before")
    sembridge.search.build(tmp_path / "before", DOCUMENTS, tmp_path / "index")
    (tmp_path / "before").rename(tmp_path / "after")
    code, _, err = command("search", tmp_path / "index", "cat")
    assert code == 2 and "--encoder" in err, err
    assert command("search", tmp_path / "index", "cat", "--encoder", tmp_path / "after")[0] == 0
    code, _, err = command("search", tmp_path / "index", "cat", "--encoder", made.sources["roberta"])
    assert code == 2 and "was built with another encoder than" in err


def test_refusals(index, command, tmp_path):
    (tmp_path / "there.trec").write_text("mine")
    (tmp_path / "none.jsonl").write_text('{"_id": "a", "text": ""}\n')
    (tmp_path / "bad.tsv").write_text("q1 the cat\n")
    (tmp_path / "twice.tsv").write_text("q1\tthe cat\nq1\tanother\n")
    run = ["--run", tmp_path / "new.trec"]
    cases = {
        "no query": ([], "no query was given; add one in quotes, or --queries FILE --run FILE"),
        "empty": ([" "], "QUERY ' ' is empty; say what to look for"),
        "not UTF-8": (["cat \udcff"], "QUERY 'cat \\udcff' is not UTF-8; set the terminal to UTF-8, and type it again"),
        "both": (["cat", "--queries", "x", *run], "QUERY and --queries were both given"),
        "no run": (["--queries", "x"], "--queries was given alone; add --run FILE, where the answers go"),
        "no queries": (["cat", *run], "--run was given alone; add --queries FILE, or leave out --run"),
        "k": (["cat", "--k", "0"], "--k 0 is not a number of things to show; give 1 or more"),
        "terms": (["cat", "--terms", "-1"], "--terms -1 is not a number of things to show; give 1 or more"),
        "format": (["cat", "--format", "jsn"], "--format 'jsn' is unknown; did you mean 'json'?"),
        "revision": (["cat", "--revision", "abc"], "--revision 'abc' has no effect without --encoder; leave it out"),
        "no file": (["--queries", tmp_path / "gone.jsonl", *run], "gone.jsonl: no such file"),
        "no form": (["--queries", tmp_path / "there.trec", *run], "is neither .jsonl nor .tsv; give a queries.jsonl"),
        "no text": (["--queries", tmp_path / "none.jsonl", *run], "has no query with a text; add some"),
        "no tab": (["--queries", tmp_path / "bad.tsv", *run], "bad.tsv:1: no tab: write id, tab, text"),
        "twice": (["--queries", tmp_path / "twice.tsv", *run], "twice.tsv:2: query id 'q1' occurs a second time"),
        "run exists": (["--queries", "x", "--run", tmp_path / "there.trec"], "exists already; choose another name"),
        "no folder": (["--queries", "x", "--run", tmp_path / "a" / "b"], "its folder does not exist; make it"),
        "made of": (["--queries", "x", *run, "--made-of"], "--made-of shows hits, and a run has none to show"),
        "no record": (["cat", "--made-of"], "--made-of: folder"),
        "encoder": (["cat", "--encoder", "gone/x/y"], "--encoder 'gone/x/y' does not exist here; check the path"),
    }
    for name, (arguments, message) in cases.items():
        code, out, err = command("search", index, *arguments)
        assert (code, out) == (2, ""), (name, out, err)
        assert err.startswith("error: ") and err.count("\n") == 1 and message in err, (name, err)
    code, _, err = command("search", tmp_path, "cat")
    assert code == 2 and "holds no index: it has no manifest.json; give a folder that `index` wrote" in err
    assert (tmp_path / "there.trec").read_text() == "mine" and not (tmp_path / "new.trec").exists()


def test_ids_that_a_run_cannot_hold_are_refused_before_the_search(made, command, tmp_path):
    sembridge.search.build(made.source, {"my file.txt": "the cat", "b": "cat"}, tmp_path / "index")
    (tmp_path / "q.tsv").write_text("q1\tcat\n")
    code, _, err = command("search", tmp_path / "index", "--queries", tmp_path / "q.tsv", "--run", tmp_path / "run")
    assert code == 2 and "--run: 1 of the documents have an id with white space, which a run file cannot hold" in err
    assert command("search", tmp_path / "index", "cat")[0] == 0
