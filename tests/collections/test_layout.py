"""Which files of a repository hold a collection, by lists of files and cards as published datasets have them."""

from __future__ import annotations

import time
from typing import Any, ClassVar

import pytest

from harness.collections import layout
from harness.collections.collection import CollectionError
from harness.collections.layout import LAYOUTS, File, _fits, _matching
from harness.collections.repository import Repository


class Listed(Repository):
    """A repository whose files and card are known without a hub."""

    KNOWN: ClassVar[dict[str, tuple[list[str], dict[str, Any]]]] = {}

    @property
    def files(self) -> list[str]:
        return self.KNOWN[self.name][0]

    @property
    def card(self) -> dict[str, Any]:
        return self.KNOWN[self.name][1]


@pytest.fixture
def located(monkeypatch):
    """Locate a collection in repositories; returns the paths by role, `repository:path` outside of a/set."""
    monkeypatch.setattr(layout, "Repository", Listed)

    def locate(files, card=None, kind="beir", others=None, **parameters) -> dict[str, list[str]]:
        monkeypatch.setattr(Listed, "KNOWN", {"a/set": (files, card or {}), **(others or {})})
        for name in others or {}:
            parameters["judgements"] = {"hub": name, "revision": "c0ffee"}
        places = LAYOUTS[kind]({"hub": "a/set", "revision": "c0ffee", "config": "", **parameters})
        return {
            role: [shown(file) for file in getattr(places, role)] for role in ("corpus", "queries", "test", "train")
        }

    return locate


def shown(file: File) -> str:
    return file.path if file.repository.name == "a/set" else f"{file.repository.name}:{file.path}"


def config(name: str, **splits: str | list[str]) -> dict[str, Any]:
    return {"config_name": name, "data_files": [{"split": split, "path": path} for split, path in splits.items()]}


PLAIN = ["README.md", "corpus.jsonl.gz", "corpus-old.jsonl", "queries.jsonl", "qrels/train.tsv", "qrels/test.tsv"]
PLAIN_PLACES = {"corpus": ["corpus.jsonl.gz"], "queries": ["queries.jsonl"], "test": ["qrels/test.tsv"]}


def test_file_names_without_a_card(located):
    assert located(PLAIN) == PLAIN_PLACES | {"train": ["qrels/train.tsv"]}
    assert located(PLAIN[:4] + PLAIN[5:]) == PLAIN_PLACES | {"train": []}
    assert located(PLAIN, split="train")["test"] == ["qrels/train.tsv"]
    assert located(PLAIN, split="train")["train"] == []  # nothing is trained on what it is tested on
    korean = ["ko-corpus/test-00010-of-2.parquet", "ko-corpus/test-00002-of-2.parquet", "ko/queries.jsonl"]
    assert located([*korean, "ko/qrels/dev.tsv", "ja/qrels/test.tsv", "ko-corpus/deep/test.tsv"], config="ko") == {
        "corpus": [korean[1], korean[0]],
        "queries": [korean[2]],
        "test": ["ko/qrels/dev.tsv"],
        "train": [],
    }


def test_a_card_goes_before_file_names(located):
    files = [*PLAIN, "data/c-10.parquet", "data/c-2.parquet", "data/q.jsonl", "data/old/c-1.parquet", "j.tsv", "k.tsv"]
    card = {
        "configs": [
            config("corpus", test="data/c-*.parquet"),
            {"config_name": "queries", "data_dir": "data", "data_files": "q.jsonl"},
            config("default", test=["j.tsv", "?.tsv"], train="k.tsv"),
        ]
    }
    assert located(files, card) == {
        "corpus": ["data/c-2.parquet", "data/c-10.parquet"],
        "queries": ["data/q.jsonl"],
        "test": ["j.tsv", "k.tsv"],  # the second pattern adds only what the first did not match
        "train": ["k.tsv"],
    }


