"""Building an index: in several goes the bits of one, and what cannot be indexed is refused."""

from __future__ import annotations

import shutil
import signal
import subprocess
import sys
import time

import pytest
import torch
from filelock import FileLock

import sembridge
from sembridge.encoder.loading import load_encoder
from sembridge.encoder.modules import splade_modules
from sembridge.search import index_writer
from sembridge.search.index_writer import build
from sembridge.search.manifest import IndexFolderError
from tests.helpers.families_made import family_encoder, texts
from tests.helpers.paths import ROOT

DOCUMENTS = {f"d{place}": text for place, text in enumerate(texts())}


@pytest.fixture(scope="module")
def encoder(tmp_path_factory):
    return family_encoder(tmp_path_factory.mktemp("encoder"), "bert")


@pytest.fixture
def parts(monkeypatch):
    monkeypatch.setattr(index_writer, "PART", 64)  # 200 documents: four parts, the last with 8


def contents(folder):
    return {path.relative_to(folder).as_posix(): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


class StoppedError(Exception):
    pass


@pytest.mark.parametrize("after", [0, 1, 64, 150, 199])
def test_an_interrupted_build_goes_on_to_the_same_bytes(parts, encoder, tmp_path, after):
    build(encoder, DOCUMENTS, tmp_path / "whole")

    def breaks_off():
        for place, document in enumerate(DOCUMENTS.items()):
            if place == after:
                raise StoppedError
            yield document

    with pytest.raises(StoppedError):
        build(encoder, breaks_off(), tmp_path / "stopped")
    with pytest.raises(IndexFolderError, match="is not finished; repeat the command that builds it"):
        sembridge.search.open(tmp_path / "stopped")
    counts = []
    index = build(encoder, iter(DOCUMENTS.items()), tmp_path / "stopped", progress=lambda *count: counts.append(count))
    assert len(index) == 200
    assert counts[-1] == (200, after // 64 * 64), "finished parts are not encoded again"
    assert contents(tmp_path / "stopped") == contents(tmp_path / "whole")


def test_a_build_interrupted_while_it_writes_the_postings_goes_on(parts, encoder, tmp_path, monkeypatch):
    build(encoder, DOCUMENTS, tmp_path / "whole")
    with monkeypatch.context() as patch, pytest.raises(StoppedError):
        patch.setattr("sembridge.search.inversion._scatter", lambda *_: (_ for _ in ()).throw(StoppedError))
        build(encoder, DOCUMENTS, tmp_path / "stopped")
    assert not (tmp_path / "stopped" / "postings").exists()
    build(encoder, DOCUMENTS, tmp_path / "stopped")
    assert contents(tmp_path / "stopped") == contents(tmp_path / "whole")


def test_a_whole_index_is_only_compared(encoder, tmp_path, monkeypatch):
    build(encoder, DOCUMENTS, tmp_path / "index")
    before = contents(tmp_path / "index")
    monkeypatch.setattr(index_writer, "encode", None)
    build(encoder, DOCUMENTS, tmp_path / "index")
    assert contents(tmp_path / "index") == before


def changed(**changes):
    return {name: text for name, text in (DOCUMENTS | changes).items() if text is not None}


OTHERS = {
    "another text": (changed(d3="other"), "they differ at 'd3'"),
    "another text in the last part": (changed(d199="other"), "they differ at 'd199'"),
    "more": (changed(e="more"), "one has fewer documents than the other"),
    "more in a new part": (changed(**{f"e{i}": "more" for i in range(60)}), "one has fewer"),
    "fewer": (dict(list(DOCUMENTS.items())[:190]), "one has fewer documents than the other"),
    "fewer parts": (dict(list(DOCUMENTS.items())[:64]), "one has fewer documents than the other"),
}


@pytest.mark.parametrize("name", OTHERS)
def test_other_documents_do_not_join_a_whole_index(parts, encoder, tmp_path, name):
    documents, message = OTHERS[name]
    build(encoder, DOCUMENTS, tmp_path / "index")
    before = contents(tmp_path / "index")
    with pytest.raises(IndexFolderError, match=f"was built from other documents .{message}.*; choose another folder"):
        build(encoder, documents, tmp_path / "index")
    assert contents(tmp_path / "index") == before


@pytest.mark.parametrize("finished", [True, False])
def test_another_encoder_or_other_options_do_not_join(encoder, tmp_path, finished):
    if finished:
        build(encoder, DOCUMENTS, tmp_path / "index")
    else:
        with pytest.raises(ValueError, match="no text"):
            build(encoder, {"a": ""}, tmp_path / "index")
    encoder.save_pretrained(str(tmp_path / "model"))
    other = load_encoder(str(tmp_path / "model"))
    build(other, {"a": "cat"}, tmp_path / "same") if not finished else build(other, DOCUMENTS, tmp_path / "index")
    with torch.no_grad():
        next(splade_modules(other).model.parameters())[0, 0] += 1e-3
    with pytest.raises(IndexFolderError, match="with another encoder, or with this one before it was changed"):
        build(other, DOCUMENTS, tmp_path / "index")
    with pytest.raises(IndexFolderError, match=r"with another max_length \(None then, 9 now\); choose another folder"):
        build(encoder, DOCUMENTS, tmp_path / "index", max_length=9)


BAD = {
    "none": ([], "there are no documents to index; give at least one"),
    "twice": ([("a", "cat"), ("b", "cat"), ("a", "cat")], "document id 'a' occurs a second time; ids must be unique"),
    "no text": ([("a", " \n")], "document 'a' has no text; leave it out"),
    "texts alone": (["cat", "dog"], r"document 0 is 'cat'; give pairs \(id, text\), or a dict from ids to texts"),
    "a number": ([(1, "cat")], "document 0 .'1'.: id and text must be strings, the id not empty"),
    "no id": ([("", "cat")], "id and text must be strings, the id not empty"),
    "surrogate": ([("a", "cat \ud800")], "document 'a' has half a surrogate pair, which is not a character; repair it"),
}


@pytest.mark.parametrize("name", BAD)
def test_documents_that_cannot_be_indexed_are_refused(encoder, tmp_path, name):
    documents, message = BAD[name]
    with pytest.raises(ValueError, match=message):
        build(encoder, documents, tmp_path / "index")


def test_a_foreign_folder_is_left_alone(encoder, tmp_path):
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine" / "notes.txt").write_text("mine")
    with pytest.raises(IndexFolderError, match="is not empty and holds no index; choose another folder"):
        build(encoder, DOCUMENTS, tmp_path / "mine")
    with pytest.raises(IndexFolderError, match=r"notes.txt' is a file; choose a folder for the index"):
        build(encoder, DOCUMENTS, tmp_path / "mine" / "notes.txt")
    (tmp_path / "mine" / "manifest.json").write_text("{}")
    with pytest.raises(IndexFolderError, match="of another program"):
        build(encoder, DOCUMENTS, tmp_path / "mine")
    assert sorted(contents(tmp_path / "mine")) == ["manifest.json", "notes.txt"]


def test_two_builds_of_one_index_do_not_mix(encoder, tmp_path):
    (tmp_path / "index").mkdir()
    with (
        FileLock(tmp_path / "index" / ".lock"),
        pytest.raises(IndexFolderError, match="another process is building the index"),
    ):
        build(encoder, DOCUMENTS, tmp_path / "index")


def test_texts_are_kept_as_the_encoder_got_them(encoder, tmp_path):
    index = build(encoder, [("한", "  café\r\n \u2028 안녕 ")], tmp_path / "index")
    assert index.document(0) == ("한", "café\r\n \u2028 안녕")


def test_an_index_of_documents_without_any_dimension_can_be_searched(encoder, tmp_path):
    silent = load_encoder(str(shutil.copytree(saved(encoder, tmp_path / "model"), tmp_path / "silent")))
    with torch.no_grad():
        splade_modules(silent).model.get_output_embeddings().bias -= 1e4
    index = build(silent, {"a": "cat", "b": "the"}, tmp_path / "index")
    assert (index.manifest["without_dimensions"], index.manifest["entries"]) == (2, 0)
    assert index.search("cat") == ()


def saved(encoder, folder):
    encoder.save_pretrained(str(folder))
    return folder


KILLED = """
import sys
from sembridge.search import index_writer
index_writer.PART = 64

def documents():
    from tests.helpers.families_made import texts
    for place, text in enumerate(texts()):
        if place == 100:
            print("halfway", flush=True)
            __import__("time").sleep(600)
        yield f"d{place}", text

index_writer.build(sys.argv[1], documents(), sys.argv[2])
"""


@pytest.mark.slow
def test_a_killed_build_goes_on_to_the_same_bytes(parts, encoder, tmp_path):
    model = saved(encoder, tmp_path / "model")
    build(model, DOCUMENTS, tmp_path / "whole")
    command = [sys.executable, "-c", KILLED, str(model), str(tmp_path / "killed")]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, cwd=ROOT, text=True) as process:
        assert process.stdout.readline() == "halfway\n"
        process.send_signal(signal.SIGKILL)
    assert process.returncode == -signal.SIGKILL
    time.sleep(0.1)
    build(model, DOCUMENTS, tmp_path / "killed")
    assert contents(tmp_path / "killed") == contents(tmp_path / "whole")
