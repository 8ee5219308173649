"""`sembridge-bench index`: what it writes and says, and what it refuses before anything is encoded."""

from __future__ import annotations

import json

import pytest

import sembridge
from harness.cli.search import progress
from harness.cli.search.progress import Progress, describe
from harness.collections import beir
from sembridge.search.encode import encode_all
from tests.helpers.families_made import texts
from tests.helpers.processors import processor

DOCUMENTS = [(f"d{place}", "Title", text) for place, text in enumerate(texts()[:20])]


@pytest.fixture
def corpus(tmp_path):
    folder = tmp_path / "corpus"
    folder.mkdir()
    lines = [beir.document_line(*document) for document in DOCUMENTS]
    (folder / "corpus.jsonl").write_text("\n".join([*lines, '{"_id": "empty", "text": ""}']) + "\n", encoding="utf-8")
    return folder


def test_an_index_of_a_corpus(made, corpus, command, tmp_path):
    out = tmp_path / "my index"
    code, shown, err = command("index", made.source, "--collection", corpus, "--out", out)
    assert (code, err) == (0, "")
    index = sembridge.search.open(out)
    assert [index.document(place) for place in range(20)] == [(name, f"Title {text}") for name, _, text in DOCUMENTS]
    each = index.manifest["entries"] / 20
    assert shown.splitlines()[0] == f"documents  {corpus}: 20 documents; 1 without text are left out"
    used, dimensions = index.manifest["used_dimensions"], index.manifest["dimensions"]
    assert shown.splitlines()[1] == f"vectors    {each:.0f} terms each on average, {used} of {dimensions} tokens"
    assert shown.splitlines()[2].startswith(f"written    {out} (")
    assert shown.splitlines()[-1] == f"Ask it:  sembridge-bench search '{out}' \"...\""

    code, again, _ = command("index", made.source, "--collection", corpus, "--out", out)
    assert code == 0 and "was finished before, from the same documents; nothing was written" in again


def test_options_are_used_and_kept(made, corpus, command, tmp_path):
    out = tmp_path / "index"
    options = ["--max-length", 4, "--precision", "float32"]
    assert command("index", made.source, "--collection", corpus, "--out", out, *options)[0] == 0
    index = sembridge.search.open(out)
    assert (index.manifest["max_length"], index.manifest["precision"]) == (4, "float32")
    short = sembridge.search.encode_options.EncodeOptions(4, "float32")
    expected = encode_all(index.encoder, [f"Title {text}" for _, _, text in DOCUMENTS], "document", short)
    (block,) = index.blocks()
    assert (block.vectors != expected).nnz == 0


def test_bfloat16_that_is_slow_is_said_in_a_line(made, corpus, command, tmp_path, monkeypatch, recwarn):
    processor(monkeypatch, 7.0)
    out = tmp_path / "index"
    _, shown, err = command("index", made.source, "--collection", corpus, "--out", out, "--precision", "bfloat16")
    (line,) = [line for line in shown.splitlines() if line.startswith("warning")]
    assert "--precision bfloat16 is slow" in line and "7.0 times" in line and (err, len(recwarn)) == ("", 0)


def test_a_folder_of_texts(made, command, tmp_path):
    (tmp_path / "texts").mkdir()
    for name, text in (("one.txt", "the cat"), ("two.txt", "the window")):
        (tmp_path / "texts" / name).write_text(text)
    code, shown, _ = command("index", made.source, "--collection", tmp_path / "texts", "--out", tmp_path / "index")
    assert code == 0 and f"{tmp_path / 'texts'}: 2 text files\n" in shown
    assert sembridge.search.open(tmp_path / "index").document(1) == ("two.txt", "the window")


def test_a_corpus_that_changed_is_refused(made, corpus, command, tmp_path):
    command("index", made.source, "--collection", corpus, "--out", tmp_path / "index")
    lines = (corpus / "corpus.jsonl").read_text().replace("Title", "Other", 1)
    (corpus / "corpus.jsonl").write_text(lines)
    code, _, err = command("index", made.source, "--collection", corpus, "--out", tmp_path / "index")
    assert code == 2 and "--out: the index" in err and "was built from other documents (they differ at 'd0')" in err


