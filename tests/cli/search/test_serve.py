"""`sembridge-bench serve`: what it says, how it ends, and what it refuses before anything is loaded."""

from __future__ import annotations

import json
import os
import re
import signal
import socket
import subprocess
import sys
import urllib.error
import urllib.request
from functools import partial

import pytest

import sembridge
from harness.serving.server import Server
from tests.helpers.families_made import texts


@pytest.fixture(scope="module")
def index(made, tmp_path_factory):
    documents = {f"d{place}": text for place, text in enumerate(texts()[:30])}
    return sembridge.search.build(made.source, documents, tmp_path_factory.mktemp("index") / "index").folder


@pytest.fixture
def served(monkeypatch):
    """Note the server that would run, and end it as Ctrl-C does."""
    noted: list[Server] = []

    def end(server):
        noted.append(server)
        raise KeyboardInterrupt

    monkeypatch.setattr(Server, "serve_forever", end)
    return noted


def ask(server, path, **headers):
    return server.site.reply(path, {"host": "localhost"} | headers)


def test_on_this_machine_it_asks_for_nothing(index, command, served):
    code, shown, err = command("serve", index, "--port", 0)
    assert (code, err) == (0, "")
    (server,) = served
    lines = shown.splitlines()
    assert lines[0] == f"index      {index}: 30 documents"
    assert re.fullmatch(r"encoder    \d+ tokens, loaded in [\d.]+ s", lines[1])
    assert re.fullmatch(r"bm25       30 documents read in [\d.]+ s", lines[2])
    assert lines[3].startswith("made of    left out: folder ") and lines[3].endswith("its record was not copied along")
    assert lines[4:] == [
        f"open       http://127.0.0.1:{server.port}/",
        "           Ctrl-C ends it",
        "",
        "ended; nothing was written",
    ]
    assert ask(server, "/api/search?q=the+cat").status == 200
    told = json.loads(ask(server, "/api/about").body)
    assert told["encoder"] == "bert" and "/" not in json.dumps(told)


def test_rarity_is_on_where_the_option_says_so(index, command, served):
    assert command("serve", index, "--port", 0, "--idf")[0] == 0
    told = json.loads(ask(served[0], "/api/search?q=the+cat").body)
    expected = sembridge.search.open(index).search("the cat", idf=True)
    assert told["idf"] and [(hit["id"], hit["score"]) for hit in told["hits"]] == [
        (hit.id, hit.score) for hit in expected
    ]


def test_elsewhere_it_asks_for_a_token(index, command, served):
    code, shown, err = command("serve", index, "--port", 0, "--host", "0.0.0.0")
    assert code == 0 and err == "warning: others can reach this, and nothing on the way is encrypted\n"
    (server,) = served
    token = re.search(r"^token      (\S{43}) \(for programs: Authorization: Bearer TOKEN; ", shown, re.M)[1]
    link = re.search(rf"^open       http://{re.escape(socket.gethostname())}:{server.port}(/enter\S+)$", shown, re.M)[1]
    assert shown.count(token) == 1 and "lets one browser in, once, within 10 minutes" in shown
    assert ask(server, "/api/about").status == 401
    assert ask(server, "/api/about", authorization=f"Bearer {token}").status == 200
    assert ask(server, link).status == 303


def test_a_token_of_a_file(index, command, served, tmp_path):
    path = tmp_path / "token"
    path.write_text("0123456789abcdef\n")
    path.chmod(0o600)
    code, shown, err = command("serve", index, "--port", 0, "--token-file", path)
    assert (code, err) == (0, "") and "0123456789abcdef" not in shown and "/enter?code=" in shown
    assert ask(served[0], "/api/about").status == 401
    assert ask(served[0], "/api/about", authorization="Bearer 0123456789abcdef").status == 200
    path.chmod(0o644)
    err = command("serve", index, "--port", 0, "--token-file", path)[2]
    assert err == f"warning: --token-file {str(path)!r} can be read by others on this machine: chmod 600 it\n"


