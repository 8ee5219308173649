"""Rows of Parquet, JSON lines and tab-separated files; hostile files are in test_damaged_collections.py."""

from __future__ import annotations

import gzip
import json
from pathlib import Path
from typing import Any

import pytest

from harness.collections import rows
from harness.collections.collection import CollectionError
from harness.collections.rows import documents, judgements, queries


def parquet(records: list[dict[str, Any]], path: Path) -> None:
    import pyarrow
    import pyarrow.parquet

    pyarrow.parquet.write_table(pyarrow.Table.from_pylist(records), path)


@pytest.fixture
def written(tmp_path):
    """Write records in the form that a name tells; returns the path, whose own name tells nothing."""

    def write(name: str, records: list[dict[str, Any]] | str) -> Path:
        path = tmp_path / "blob"
        if isinstance(records, str):
            path.write_text(records, encoding="utf-8")
        elif name.endswith(".parquet"):
            parquet(records, path)
        else:
            content = "".join(json.dumps(record) + "\n" for record in records).encode()
            path.write_bytes(gzip.compress(content) if name.endswith(".gz") else content)
        return path

    return write


NAMES = pytest.mark.parametrize("name", ["c.parquet", "c.jsonl", "c.jsonl.gz"])


@NAMES
@pytest.mark.parametrize("identifier", ["_id", "id", "docid", "doc_id"])
def test_documents_in_every_form(written, name, identifier):
    records = [{identifier: "a", "title": "T", "text": "x\u2028y", "url": "u"}, {identifier: "b", "text": None}]
    assert list(documents(written(name, records), name)) == [("a", "T", "x\u2028y"), ("b", "", "")]


@NAMES
def test_ids_may_be_whole_numbers_and_scores_written_as_floats(written, name):
    path = written(name, [{"_id": 7, "text": "x"}, {"_id": 12, "text": "y"}])
    assert list(queries(path, name)) == [("7", "x"), ("12", "y")]
    path = written(
        name, [{"query-id": 7, "corpus-id": "a", "score": 1.0}, {"query-id": 7, "corpus-id": "b", "score": -2.0}]
    )
    assert list(judgements(path, name)) == [("7", "a", 1), ("7", "b", -2)]


def test_the_first_known_column_of_an_id_counts(written):
    path = written("c.jsonl", [{"doc_id": "second", "id": "first", "text": "x"}])
    assert list(documents(path, "c.jsonl")) == [("first", "", "x")]


def test_tab_separated_judgements_have_three_columns_or_four(written):
    beir = "query-id\tcorpus-id\tscore\nq\ta\t1\n\nq\tb\t0\r\n"
    trec = "q\tQ0\ta\t1\nq\tQ0\tb\t0\n"
    for content in (beir, beir.partition("\n")[2], "\ufeff" + beir, trec):
        assert list(judgements(written("j.tsv", content), "j.tsv")) == [("q", "a", 1), ("q", "b", 0)]
    assert list(queries(written("q.tsv", "7\tfirst one\n3\t 둘째\n"), "q.tsv")) == [("7", "first one"), ("3", " 둘째")]


@pytest.mark.parametrize(
    ("read", "name", "content", "message"),
    [
        (queries, "q.tsv", "7\ta\n8\n", "q.tsv:2: 1 columns instead of 2, query id and text"),
        (
            queries,
            "q.tsv",
            "7 8\ta\n",
            "q.tsv:1: the id '7 8' is empty, has white space or is not text: choose another",
        ),
        (judgements, "j.tsv", "q\ta\n", "j.tsv:1: 2 columns instead of 3 (query, document, score) or 4 (TREC)"),
        (judgements, "j.tsv", "q\ta\t0.5\n", "j.tsv:1: the score '0.5' is not a whole number: check config and split"),
        (judgements, "j.tsv", "q\ta\t1\nquery-id\tcorpus-id\tscore\n", "j.tsv:2: the score 'score' is not a whole"),
        (judgements, "j.jsonl", [{"query-id": "q", "score": 1}], "no 'corpus-id': its columns are query-id, score"),
        (documents, "c.jsonl", [{"name": "a\n"}], "c.jsonl:1: no '_id': its columns are name"),
        (documents, "c.jsonl", [{"a\nb": 1}], r"its columns are a\nb"),
        (documents, "c.jsonl", [{"_id": True, "text": "x"}], "c.jsonl:1: the id True is empty, has white space or is"),
        (
            documents,
            "c.jsonl",
            [{"_id": "a", "text": 3}],
            "c.jsonl:1: 'text' is not text but 3: choose another revision",
        ),
        (documents, "c.jsonl", "[1]\n", "c.jsonl:1: a JSON list, not an object: choose another revision"),
        (documents, "c.jsonl", "\n{\n", "c.jsonl:2: malformed JSON ("),
        (documents, "c.parquet", [{"_id": "a"}, {"_id": "b "}], "c.parquet: row 2: the id 'b ' is empty, has white"),
        (
            documents,
            "c.parquet",
            [{"_id": "a", "body": "b"}],
            "c.parquet: row 1: no 'text': its columns are _id, body: ",
        ),
        (
            documents,
            "c.parquet",
            [{"_id": "a", "Title": "t", "text": "b"}],
            "row 1: the titles are in the field 'Title', which is not read: copy the files to a folder of yours, and ",
        ),
        (judgements, "j.parquet", [{"query_id": "q"}], "row 1: no 'query-id': its columns are query_id: choose"),
        (judgements, "j.tsv", "q\ta\t1_0\n", "j.tsv:1: the score '1_0' is not a whole number"),
        (documents, "c.parquet", "PAR1 and nothing else", "c.parquet is damaged: remove "),
        (documents, "c.jsonl.gz", '{"_id": "a"}\n', "c.jsonl.gz is damaged: remove "),
    ],
)
def test_defects_are_one_line_with_the_place(written, read, name, content, message):
    with pytest.raises(CollectionError) as error:
        list(read(written(name, content), name))
    assert message in str(error.value) and "\n" not in str(error.value)


def test_packed_lines_may_unpack_to_a_bounded_multiple(written, monkeypatch):
    monkeypatch.setattr(rows, "_FREE", 0)
    records = [{"_id": "a", "text": "x" * 2_000}]
    assert len(list(documents(written("c.jsonl.gz", records), "c.jsonl.gz"))) == 1  # some thirty times
    records *= 1_000
    with pytest.raises(
        CollectionError, match=r"gz:\d+: more than 200 times as large unpacked as packed: choose another"
    ):
        list(documents(written("c.jsonl.gz", records), "c.jsonl.gz"))
    assert len(list(documents(written("c.jsonl", records), "c.jsonl"))) == 1_000  # not packed