def test_the_corpus_and_the_queries_of_the_split_are_read(located):
    card = {
        "configs": [
            config("corpus", dev="c-dev.jsonl", test="c-test.jsonl"),
            config("queries", dev="q-dev.jsonl", test="q-test.jsonl", train="q-train.jsonl"),
            config("qrels", dev="j-dev.tsv", test="j-test.tsv", train="j-train.tsv", extra="j-extra.tsv"),
        ]
    }
    files = [f"{kind}-{split}.jsonl" for kind in "cq" for split in ("dev", "test", "train")]
    files += [f"j-{split}.tsv" for split in ("dev", "test", "train", "extra")]
    assert located(files, card) == {
        "corpus": ["c-test.jsonl"],
        "queries": ["q-test.jsonl", "q-train.jsonl"],
        "test": ["j-test.tsv"],
        "train": ["j-train.tsv"],
    }
    assert located(files, card, split="dev", train="test")["queries"] == ["q-dev.jsonl", "q-test.jsonl"]
    with pytest.raises(
        CollectionError, match="the corpus has the splits dev, test, none of them 'extra'; choose a spl"
    ):
        located(files, card, split="extra")


def test_judgements_may_lie_in_another_repository(located):
    others = {"a/judged": (["test.tsv", "README.md"], {})}
    assert located(PLAIN, others=others) == PLAIN_PLACES | {"test": ["a/judged:test.tsv"], "train": []}


def test_files_of_miracl(located):
    corpus = [f"miracl-corpus-v1.0-ko/docs-{number}.jsonl.gz" for number in (0, 10, 2)]
    topics, qrels = (
        "miracl-v1.0-ko/topics/topics.miracl-v1.0-ko-{}.tsv",
        "miracl-v1.0-ko/qrels/qrels.miracl-v1.0-ko-{}.tsv",
    )
    judge = [name.format(split) for name in (topics, qrels) for split in ("dev", "train")]
    options = {"kind": "miracl", "config": "ko"}
    assert located(corpus, others={"a/judged": (judge, {})}, **options) == {
        "corpus": [corpus[0], corpus[2], corpus[1]],
        "queries": [f"a/judged:{topics.format(split)}" for split in ("dev", "train")],
        "test": [f"a/judged:{qrels.format('dev')}"],
        "train": [f"a/judged:{qrels.format('train')}"],
    }
    untrained = {"a/judged": (judge[::2], {})}
    assert located(corpus, others=untrained, **options)["train"] == []
    for changes, advice in (({"train": "train"}, "split 'train'"), ({"split": "test"}, "split 'test'")):
        with pytest.raises(CollectionError, match=rf"'a/judged' has no file miracl.*: check config 'ko' and {advice}$"):
            located(corpus, others=untrained, **options, **changes)


def test_what_is_missing_is_named_with_the_nearest(located):
    with pytest.raises(CollectionError, match=r"'a/set': no judgements for the split 'tset'; did you mean 'test'\?"):
        located(PLAIN, split="tset")
    with pytest.raises(CollectionError, match=r"'a/set': no judgements for the split 'tarin'; did you mean 'train'\?"):
        located(PLAIN, train="tarin")
    with pytest.raises(CollectionError, match=r"^hub dataset 'a/set' has no files called ko-corpus$"):
        located(PLAIN, config="ko")
    with pytest.raises(CollectionError, match="has no config 'corpus'; did you mean 'corpse'"):
        located(["x.jsonl"], {"configs": [config("corpse", test="x.jsonl")]})
    with pytest.raises(CollectionError, match=r"is a loading script \(set\.py\), and scripts are not run: use a copy"):
        located(["set.py"])


@pytest.mark.parametrize(
    ("pattern", "paths"),
    [
        ("*.tsv", ["a.tsv"]),
        ("*/*.tsv", ["b/a.tsv"]),
        ("**/a.tsv", ["a.tsv", "b/a.tsv", "b/c/a.tsv"]),
        ("b/**", ["b/a.tsv", "b/c/a.tsv"]),
        ("?/a.tsv", ["b/a.tsv"]),
        ("b?a.tsv", []),
        ("a.ts", []),
        ("a.tsv", ["a.tsv"]),
        ("b/c", []),
    ],
)
def test_patterns(pattern, paths, monkeypatch):
    monkeypatch.setattr(Listed, "KNOWN", {"a/set": (["b/c/a.tsv", "b/a.tsv", "a.tsv"], {})})
    assert _matching(Listed("a/set", "c0ffee"), pattern) == paths


def test_a_pattern_that_would_be_tried_for_years():
    start = time.perf_counter()
    assert not _fits("a" * 300, [part for _ in range(100) for part in ("*", "a")] + ["b"])
    assert _fits("a/b/test-00.parquet", ["**/", "test-", "*", ".parquet"])
    assert not _fits("a/b.parquet", ["*", ".parquet"])
    assert time.perf_counter() - start < 2
