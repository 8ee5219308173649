"""Hostile collections: endless lines and files, packed bombs, paths out of their folder, impossible ids and numbers.

Ordinary defects of a line are in test_beir.py.
"""

from __future__ import annotations

import gzip
import os
import resource
import time
from pathlib import Path

import pyarrow
import pyarrow.parquet
import pytest

from harness.collections import beir, rows
from harness.collections.collection import CollectionError
from harness.collections.stage import build
from harness.collections.text import lines
from harness.files import bounded
from harness.plan.collection_source import CollectionSource
from tests.helpers import hub_repositories as real
from tests.helpers.paths import ROOT

HUGE = 2 << 30


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    beir.write(tmp_path / "tiny", [("d1", "", "one"), ("d2", "", "two")], [("q1", "first")], [("q1", "d1", 1)])
    return tmp_path / "tiny"


def error_of(folder: Path) -> str:
    """Return the message of both readers, one line."""
    messages = []
    for read in (beir.check, beir.load):
        with pytest.raises(CollectionError) as error:
            read(folder)
        messages.append(str(error.value))
    assert messages[0] == messages[1] and "\n" not in messages[0] and len(messages[0]) < 600
    return messages[0]


ROW = '{"_id": "d1", "text": "x"}\n'
CORPUS: list[tuple[bytes, str]] = [
    (b'{"_id": "d1", "text": "a\x00b"}\n', "corpus.jsonl:1: malformed JSON (Invalid control character at)"),
    (b"\x00" * 100, "corpus.jsonl:1: malformed JSON (Expecting value)"),
    (b"\xef\xbb\xbf\xef\xbb\xbf" + ROW.encode(), "corpus.jsonl:1: malformed JSON (Unexpected UTF-8 BOM"),
    (ROW.encode("utf-16"), "corpus.jsonl:1: byte 1 is not UTF-8"),
    (b'{"_id": "d1", "text": "\xed\xa0\x80"}\n', "corpus.jsonl:1: byte 24 is not UTF-8"),
    (b'{"_id": "d\\ud800", "text": "x"}\n', "corpus.jsonl:1: its id has half a surrogate pair"),
    (b"[" * 100_000 + b"\n", "corpus.jsonl:1: malformed JSON (nested too deep): write one JSON object per line"),
    (b'{"a":' * 100_000 + b"\n", "corpus.jsonl:1: malformed JSON (nested too deep)"),
    (b'{"_id": "d1", "text": ' + b"9" * 5000 + b"}\n", "malformed JSON (a number has thousands of digits)"),
    (b'{"_id": "d1", "text": 1e999}\n', "'text' is not text but inf"),
    (b'{"_id": NaN, "text": "x"}\n', "the id nan is empty, has white space or is not text"),
    (b'{"_id": "d1", "text": [[[[1]]]]}\n', "'text' is not text but [[[[1]]]]"),
    (b'{"_id": "d1", "text": {"a": 1}}\n', "'text' is not text but {'a': 1}"),
    (b'{"_id": "a\\u2028b", "text": "x"}\n', "the id 'a\\u2028b' is empty, has white space or is not text"),
    (b'{"_id": "' + b"x " * 10_000 + b'", "text": "x"}\n', "...' is empty, has white space or is not text"),
    (b'{"_id": "d1", "_id": "d1", "text": "x"}\n' * 2, "corpus.jsonl:2: document id 'd1' occurs a second time"),
    (b'{"_id": "d1", "text": "x"}' * 2 + b"\n", "corpus.jsonl:1: malformed JSON (Extra data)"),
    (b'{"_id": "d1", "text": "x"}\r{"_id": "d2", "text": "y"}', "corpus.jsonl:1: malformed JSON (Extra data)"),
    (b'{"_id": "d1", "text": " "}\n{"_id": "d2", "text": " \\u3000 "}\n', "jsonl: the corpus is empty"),
]  # fmt: skip


@pytest.mark.parametrize(("content", "message"), CORPUS, ids=[f"{number}" for number in range(len(CORPUS))])
def test_corpora(folder, content, message):
    (folder / "corpus.jsonl").write_bytes(content)
    assert message in error_of(folder)


