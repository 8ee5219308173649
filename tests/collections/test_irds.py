"""ir_datasets: the package's own MIRACL classes and download code; addresses and md5s lead to the hub's double."""

import io

import pytest

from harness.collections import beir
from harness.collections.collection import CollectionError
from harness.collections.irds import check_id
from tests.helpers import hub_repositories as real
from tests.helpers.hub_ir_datasets import serve_miracl

SOURCE = {"ir_datasets": "miracl/{language}/dev", "train": "miracl/{language}/train"}


@pytest.fixture
def package(hub, tmp_path, monkeypatch):
    """MIRACL of the package against the double; returns the files of its repositories."""
    return serve_miracl(hub, tmp_path / "ir", monkeypatch)


def test_records_and_cache(built, hub, package):
    folder = built(**SOURCE)
    collection = beir.load(folder)
    assert collection.document_ids == tuple(document for document, _, _ in real.DOCUMENTS)
    assert collection.training == (("배움 둘", "22#1", "the end"), ("배움 하나", "5#0", "제목 5 본문 5 물\u2028길"))
    assert len(hub.transfers()) >= 7
    hub.requests.clear()
    built(**SOURCE, expected={"ko": real.EXPECTED})
    assert not hub.requests


def test_without_training_split(built, package):
    assert beir.load(built(ir_datasets="miracl/ko/dev")).training == ()


def test_a_broken_transfer_is_resumed(built, hub, package, monkeypatch):
    monkeypatch.setattr(io, "DEFAULT_BUFFER_SIZE", 100)  # the package forgets what is less than a buffer
    hub.cut["miracl-corpus-v1.0-ko/docs-2.jsonl.gz"] = 350
    assert beir.check(built(**SOURCE)).documents == 15
    assert hub.ranges == ["bytes=300-"]


def test_a_wrong_md5_is_refused(built, hub, package):
    hub.add(
        "macavaney/miracl-noauth",
        {name: content + b"9\tQ0\t0#0\t1\n" for name, content in package["macavaney/miracl-noauth"].items()},
    )
    with pytest.raises(
        CollectionError, match="'miracl/ko/dev': the downloaded file does not have the md5 that the pack"
    ):
        built(**SOURCE)


def test_a_server_out_of_reach_is_one_line(built, package, monkeypatch):
    import requests

    monkeypatch.setenv("IR_DATASETS_DL_TRIES", "1")
    monkeypatch.setattr(requests, "get", lambda url, **_: requests.Session().get("http://127.0.0.1:9"))
    with pytest.raises(
        CollectionError,
        match=r"^ir_datasets 'miracl/ko/dev': the download failed \(ConnectionError\): run the same command again",
    ):
        built(**SOURCE)


def test_ids_are_checked_without_a_download(hub, package):
    check_id("miracl/ko/dev")
    with pytest.raises(CollectionError, match="ir_datasets has no 'miracl/ko/dve'; did you mean 'miracl/ko/dev'"):
        check_id("miracl/ko/dve")
    with pytest.raises(CollectionError, match="ir_datasets has no 'mirakl/ko'; did you mean 'miracl'"):
        check_id("mirakl/ko")
    with pytest.raises(CollectionError, match="ir_datasets 'miracl/ko' has no queries; did you mean 'miracl/ko/dev'"):
        check_id("miracl/ko")
    with pytest.raises(CollectionError, match="ir_datasets 'miracl/ko/test-a' has no judgements"):
        check_id("miracl/ko/test-a")
    assert not hub.requests


def test_texts_of_documents_with_other_fields(monkeypatch, built):
    """A registered dataset of the package's base classes whose documents have only a default text."""
    import ir_datasets
    from ir_datasets.datasets.base import Dataset
    from ir_datasets.formats import BaseDocs, BaseQueries, GenericQuery, TrecQrel
    from ir_datasets.formats.base import BaseQrels

    class Abstract(ir_datasets.formats.GenericDoc.__base__):  # a tuple, as all documents of the package are
        def __new__(cls, *values):
            return super().__new__(cls, values)

        doc_id = property(lambda self: self[0])

        def default_text(self):
            return f"{self[1]}: {self[2]}"

    class Docs(BaseDocs):
        def docs_iter(self):
            return iter([Abstract("a1", "Head", "body")])

    class Queries(BaseQueries):
        def queries_iter(self):
            return iter([GenericQuery("1", "what")])

    class Qrels(BaseQrels):
        def qrels_iter(self):
            return iter([TrecQrel("1", "a1", 2, "0")])

    monkeypatch.setattr(ir_datasets, "registry", type(ir_datasets.registry)())
    ir_datasets.registry.register("tiny", Dataset(Docs(), Queries(), Qrels()))
    collection = beir.load(built(ir_datasets="tiny"))
    assert (collection.document_texts, collection.query_texts, collection.qrels) == (
        ("Head: body",),
        ("what",),
        {"1": {"a1": 2}},
    )
