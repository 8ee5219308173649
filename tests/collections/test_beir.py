"""Collections on disk: what loads, and that every defect is named with its file, its line and the next step."""

import json
import os
import tracemalloc
from pathlib import Path

import pytest

from harness.collections import beir
from harness.collections.collection import CollectionError, Summary

DOCUMENTS = [("d1", "Title", "one"), ("d2", "", " two "), ("d3", "Only a title", ""), ("d4", "", "four")]
QUERIES = [("q1", "first"), ("q2", " second "), ("t1", "train one"), ("t2", "train two")]
TEST = [("q2", "d2", 1), ("q1", "d1", 2), ("q1", "d3", 0)]
TRAIN = [("t2", "d4", 1), ("t1", "d1", 0), ("t1", "d2", 3)]


@pytest.fixture
def folder(tmp_path) -> Path:
    beir.write(tmp_path / "tiny", DOCUMENTS, QUERIES, TEST, TRAIN)
    return tmp_path / "tiny"


def replace(path: Path, number: int, line: str) -> None:
    """Replace a line (from 1) or append it."""
    lines = path.read_text(encoding="utf-8").splitlines()
    lines[number - 1 : number] = [line]
    path.write_text("\n".join(lines) + "\n", encoding="utf-8")


def test_load(folder):
    collection = beir.load(folder)
    assert collection.name == "tiny"
    assert collection.document_ids == ("d1", "d2", "d3", "d4")
    assert collection.document_texts == ("Title one", "two", "Only a title", "four")
    assert collection.query_ids == ("q1", "q2")
    assert collection.query_texts == ("first", "second")
    assert collection.qrels == {"q1": {"d1": 2, "d3": 0}, "q2": {"d2": 1}}
    assert collection.training == (("train two", "d4", "four"), ("train one", "d2", "two"))


def test_check_counts_without_keeping_texts(folder):
    assert beir.check(folder) == Summary(documents=4, queries=2, test_pairs=2, train_pairs=2)


def test_writing_is_deterministic_and_byte_exact(folder, tmp_path):
    beir.write(tmp_path / "again", iter(DOCUMENTS), iter(QUERIES), iter(TEST), iter(TRAIN))
    for name in ("corpus.jsonl", "queries.jsonl", "qrels/test.tsv", "qrels/train.tsv"):
        assert (tmp_path / "again" / name).read_bytes() == (folder / name).read_bytes()
    beir.write(tmp_path / "again", [("ü", "한국", 'a "b"\n\u2028c')], [("q", "?")], [("q", "ü", 1)])
    assert (
        tmp_path / "again" / "corpus.jsonl"
    ).read_bytes() == '{"_id": "ü", "title": "한국", "text": "a \\"b\\"\\n\u2028c"}\n'.encode()
    assert (tmp_path / "again" / "qrels" / "test.tsv").read_bytes() == b"query-id\tcorpus-id\tscore\nq\t\xc3\xbc\t1\n"
    collection = beir.load(tmp_path / "again")
    assert (collection.document_texts, collection.training) == (
        ('한국 a "b"\n\u2028c',),
        (),
    )  # the old train split is gone


def test_training_documents_outside_the_corpus(folder):
    (folder / "train_corpus.jsonl").write_text(
        '{"_id": "x9", "text": "extra"}\n{"_id": "unused", "text": "u"}\n{"_id": "d2", "text": "other"}\n'
    )
    replace(folder / "qrels" / "train.tsv", 5, "t1\tx9\t1")
    collection = beir.load(folder)
    assert collection.training == (
        ("train two", "d4", "four"),
        ("train one", "d2", "two"),
        ("train one", "x9", "extra"),
    )
    assert len(collection.document_ids) == 4
    assert beir.check(folder).train_pairs == 3


def test_a_single_qrels_file_is_the_test_split(folder):
    (folder / "qrels" / "test.tsv").rename(folder / "qrels.tsv")
    assert beir.load(folder).qrels == {"q1": {"d1": 2, "d3": 0}, "q2": {"d2": 1}}


def test_test_queries_without_a_relevant_document_are_left_out_and_said(folder):
    replace(folder / "qrels" / "test.tsv", 2, "q2\td2\t0")
    collection = beir.load(folder)
    assert (collection.query_ids, list(collection.qrels)) == (("q1",), ["q1"])
    assert collection.gaps == {"unscored_queries": 1}
    (warning,) = beir.check(folder).warnings
    assert warning.endswith("test.tsv: 1 of 2 test queries have no relevant document and are left out")