QRELS = [
    (
        b"query-id\tcorpus-id\tscore\nq1\td1\t1e300\n",
        "test.tsv:2: the score '1e300' is not a whole number: write 1 for relevant",
    ),
    (b"query-id\tcorpus-id\tscore\nq1\td1\t" + b"9" * 5000 + b"\n", "test.tsv:2: the score '9999999999"),
    (b"query-id\tcorpus-id\tscore\nq1\td1\t-inf\n", "test.tsv:2: the score '-inf' is not a whole number"),
    (b"query-id\tcorpus-id\tscore\nq1\td1\t3000000000\n", "test.tsv:2: the score '3000000000' is not a whole number"),
    (
        b"query-id\tcorpus-id\tscore\nq1\x00\td1\t1\n",
        "(100.0%, 1 of 1 relevant ones) lack a query with a text, such as query 'q1\\x00' in line 2",
    ),
    (b"query-id,corpus-id,score\nq1,d1,1\n", "test.tsv:1: 1 columns instead of 3"),
    (
        b"query-id\tcorpus-id\tscore\tx\nq1\td1\t1\n",
        "test.tsv:1: the header is neither query-id, corpus-id, score nor left out",
    ),
    (b"\x1f\x8b\x08\x00junk", "test.tsv: is packed with gzip: unpack it"),
]


@pytest.mark.parametrize(("content", "message"), QRELS, ids=[f"{number}" for number in range(len(QRELS))])
def test_judgements(folder, content, message):
    (folder / "qrels" / "test.tsv").write_bytes(content)
    assert message in error_of(folder)


@pytest.mark.parametrize("name", ["corpus.jsonl", "queries.jsonl", "qrels/test.tsv"])
def test_a_file_of_two_gigabytes_without_a_line_end_is_not_read(folder, name):
    """The file is a hole: 2 GiB of NULs that take no disk. Reading stops at the limit."""
    os.truncate(folder / name, 0)
    os.truncate(folder / name, HUGE)
    before, start = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss, time.perf_counter()
    with pytest.raises(
        CollectionError, match=rf"{name}:1: the line is longer than 16 MiB: check that records end with line ends"
    ):
        beir.check(folder)
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before < 200 * 1024, "KiB"
    assert time.perf_counter() - start < 10


def test_the_long_line_is_named_and_one_at_the_limit_is_read(folder, monkeypatch):
    monkeypatch.setattr(bounded, "LINE", 64)
    line = '{"_id": "d3", "text": "' + "x" * (64 - 26) + '"}\n'
    assert len(line) == 64
    with (folder / "corpus.jsonl").open("a") as file:
        file.write(line)
    assert beir.check(folder).documents == 3
    with (folder / "corpus.jsonl").open("a") as file:
        file.write(line.replace("d3", "d4").replace("xx", "xxx", 1))
    assert error_of(folder).endswith(
        "corpus.jsonl:4: the line is longer than 64 bytes: check that records end with line ends, and cut long texts"
    )


@pytest.mark.parametrize("name", ["corpus.jsonl", "qrels/test.tsv"])
def test_a_pipe_is_not_waited_for(folder, name):
    (folder / name).unlink()
    os.mkfifo(folder / name)
    assert "is a pipe or a device" in error_of(folder)


def test_texts_to_learn_from(tmp_path):
    path = tmp_path / "ko.txt"
    for content, message in [
        (b"a\nb\xff\n", r"ko\.txt:2: byte 2 is not UTF-8: save the file as UTF-8"),
        (b"\x00" * (bounded.LINE + 1), r"ko\.txt:1: the line is longer than 16 MiB: write one text a line"),
    ]:
        path.write_bytes(content)
        with pytest.raises(CollectionError, match=message):
            list(lines(path))


# Files of a repository, as they come from the hub: name, content, message.
WORDS = [{"_id": "a", "text": "x"}]
TABLE = pyarrow.table(
    {"_id": ["a"], "text": pyarrow.array([b"\xff"], type=pyarrow.binary()).cast(pyarrow.string(), safe=False)}
)


def parquet(table: pyarrow.Table, path: Path) -> bytes:
    pyarrow.parquet.write_table(table, path)
    return path.read_bytes()


