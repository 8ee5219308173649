"""`sembridge-bench export`: vectors in the file are the encoder's own, and wrong options are refused in one line."""

from __future__ import annotations

import json
import re
from pathlib import Path

import numpy as np
import pytest

from harness.collections import beir
from sembridge.encoder.loading import load_encoder
from sembridge.search import build
from sembridge.search.manifest import sealed
from tests.helpers.tokenizers_made import english


@pytest.fixture(scope="module")
def collection(tmp_path_factory) -> Path:
    """Twelve documents, and six queries, of which four are judged."""
    folder = tmp_path_factory.mktemp("collection")
    lines = english()[:18]
    beir.write(
        folder,
        ((f"d{i}", "", line) for i, line in enumerate(lines[:12])),
        ((f"q{i}", line) for i, line in enumerate(lines[12:])),
        ((f"q{i}", f"d{i}", 1) for i in range(2, 6)),
    )
    return folder


@pytest.fixture(scope="module")
def index(made, collection, tmp_path_factory) -> Path:
    out = tmp_path_factory.mktemp("index") / "index"
    texts = {line["_id"]: line["text"] for line in map(json.loads, (collection / "corpus.jsonl").open())}
    build(str(made.source), texts, out)
    return out


def vectors(folder: Path, size: int) -> dict[str, np.ndarray]:
    """Read documents.jsonl of an export to jsonl as dense vectors."""
    found = {}
    for line in map(json.loads, (folder / "documents.jsonl").open(encoding="utf-8")):
        found[line["id"]] = np.zeros(size, dtype=np.float32)
        for dimension, weight in line["vector"].items():
            found[line["id"]][int(dimension)] = weight
    return found


def python_of(page: Path, marker: str) -> str:
    (code,) = [code for code in re.findall(r"```python\n(.*?)```", page.read_text("utf-8"), re.S) if marker in code]
    return code


def test_an_encoder_reads_the_documents(command, made, collection, tmp_path):
    out = tmp_path / "out"
    code, shown, err = command("export", made.source, "--to", "jsonl", "--collection", collection, "--out", out)
    assert code == 0, err
    encoder = load_encoder(str(made.source))
    texts = {line["_id"]: line["text"] for line in map(json.loads, (collection / "corpus.jsonl").open())}
    own = encoder.encode_document(list(texts.values())).to_dense().numpy()
    written = vectors(out, own.shape[1])
    assert list(written) == list(texts)
    np.testing.assert_allclose(np.stack(list(written.values())), own, rtol=1e-4, atol=1e-6)
    assert "documents  12 with " in shown and "special tokens are dimensions" in shown
    assert json.loads((out / "export.json").read_text())["documents"] == 12


def test_an_index_gives_the_same_files(command, made, index, collection, tmp_path):
    options = ("--to", "elasticsearch", "--queries", collection / "queries.jsonl")
    assert command("export", made.source, *options, "--collection", collection, "--out", tmp_path / "a")[0] == 0
    code, shown, err = command("export", index, *options, "--out", tmp_path / "b")
    assert code == 0 and f"\nindex      {index}: 12 documents\n" in shown, err
    for path in (tmp_path / "a").iterdir():
        assert path.read_bytes() == (tmp_path / "b" / path.name).read_bytes(), path.name


@pytest.mark.parametrize("family", ["bert", "inference-free"])
@pytest.mark.parametrize("drop", [(), ("--drop-special",)])
def test_the_page_makes_a_vector_of_a_text(command, made, collection, tmp_path, monkeypatch, family, drop):
    out, source = tmp_path / "out", made.sources[family]
    assert command("export", source, "--to", "jsonl", "--collection", collection, "--out", out, *drop)[0] == 0
    monkeypatch.chdir(out)
    page: dict = {}
    exec(python_of(out / "README.md", "def vector("), page)
    encoder = load_encoder(str(source))
    own = encoder.encode_query(english()[13]).to_dense().numpy()
    if drop:
        own[encoder.tokenizer.all_special_ids] = 0
    found = np.zeros_like(own)
    for dimension, weight in page["vector"](english()[13]).items():
        found[dimension] = weight
    np.testing.assert_allclose(found, own, rtol=1e-5)
    assert found.any() and (out / "query-weights.json").exists() == (family == "inference-free")