def test_tolerated_a_byte_order_mark_windows_lines_blank_lines_whole_floats_and_repetition(folder):
    corpus, test = folder / "corpus.jsonl", folder / "qrels" / "test.tsv"
    corpus.write_bytes(b"\xef\xbb\xbf" + corpus.read_bytes().replace(b"\n", b"\r\n") + b"\r\n")
    test.write_bytes(b"query-id\tcorpus-id\tscore\r\nq1\td1\t1.0\r\n\r\nq1\td1\t1\r\nq2\td2\t1\r\n")
    assert beir.check(folder) == Summary(documents=4, queries=2, test_pairs=2, train_pairs=2)


CORPUS = [
    ('{"_id": "x", "text": ', r"malformed JSON \(Expecting value\): write one JSON object per line"),
    ('["x"]', "a JSON list, not an object"),
    ('{"title": "a", "text": "b"}', "no '_id': its columns are title, text: a line needs _id and text"),
    ('{"_id": "", "text": "b"}', "the id '' is empty, has white space or is not text: give it an id without white"),
    ('{"_id": "a b", "text": "b"}', "the id 'a b' is empty, has white space"),
    ('{"_id": 7.5, "text": "b"}', "the id 7.5 is empty, has white space or is not text"),
    ('{"_id": true, "text": "b"}', "the id True is empty, has white space or is not text"),
    ('{"_id": "x", "text": ["b"]}', r"'text' is not text but \['b'\]: put it in quotes"),
    ('{"_id": "x", "text": "\\ud83d"}', "'text' has half a surrogate pair"),
    ('{"_id": "\\ud83d", "text": "b"}', "its id has half a surrogate pair"),
    ('{"_id": "d1", "text": "b"}', "document id 'd1' occurs a second time: remove or rename"),
]


@pytest.mark.parametrize(("line", "message"), CORPUS)
def test_defects_of_the_corpus(folder, line, message):
    fails(folder, "corpus.jsonl", 3, line, message)


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ("{}", "no '_id': its columns are none"),
        ("nonsense", "malformed JSON"),
        ('{"_id": "x", "text": 3}', "'text' is not text but 3"),
        ('{"_id": "q1", "text": "b"}', "query id 'q1' occurs a second time, with another text: remove or rename"),
    ],
)
def test_defects_of_the_queries(folder, line, message):
    fails(folder, "queries.jsonl", 3, line, message)


JUDGEMENTS = [
    (1, "query-id\tcorpus-id\tgrade", "the header is neither query-id, corpus-id, score nor left out"),
    (2, "q1 d1", r"2 columns instead of 3 \(query, document, score\) or 4 \(TREC\): separate query-id, corpus-id"),
    (2, "q1\t\td1\t1", "the id '' is empty"),
    (2, "q1\t0\td1\t1\tx", "5 columns instead of 3"),
    (2, "q1\td1\tyes", "the score 'yes' is not a whole number: write 1 for relevant"),
    (2, "q1\td1\t0.5", "the score '0.5' is not a whole number"),
    (2, "q1\td1\tnan", "the score 'nan' is not a whole number"),
    (2, "q1\td1\tinf", "the score 'inf' is not a whole number"),
]


@pytest.mark.parametrize("split", ["test", "train"])
@pytest.mark.parametrize(("number", "line", "message"), JUDGEMENTS)
def test_defects_of_the_judgements(folder, split, number, line, message):
    fails(folder, f"qrels/{split}.tsv", number, line.replace("q1", "t1") if split == "train" else line, message)


def test_a_pair_judged_twice(folder):
    fails(
        folder,
        "qrels/test.tsv",
        4,
        "q1\td1\t1",
        "query 'q1' and document 'd1' were judged 2 before: keep one judgement",
    )


def test_a_query_to_train_and_to_test(folder):
    fails(
        folder,
        "qrels/train.tsv",
        4,
        "q1\td4\t1",
        "query 'q1' is in the test split as well: remove it from one of the two",
    )


def test_defects_of_the_training_documents(folder):
    replace(folder / "qrels" / "train.tsv", 2, "t1\tx9\t1")
    (folder / "train_corpus.jsonl").write_text('{"_id": "x8", "text": "b"}\n')
    fails(folder, "train_corpus.jsonl", 2, "{", "malformed JSON")


def test_a_wrong_encoding_is_blamed_on_its_line(folder):
    path = folder / "corpus.jsonl"
    path.write_bytes(path.read_bytes() + '{"_id": "x", "text": "é"}'.encode("latin-1"))
    with pytest.raises(CollectionError, match=r"corpus\.jsonl:5: byte 23 is not UTF-8: save the file as UTF-8"):
        beir.load(folder)


@pytest.mark.parametrize("name", ["corpus.jsonl", "queries.jsonl", "qrels/test.tsv"])
def test_a_missing_file(folder, name):
    (folder / name).unlink()
    with pytest.raises(CollectionError, match=rf"{name}: no such file: .*qrels/test\.tsv"):
        beir.load(folder)