def test_an_interruption_says_how_to_go_on(made, corpus, command, tmp_path, monkeypatch):
    def interrupt(*_, **__):
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr("sembridge.search.index_writer.encode", interrupt)
        code, _, err = command("index", made.source, "--collection", corpus, "--out", tmp_path / "index")
    assert code == 130 and err == "\ninterrupted; what is indexed stays: repeat the command, and it goes on\n"
    code, _, err = command("search", tmp_path / "index", "cat")
    assert code == 2 and "is not finished; repeat the command that builds it: it goes on where it stopped" in err
    assert command("index", made.source, "--collection", corpus, "--out", tmp_path / "index")[0] == 0


@pytest.fixture
def refusals(made, corpus, tmp_path):
    full = tmp_path / "full"
    full.mkdir()
    (full / "thesis.tex").write_text("precious")
    bad = tmp_path / "bad.jsonl"
    bad.write_text('{"_id": "a", "text": "x"}\n' * 2)

    def of(**changes):
        options = {"encoder": made.source, "collection": corpus, "out": tmp_path / "out"} | changes
        flags = {"collection": "--collection", "out": "--out", "precision": "--precision", "max_length": "--max-length"}
        chosen = [part for name, flag in flags.items() if name in options for part in (flag, options[name])]
        return ["index", options["encoder"], *chosen]

    return {
        "no encoder": (of(encoder="gone/x/y"), "ENCODER 'gone/x/y' does not exist here; check the path"),
        "an encoder without weights": (of(encoder=corpus), "ENCODER: model folder"),
        "no pin": (of(encoder="naver/splade-v3"), "add its pinned revision with --revision COMMIT"),
        "pocket encoder": (of(encoder="pocket:encoders/bret"), "ENCODER: encoder 'bret' is not in the pocket; did you"),
        "no collection": (of(collection=tmp_path / "gone"), "gone: no such file or folder: give a corpus.jsonl"),
        "pocket": (of(collection="pocket:collections/kr/faq"), "--collection: language 'kr' is not in the pocket"),
        "twice": (of(collection=bad), "--collection: " + f"{bad}:2: document id 'a' occurs a second time"),
        "foreign folder": (of(out=full), "full' is not empty and holds no index; choose another folder"),
        "a file": (of(out=full / "thesis.tex"), "thesis.tex' is a file; choose a folder"),
        "inside the encoder": (of(out=made.source / "index"), "which is read, lie in each other"),
        "precision": (of(precision="float16"), "--precision 'float16' is unknown; did you mean 'bfloat16'?"),
        "length": (of(max_length=2), "--max-length 2 leaves no token beside the special ones; give 3 or more"),
    }


def test_refusals(refusals, command, tmp_path):
    for name, (arguments, message) in refusals.items():
        code, out, err = command(*arguments)
        assert (code, out) == (2, ""), (name, out, err)
        assert err.startswith("error: ") and err.count("\n") == 1 and message in err, (name, err)
    assert not (tmp_path / "out").exists()
    assert (tmp_path / "full" / "thesis.tex").read_text() == "precious"


def test_a_foreign_manifest_is_left_alone(made, corpus, command, tmp_path):
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine" / "manifest.json").write_text(json.dumps({"kind": "other"}))
    code, _, err = command("index", made.source, "--collection", corpus, "--out", tmp_path / "mine")
    assert code == 2 and "holds a manifest.json of another program, not of an index" in err
    assert [path.name for path in (tmp_path / "mine").iterdir()] == ["manifest.json"]


def test_progress_is_said_in_words(capsys, monkeypatch):
    assert describe("documents", 1500, 4000, 500, 10.0) == "1,500 of 4,000 documents, 50 a second, about 50 s left"
    assert describe("documents", 3, 10, 3, 6.0) == "3 of 10 documents, 0.5 a second, about 14 s left"
    assert describe("documents", 8, 10, 0, 6.0) == "8 of 10 documents"
    monkeypatch.setattr(progress, "SECONDS", 0.0)
    Progress("documents", 10)(4, 4)
    assert capsys.readouterr() == ("", "4 of 10 documents\n")