def test_a_check_says_how_much_is_lost(command, made, index, collection, tmp_path):
    options = ("--queries", collection / "queries.jsonl", "--check", "3", "--out", tmp_path / "out")
    code, shown, err = command("export", index, "--to", "opensearch", *options)
    assert code == 0, err
    assert "searched with 3 queries" in shown and f"judgements {collection / 'qrels' / 'test.tsv'}" in shown
    pattern = r" {11}(\w+): overlap@10 [01]\.\d{4}, \d+% of the lists alike, nDCG@10 (0\.\d{4}) \(exact (0\.\d{4})\)\n"
    (exact, approximate) = re.findall(pattern, shown)
    assert (exact[0], approximate[0]) == ("rank_features", "sparse_vector") and exact[2] == approximate[2]


def test_what_a_budget_costs_is_said(command, index, collection, tmp_path):
    budget = ("--max-active-document", "4", "--max-active-query", "3")
    options = ("--queries", collection, "--check", "9", *budget, "--out", tmp_path / "out")
    code, shown, err = command("export", index, "--to", "jsonl", *options)
    assert code == 0, err
    assert "12 with 4 active dimensions each on average, 4 at most" in shown
    assert "12 of 12 documents lost their lightest dimensions, beyond 4\n" in shown
    budget = r" {11}--max-active-document 4 --max-active-query 3: nDCG@10 (\d\.\d{4}) \(all dimensions (\d\.\d{4}), "
    ((cut, full, overlap),) = re.findall(budget + r"\d+\.\d% \w+\), overlap@10 (\d\.\d{4})\n", shown)
    # the file has cut vectors, and this format changes nothing else
    assert f"JSON lines: overlap@10 {overlap}" in shown and f"nDCG@10 {cut} (exact {full})" in shown
    assert float(overlap) < 1 and "was not measured" not in shown
    loss = 1 - float(cut) / float(full)
    assert ("warning: the budget costs " in err) == (loss > 0.02)
    assert "[:3]" in python_of(tmp_path / "out" / "README.md", "def vector(")


@pytest.mark.parametrize(("largest", "warns"), [("0.9", False), ("0.01", True)])
def test_a_warning_names_a_budget_that_holds(command, index, collection, tmp_path, largest, warns):
    """Without judgements beside the queries, the share of the first ten documents counts."""
    queries = tmp_path / "queries.jsonl"
    queries.write_text((collection / "queries.jsonl").read_text())
    options = ("--queries", queries, "--check", "9", "--max-active-document", "2", "--out", tmp_path / "out")
    code, shown, err = command("export", index, "--to", "jsonl", *options, "--largest-loss", largest)
    assert code == 0, err
    (overlap,) = re.findall(r" {11}--max-active-document 2: overlap@10 (\d\.\d{4})\n", shown)
    assert 0.01 < 1 - float(overlap) < 0.9, "else this test shows nothing"
    lines = [line for line in err.splitlines() if line.startswith("warning: ")]
    if not warns:
        assert not lines
        return
    (line,) = lines
    share = f"{1 - float(overlap):.1%} of the first ten documents, more than 1% (--largest-loss); "
    assert line.startswith(f"warning: the budget costs {share}--max-active-document ")
    assert re.search(r"--max-active-document (3|4|6|8|12|16) would (cost \d\.\d%|still cost \d+\.\d%: leave)", line)


def test_a_budget_that_is_not_measured_is_said(command, index, tmp_path):
    options = ("--max-active-document", "4", "--out", tmp_path / "out")
    code, shown, _ = command("export", index, "--to", "jsonl", *options)
    said = "note       what the budget costs was not measured: --queries FILE --check N does that with N queries\n"
    assert code == 0 and said in shown and "costs on its own" not in shown