def test_a_missing_folder(tmp_path):
    with pytest.raises(CollectionError, match=r"nowhere: no such folder: give the folder that holds corpus\.jsonl"):
        beir.check(tmp_path / "nowhere")


def test_a_folder_in_place_of_a_file(folder):
    (folder / "corpus.jsonl").unlink()
    (folder / "corpus.jsonl").mkdir()
    with pytest.raises(CollectionError, match=r"corpus\.jsonl: is a folder"):
        beir.load(folder)


def test_an_empty_corpus(folder):
    (folder / "corpus.jsonl").write_text("\n")
    with pytest.raises(CollectionError, match=r"corpus\.jsonl: the corpus is empty: write one document per line"):
        beir.load(folder)


@pytest.mark.parametrize("content", ["", "query-id\tcorpus-id\tscore\n", "query-id\tcorpus-id\tscore\nq1\td1\t0\n"])
def test_no_test_judgements(folder, content):
    (folder / "qrels" / "test.tsv").write_text(content)
    with pytest.raises(CollectionError, match=r"test\.tsv: no test query has a relevant document: add judgements"):
        beir.load(folder)


def test_two_test_splits(folder):
    (folder / "qrels.tsv").write_bytes((folder / "qrels" / "test.tsv").read_bytes())
    with pytest.raises(CollectionError, match=r"qrels\.tsv: qrels/test\.tsv exists as well"):
        beir.load(folder)


def test_the_name_of_a_relative_folder(folder, monkeypatch):
    monkeypatch.chdir(folder)
    assert beir.load(Path(os.curdir)).name == "tiny"


def fails(folder: Path, name: str, number: int, line: str, message: str) -> None:
    """Both `load` and `check` refuse the folder with that line in that file, and say so in one line."""
    replace(folder / name, number, line)
    for read in (beir.load, beir.check):
        with pytest.raises(CollectionError, match=rf"{name}:{number}: {message}") as caught:
            read(folder)
        assert "\n" not in str(caught.value)


def test_ids_and_texts_survive_unchanged(tmp_path):
    text = json.loads('"नमस्ते \\u200d 👋🏽 \\t x"')
    beir.write(tmp_path, [("X#1", "", text)], [("q", text)], [("q", "X#1", 1)])
    collection = beir.load(tmp_path)
    assert (collection.document_texts, collection.query_texts) == ((text,), (text,))


def test_documents_can_stream_by(folder):
    """The same collection without its texts in memory, and the texts one by one."""
    whole, light = beir.load(folder), beir.load_queries(folder)
    assert light.document_texts == () and list(beir.stream(folder)) == list(whole.document_texts)
    assert (light.document_ids, light.query_ids, light.query_texts, light.qrels) == (
        whole.document_ids, whole.query_ids, whole.query_texts, whole.qrels,
    )  # fmt: skip


def test_training_pairs_are_those_of_the_whole_collection(folder):
    """Documents in and outside the corpus, in both files, repeated, judged not relevant; in the order of judgements."""
    (folder / "train_corpus.jsonl").write_text(
        '{"_id": "x9", "text": "extra"}\n{"_id": "d2", "text": "another d2"}\n', encoding="utf-8"
    )
    with (folder / "qrels" / "train.tsv").open("a") as file:
        file.write("t1\tx9\t1\nt2\td2\t1\nt2\td3\t0\n")
    expected = (
        ("train two", "d4", "four"),
        ("train one", "d2", "two"),
        ("train one", "x9", "extra"),
        ("train two", "d2", "two"),
    )
    assert beir.training_pairs(folder) == beir.load(folder).training == expected
    (folder / "qrels" / "train.tsv").unlink()
    assert beir.training_pairs(folder) == ()


@pytest.mark.parametrize(
    ("line", "message"),
    [("q1\td4\t1", "query 'q1' is in the test split as well"), ("t1\td4\tx", "the score 'x' is not a whole number")],
)
def test_defects_of_training_pairs_read_alone(folder, line, message):
    replace(folder / "qrels" / "train.tsv", 4, line)
    with pytest.raises(CollectionError, match=rf"train\.tsv:4: {message}"):
        beir.training_pairs(folder)


def test_training_pairs_leave_the_corpus_on_disk(tmp_path):
    documents = [(f"d{number}", "", f"{number} " * 500) for number in range(2000)]
    beir.write(tmp_path, documents, [("q", "x"), ("t", "y")], [("q", "d1", 1)], [("t", "d1999", 1)])
    peaks = []
    for read in (beir.training_pairs, beir.load):
        tracemalloc.start()
        read(tmp_path)
        peaks.append(tracemalloc.get_traced_memory()[1])
        tracemalloc.stop()
    assert peaks[0] < 200_000 < 4_000_000 < peaks[1], "bytes; 5 MB of text"
