"""`sembridge-bench export --to onnx`: what is refused, and that the page's code encodes as the encoder does."""

from __future__ import annotations

import json
import re
from pathlib import Path

import numpy as np
import pytest

from harness.collections import beir
from sembridge import extras
from sembridge.encoder.loading import load_encoder
from sembridge.search import build
from tests.helpers.families_made import represented
from tests.helpers.graphs_made import pooled_folder
from tests.helpers.tokenizers_made import english


@pytest.fixture(scope="module")
def collection(tmp_path_factory) -> Path:
    folder = tmp_path_factory.mktemp("collection")
    lines = english()[:18]
    documents, queries = enumerate(lines[:12]), enumerate(lines[12:])
    beir.write(folder, ((f"d{i}", "", line) for i, line in documents), ((f"q{i}", line) for i, line in queries), ())
    return folder


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (["--name", "mine"], "--name is for documents and queries, and --to onnx writes an encoder; leave it out"),
        (["--max-active-document", "9"], "--max-active-document is for documents and queries, and --to onnx writes"),
        (["--max-active-query", "9"], "--max-active-query is for documents and queries, and --to onnx writes an"),
        (
            ["--largest-loss", "0.1"],
            "--largest-loss is for documents and queries, and --to onnx writes an encoder; leave",
        ),
        (["--drop-special"], "--drop-special is for documents and queries, and --to onnx writes an encoder; leave"),
        (["--without-texts"], "--without-texts is for documents and queries, and --to onnx writes an encoder; leave"),
        (["--scale", "10"], "--scale is for engines with integers (lucene, pisa), not for onnx; leave it out"),
        (["--queries", "q"], "--queries names texts to compare with, with --to onnx; add --check N, or leave it out"),
        (["--collection", "c"], "--collection names texts to compare with, with --to onnx; add --check N, or leave"),
        (["--check", "0"], "--check 0 is not a number of texts; give 1 or more"),
        (["--check", "1", "--collection", "none"], "--collection: none: no such file or folder: give a corpus.jsonl"),
        (["--encoder", "e"], "--encoder is for an INDEX, and"),
    ],
)
def test_refusals(command, made, tmp_path, options, message):
    code, _, err = command("export", made.source, "--to", "onnx", "--out", tmp_path / "out", *options)
    assert code == 2 and err.startswith("error: ") and message in err and err.count("\n") == 1
    assert not (tmp_path / "out").exists()


def test_a_format_that_is_nearly_onnx(command, made, tmp_path):
    code, _, err = command("export", made.source, "--to", "onx", "--out", tmp_path / "out")
    assert code == 2 and "--to 'onx' is unknown; did you mean 'onnx'?" in err


def test_without_its_packages_it_says_what_to_install(command, made, tmp_path, monkeypatch):
    monkeypatch.setitem(extras.EXTRAS, "onnx", ("surely_not_there",))
    code, _, err = command("export", made.source, "--to", "onnx", "--out", tmp_path / "out")
    assert (code, err) == (
        2,
        "error: an ONNX graph needs surely_not_there, not installed here: pip install 'sembridge-bench[onnx]'\n",
    )


@pytest.fixture
def runtime():
    for package in extras.EXTRAS["onnx"]:
        pytest.importorskip(package, reason=f"{package} is not installed: pip install 'sembridge-bench[onnx]'")


def functions_of(folder: Path, monkeypatch) -> dict:
    """The functions that the page defines, run beside its files."""
    (code,) = re.findall(r"```python\n(.*?)```", (folder / "README.md").read_text("utf-8"), re.S)
    monkeypatch.chdir(folder)
    page: dict = {}
    exec(code, page)
    return page


def dense(vector: dict[int, float], size: int) -> np.ndarray:
    found = np.zeros(size, dtype=np.float32)
    for dimension, weight in vector.items():
        found[dimension] = weight
    return found


@pytest.mark.slow
@pytest.mark.parametrize("family", ["prompts", "inference-free"])
def test_the_page_encodes_a_document_and_a_query(runtime, command, made, tmp_path, monkeypatch, family):
    prompts = {"query": "cat: ", "document": ""}
    free = family == "inference-free"
    source = made.sources[family] if free else pooled_folder(tmp_path / "made", "max", "relu", prompts, "bert")
    out = tmp_path / "out"
    code, shown, err = command("export", source, "--to", "onnx", "--out", out, "--check", "5")
    assert code == 0, err
    pattern = r" {11}5 (\w+), built in: weights differ by at most 0\.0000\d{3}, the same active dimensions in \d of 5"
    assert re.findall(pattern, shown) == ["documents", "queries"]
    assert ("note       every query has to be preceded by 'cat: ', as the page does it" in shown) == (not free)
    assert (out / "query-weights.json").exists() == (out / "query-tokenizer.json").exists() == free
    encoder, page, text = load_encoder(str(source)), functions_of(out, monkeypatch), english()[13]
    for side in ("document", "query"):
        own = represented(encoder, [text], side=side)[0]
        np.testing.assert_allclose(dense(page[side](text), len(own)), own, rtol=1e-4, atol=1e-5)
    manifest = json.loads((out / "export.json").read_text())
    assert manifest["prompts"] == ({"query": "", "document": ""} if free else prompts)


@pytest.mark.slow
def test_an_index_names_its_encoder_and_its_documents_are_compared(runtime, command, made, collection, tmp_path):
    texts = {line["_id"]: line["text"] for line in map(json.loads, (collection / "corpus.jsonl").open())}
    build(str(made.source), texts, tmp_path / "index", max_length=7)
    out = tmp_path / "out"
    options = ("--queries", collection, "--check", "9", "--out", out)
    code, shown, err = command("export", tmp_path / "index", "--to", "onnx", *options)
    assert code == 0, err
    assert f"index      {tmp_path / 'index'}: 12 documents" in shown
    assert "           9 documents: weights differ by" in shown and "           6 queries: weights differ by" in shown
    assert json.loads((out / "export.json").read_text())["max_length"] == 7
    assert json.loads((out / "export.json").read_text())["encoder"] == made.source.name


@pytest.mark.slow
def test_a_graph_that_does_something_else_is_not_left(runtime, command, made, collection, tmp_path, monkeypatch):
    from harness.export.graph import running

    weights = running._weights
    monkeypatch.setattr(running, "_weights", lambda *arguments: weights(*arguments) + 0.5)
    options = ("--collection", collection, "--check", "3", "--out", tmp_path / "out")
    code, _, err = command("export", made.source, "--to", "onnx", *options)
    assert code == 1 and "does not do what the encoder does: weights of documents differ from the encoder's by " in err
    assert "(nothing was written)" in err and not (tmp_path / "out").exists()