def test_a_check_without_judgements_says_so(command, index, collection, tmp_path):
    queries = tmp_path / "queries.jsonl"
    queries.write_text((collection / "queries.jsonl").read_text())
    options = ("--queries", queries, "--check", "100", "--out", tmp_path / "out")
    code, shown, _ = command("export", index, "--to", "qdrant", *options)
    assert code == 0 and "Qdrant: overlap@10 1.0000, 100% of the lists alike\n" in shown
    assert "searched with 6 queries" in shown and "no nDCG@10: no judgements of these queries lie beside them" in shown


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (["--to", "qdrnt"], "--to 'qdrnt' is unknown; did you mean 'qdrant'?"),
        (["--to", "qdrant", "--name", "My-Index"], "--name 'My-Index' is not a name that every engine takes; begin"),
        (
            ["--to", "qdrant", "--scale", "10"],
            "--scale is for engines with integers (lucene, pisa), not for qdrant; le",
        ),
        (["--to", "pisa", "--scale", "0"], "--scale 0 is not between 1 and 1,000,000; 1000 is usual"),
        (["--to", "pisa", "--check", "0"], "--check 0 is not a number of queries; give 1 or more"),
        (["--to", "pisa", "--check", "5"], "--check searches queries; add --queries with a queries.jsonl"),
        (["--to", "pisa", "--collection", "c", "--queries", "q.txt"], "--collection: c: no such file or folder: give"),
        (["--to", "pisa", "--max-active-query", "0"], "--max-active-query 0 is not a number of dimensions; give 1 or"),
        (
            ["--to", "pisa", "--largest-loss", "2"],
            "--largest-loss 2 is not a share from 0 to below 1; the default is 0.02",
        ),
        (["--to", "pisa", "--largest-loss", "nan"], "--largest-loss nan is not a share from 0 to below 1; the default"),
        (["--to", "pisa", "--largest-loss", "0.1"], "--largest-loss is for a budget; add --max-active-document or --m"),
        (
            ["--to", "pisa", "--largest-loss", "0.1", "--max-active-query", "5"],
            "--largest-loss is for a cost that is measured; add --check N with --queries, or leave it out",
        ),
        (["--to", "pisa"], "is an encoder, without documents; add --collection FOLDER|corpus.jsonl, or build an index"),
        (
            ["--to", "pisa", "--collection", "none"],
            "--collection: none: no such file or folder: give a corpus.jsonl, a folder that",
        ),
        (["--to", "pisa", "--encoder", "e"], "--encoder is for an INDEX, and"),
    ],
)
def test_refusals(command, made, tmp_path, options, message):
    code, _, err = command("export", made.source, "--out", tmp_path / "out", *options)
    assert code == 2 and err.startswith("error: ") and message in err and err.count("\n") == 1
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (["--collection", "c"], "--collection is for an ENCODER; the index"),
        (["--revision", "main"], "--revision 'main' has no effect without --encoder; leave it out"),
    ],
)
def test_refusals_of_an_index(command, index, tmp_path, options, message):
    code, _, err = command("export", index, "--to", "jsonl", "--out", tmp_path / "out", *options)
    assert code == 2 and message in err and err.count("\n") == 1


def test_an_export_is_replaced_only_by_force_and_nothing_else_is(command, index, tmp_path):
    out = tmp_path / "out"
    assert command("export", index, "--to", "qdrant", "--out", out)[0] == 0
    code, _, err = command("export", index, "--to", "jsonl", "--out", out)
    assert (code, err) == (
        2,
        f"error: --out '{out}' holds an export already; choose another folder, or replace it with --force\n",
    )
    assert command("export", index, "--to", "jsonl", "--out", out, "--force")[0] == 0
    assert not (out / "collection.json").exists() and (out / "documents.jsonl").exists()
    (out / "export.json").unlink()
    code, _, err = command("export", index, "--to", "jsonl", "--out", out, "--force")
    assert code == 2 and "is not empty and holds no export; choose another folder" in err


def test_a_document_that_an_engine_refuses_leaves_nothing(command, made, tmp_path):
    corpus = tmp_path / "corpus.jsonl"
    corpus.write_text("".join(json.dumps({"_id": name, "text": "one"}) + "\n" for name in ("a", "b" * 513)))
    out = tmp_path / "out"
    code, _, err = command("export", made.source, "--to", "opensearch", "--collection", corpus, "--out", out)
    assert code == 1 and "has 513 bytes; OpenSearch takes at most 512: shorten it (nothing was written)" in err
    assert sorted(path.name for path in tmp_path.iterdir()) == ["corpus.jsonl"]


def test_documents_that_are_wrong_are_refused_before(command, made, tmp_path):
    corpus = tmp_path / "corpus.jsonl"
    corpus.write_text('{"_id": "a", "text": "one"}\n{"_id": "a", "text": "two"}\n')
    out = tmp_path / "out"
    code, _, err = command("export", made.source, "--to", "qdrant", "--collection", corpus, "--out", out)
    assert code == 2 and "document id 'a' occurs a second time" in err
    assert sorted(path.name for path in tmp_path.iterdir()) == ["corpus.jsonl"]


def test_an_index_whose_encoder_moved(command, made, index, tmp_path):
    manifest = index / "manifest.json"
    before = manifest.read_text()
    content = json.loads(before)
    content["encoder"]["model"] = str(tmp_path / "gone")
    try:
        manifest.write_text(json.dumps(sealed(content)))
        code, _, err = command("export", index, "--to", "jsonl", "--out", tmp_path / "out")
        assert code == 2 and f"is not in '{tmp_path / 'gone'}' any more" in err and "--encoder" in err
        options = ("--encoder", made.source, "--out", tmp_path / "out")
        assert command("export", index, "--to", "jsonl", *options)[0] == 0
    finally:
        manifest.write_text(before)