PACKED = [
    ("c.jsonl.gz", b"no gzip", "c.jsonl.gz is damaged: remove"),
    ("c.jsonl.gz", gzip.compress(real.lines(WORDS))[:-9], "c.jsonl.gz is damaged"),
    (
        "c.jsonl.gz",
        gzip.compress(b"\n" * (2 << 20)),
        "more than 200 times as large unpacked as packed: choose another revision",
    ),
    (
        "c.jsonl.gz",
        gzip.compress(b" " * (17 << 20)),
        "c.jsonl.gz:1: the line is longer than 16 MiB: choose another revision",
    ),
    ("c.jsonl", b"[" * 50_000, "c.jsonl:1: malformed JSON (nested too deep): choose another revision"),
    ("c.jsonl", b'{"_id": ' + b"9" * 5000 + b', "text": "x"}', "c.jsonl:1: malformed JSON (a number has thousands"),
    ("c.jsonl", b'{"_id": {"a": 1}, "text": "x"}', "the id {'a': 1} is empty, has white space or is not text"),
    ("c.jsonl", b'{"_id": true, "text": "x"}', "c.jsonl:1: the id True is empty, has white space or is not text"),
    ("c.jsonl", b'{"_id": 1.5, "text": "x"}', "c.jsonl:1: the id 1.5 is empty"),
    ("c.jsonl", b'{"_id": "a\\tb", "text": "x"}', "c.jsonl:1: the id 'a\\tb' is empty, has white space"),
    ("c.parquet", b"PAR1 no parquet PAR1", "c.parquet is damaged: remove"),
    ("c.parquet", b"", "c.parquet is damaged: remove"),
    ("c.parquet", real.parquet([{"_id": None, "text": "x"}]), "c.parquet: row 1: no '_id': its columns are _id, text"),
    ("c.parquet", real.parquet([{"_id": "a", "text": [1]}]), "c.parquet: row 1: 'text' is not text"),
    ("c.parquet", real.parquet([{"other": "a"}]), "c.parquet: row 1: no '_id'"),
]


@pytest.mark.parametrize(("name", "content", "message"), PACKED, ids=[f"{number}" for number in range(len(PACKED))])
def test_documents_of_a_repository(tmp_path, monkeypatch, name, content, message):
    monkeypatch.setattr(rows, "_FREE", 1 << 20)
    path = tmp_path / name
    path.write_bytes(content)
    with pytest.raises(CollectionError) as error:
        list(rows.documents(path, name))
    assert message in str(error.value) and "\n" not in str(error.value)


def test_text_in_parquet_that_is_no_text(tmp_path):
    path = tmp_path / "c.parquet"
    pyarrow.parquet.write_table(TABLE, path)
    with pytest.raises(CollectionError, match=r"c\.parquet: a text after row 0 is not UTF-8: choose another revision"):
        list(rows.documents(path, "c.parquet"))


def test_a_parquet_file_that_unpacks_to_a_thousand_times_its_size(tmp_path):
    path = tmp_path / "c.parquet"
    table = pyarrow.table({"_id": ["a"], "text": ["x" * (80 << 20)]})
    pyarrow.parquet.write_table(table, path, compression="zstd", use_dictionary=False, write_statistics=False)
    assert path.stat().st_size < 100_000
    with pytest.raises(CollectionError, match=r"c\.parquet: row group 0 has 80 MiB unpacked: choose another revision"):
        list(rows.documents(path, "c.parquet"))


JUDGED = [
    ("t.tsv", b"q1\td1\n", "t.tsv:1: 2 columns instead of 3"),
    ("t.tsv", b"q 1\td1\t1\n", "t.tsv:1: the id 'q 1' is empty, has white space"),
    ("t.tsv", b"q1\t\t1\n", "t.tsv:1: the id '' is empty"),
    ("t.tsv", b"q1\td1\t1e300\n", "t.tsv:1: the score '1e300' is not a whole number: check config and split"),
    (
        "t.jsonl",
        b'{"query-id": "q", "corpus-id": "d", "score": ' + b"9" * 4000 + b"}",
        "99... is not a whole number: check config and split",
    ),
    ("t.jsonl", b'{"query-id": "q", "corpus-id": "d", "score": NaN}', "the score nan is not a whole number"),
    ("t.jsonl", b'{"query-id": "q", "corpus-id": "d", "score": [1]}', "the score [1] is not a whole number"),
    ("t.jsonl", b'{"\\ud800\\n": "q", "score": 1}', "t.jsonl:1: no 'query-id': its columns are \\ud800\\n, score"),
    ("t.jsonl", b'{"query-id": "q", "score": 1}', "t.jsonl:1: no 'corpus-id': its columns are query-id, score"),
]