def test_what_tokens_are_made_of(transferred, command, served, tmp_path):
    built = sembridge.search.build(transferred(), {"a": "старый кот", "b": "песня река"}, tmp_path / "index")
    code, shown, _ = command("serve", built.folder, "--port", 0)
    assert code == 0 and "\nmade of    the record of the transfer by sembridge\n" in shown
    token = built.search("кот", k=1)[0].terms[0].id
    told = json.loads(ask(served[0], f"/api/token?id={token}").body)
    (expected,) = sembridge.explain(tmp_path / "out", built.vocabulary["tokens"][token]).to_dict()["tokens"]
    assert expected["id"] == token
    assert [donor["weight"] for donor in told["made_of"]["donors"]] == [d["weight"] for d in expected["donors"]][:10]
    explained = str(sembridge.explain(tmp_path / "out", built.vocabulary["tokens"][token], top=10)).splitlines()[0]
    assert f"{told['token']}  {told['made_of']['sentence']}" == explained


def test_bm25_is_left_out_where_it_would_fill_the_memory(index, command, served, monkeypatch):
    monkeypatch.setattr("harness.serving.word_search.MOST_TEXT", 100)
    code, shown, _ = command("serve", index, "--port", 0)
    sentence = "the documents are more than the 100 B that are read into memory for it"
    assert code == 0 and f"\nbm25       left out: {sentence}\n" in shown
    assert json.loads(ask(served[0], "/api/about").body)["without_bm25"] == sentence


def test_refusals(index, command, tmp_path):
    short, binary = tmp_path / "short", tmp_path / "binary"
    short.write_text("0123456789\n")
    binary.write_bytes(b"\xff" * 40)
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        for arguments, message in {
            (index, "--port", port): f"--port {port} is in use by another program; --port ",
            (index, "--port", 65536): "--port 65536 is not a port; give one from 1024 to 65535, or 0 for any that is",
            (index, "--port", -1): "--port -1 is not a port",
            (index, "--host", "192.0.2.1"): "--host '192.0.2.1' is not an address of this machine",
            (index, "--token-file", tmp_path / "gone"): "gone' is not a file; check the path",
            (index, "--token-file", short): "short' has no token of at least 16 characters",
            (index, "--token-file", binary): "binary' cannot be read as a token",
            (index, "--revision", "abc"): "--revision 'abc' has no effect without --encoder; leave it out",
            (tmp_path / "gone",): "gone' does not exist",
            (tmp_path,): "holds no index",
        }.items():
            code, out, err = command("serve", *arguments)
            assert (code, out) == (2, ""), (arguments, out, err)
            assert err.startswith("error: ") and err.count("\n") == 1 and message in err, (arguments, err)


def test_an_encoder_that_changed_is_refused(made, command, tmp_path):
    import shutil

    shutil.copytree(made.source, tmp_path / "encoder")
    sembridge.search.build(tmp_path / "encoder", {"a": "the cat"}, tmp_path / "index")
    shutil.rmtree(tmp_path / "encoder")
    code, _, err = command("serve", tmp_path / "index", "--port", 0)
    assert code == 2 and "any more; say where it is:" in err and err.count("\n") == 1


@pytest.mark.slow
@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_signals_end_it_in_order(index, tmp_path, number):
    command = [sys.executable, "-m", "harness.cli.main", "serve", str(index), "--port", "0"]
    before = sorted((path, path.stat().st_mtime_ns) for path in index.rglob("*"))
    pipes = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE, "text": True}
    as_in_a_terminal = partial(signal.signal, signal.SIGINT, signal.SIG_DFL)  # where tests run in the background, too
    with subprocess.Popen(command, **pipes, env=os.environ, preexec_fn=as_in_a_terminal) as process:
        address = next(line.split()[1] for line in process.stdout if line.startswith("open "))
        with urllib.request.urlopen(f"{address}api/search?q=cat", timeout=60) as answer:
            assert answer.status == 200
        with pytest.raises(urllib.error.HTTPError, match="404"):
            urllib.request.urlopen(f"{address}nothing", timeout=60)
        process.send_signal(number)
        try:
            out, err = process.communicate(timeout=90)
        finally:
            process.kill()
    assert (process.returncode, err) == (0, "") and out.endswith("\nended; nothing was written\n")
    assert sorted((path, path.stat().st_mtime_ns) for path in index.rglob("*")) == before