@pytest.mark.parametrize(("name", "content", "message"), JUDGED, ids=[f"{number}" for number in range(len(JUDGED))])
def test_judgements_of_a_repository(tmp_path, name, content, message):
    path = tmp_path / name
    path.write_bytes(content)
    with pytest.raises(CollectionError) as error:
        list(rows.judgements(path, name))
    assert message in str(error.value) and "\n" not in str(error.value)


def refusal(tmp_path: Path, **options: str) -> str:
    """Return the message for a repository that is refused."""
    out = tmp_path / "work" / "out"
    out.mkdir(parents=True)
    with pytest.raises(CollectionError) as error:
        build(out, CollectionSource(**options).parameters("ko"), {})
    assert "\n" not in str(error.value)
    return str(error.value)


@pytest.mark.parametrize(
    "path", ["../../../../evil.jsonl", "/tmp/evil.jsonl", "a/../../b", "a\\..\\b", "C:/evil", "a//b"]
)
def test_files_that_would_lie_outside_of_their_repository(tmp_path, hub, monkeypatch, path):
    """The double serves such a path among the files of an ordinary repository."""
    import huggingface_hub

    from harness.collections.repository import Repository

    files = real.webfaq()
    commit = hub.add("faq/evil", files)
    tree = huggingface_hub.get_cached_repo_tree
    monkeypatch.setattr(
        huggingface_hub,
        "get_cached_repo_tree",
        lambda *names, **options: [*tree(*names, **options), type("File", (), {"path": path})],
    )
    assert f"has a file {path!r}, which would lie outside of it: choose another dataset" in refusal(
        tmp_path, hub="faq/evil", revision=commit, config="kor"
    )
    with pytest.raises(CollectionError, match="hub dataset 'faq/evil'"):
        Repository("faq/evil", commit).fetch(f"../{path}")
    assert not list(tmp_path.rglob("evil*")) and not Path("/tmp/evil.jsonl").exists()


def test_a_query_with_half_a_character(tmp_path, hub):
    files = real.webfaq() | {"kor/queries/test.jsonl": b'{"_id": "7", "text": "\\ud83d"}\n{"_id": "3", "text": "x"}\n'}
    message = refusal(tmp_path, hub="faq/half", revision=hub.add("faq/half", files), config="kor")
    assert (
        "kor/queries/test.jsonl:1: 'text' has half a surrogate pair, which is not a character: choose another revision"
        in message
    )


def test_no_archive_is_unpacked_by_this_project():
    """Nothing here joins names inside an archive to a folder: gzip has one nameless file, Parquet none."""
    folder = ROOT
    for package in ("sembridge", "baselines", "harness", "experiments"):
        for path in (folder / package).rglob("*.py"):
            source = path.read_text(encoding="utf-8")
            assert not [word for word in ("tarfile", "zipfile.", "unpack_archive", "extractall") if word in source], (
                path
            )


NO_LIST = "the configs of its card are not a list of names with files"
HEADS = [
    ("configs: 3", NO_LIST),
    ("configs: [3]", NO_LIST),
    ("configs: [{config_name: kor-corpus, data_files: 3}]", NO_LIST),
    ("configs: [{config_name: kor-corpus, data_dir: 3, data_files: x}]", NO_LIST),
    ("configs: [{data_files: x}]", NO_LIST),
    ("configs: [{config_name: kor-corpus, data_files: [{split: [1]}]}]", NO_LIST),
    ("configs: [{config_name: kor-corpus, data_files: '../../../etc/*'}]", "has no files called kor-corpus"),
    ("configs: [{config_name: 7, data_files: '**'}]", "has no config 'kor-corpus'; known: 7"),
    ("a: &a [*a]", "the head of its README.md is not YAML: choose another revision"),
    ("x: \xff", "the head of its README.md is not YAML: choose another revision"),
    ("[" * 3000, "the head of its README.md is not YAML: choose another revision"),
]


@pytest.mark.parametrize(("head", "message"), HEADS, ids=[f"{number}" for number in range(len(HEADS))])
def test_cards(tmp_path, hub, head, message, monkeypatch):
    monkeypatch.setattr("harness.collections.repository.CARD_BYTES", 10_000)
    files = {"x/train.parquet": b"x", "README.md": f"---\n{head}\n---\n".encode("latin-1")}
    from harness.collections import repository

    monkeypatch.setattr("tests.helpers.hub_double.yaml.safe_load", lambda text: {})  # the double serves any card
    assert message in refusal(tmp_path, hub="faq/card", revision=hub.add("faq/card", files), config="kor")
    assert repository.CARD_BYTES == 10_000
