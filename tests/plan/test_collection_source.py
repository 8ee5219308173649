"""A collection comes from one place, and what decides its content becomes the parameters of its artifact."""

from __future__ import annotations

import pytest
from pydantic import ValidationError

from harness.plan.collection_source import CollectionSource
from harness.plan.resolve import resolve_collection

COMMIT = "0123456789abcdef" * 2 + "01234567"


def source(**options) -> CollectionSource:
    return CollectionSource.model_validate(options)


def test_only_what_decides_the_content_decides_the_key():
    def key(language="ko", **options):
        source = CollectionSource(**{"hub": "a/b", "revision": COMMIT, "config": "{language}"} | options)
        return resolve_collection("collections.c", source, language).key

    assert key(codes={"ko": "kor"}) == key(config="kor")  # where the code comes from does not matter
    assert key(expected={"ru": {"documents": 3}}) == key() != key(expected={"ko": {"documents": 3}})
    others = [
        key("ru"),
        key(limit=0),
        key(limit=1),
        key(split="dev"),
        key(subset="x"),
        key(revision="0" * 40),
        key(hub="a/c"),
    ]
    assert len({key(), *others}) == 8


def test_parameters_are_written_out_for_one_language():
    collection = source(
        hub="org/data",
        revision=COMMIT,
        kind="miracl",
        config="{language}-v1",
        judgements={"hub": "org/judged", "revision": COMMIT},
        codes={"ko": "kor"},
        limit=0,
        expected={"ko": {"documents": 3, "first": "abc"}},
    )
    common = {"hub": "org/data", "revision": COMMIT, "kind": "miracl", "limit": 0}
    common["judgements"] = {"hub": "org/judged", "revision": COMMIT}
    expected = {"documents": 3, "first": "abc"}
    assert collection.parameters("ko") == common | {"config": "kor-v1", "expected": expected}
    assert collection.parameters("ru") == common | {"config": "ru-v1"}


def test_a_name_alone_is_a_folder():
    assert CollectionSource.model_validate("data/{language}") == source(folder="data/{language}")


@pytest.mark.parametrize(
    ("options", "name", "label"),
    [
        ({}, "c", "c"),
        ({"limit": 0}, "c", "c-judged"),
        ({"limit": 1000}, "c", "c-judged+1000"),
        ({"subset": "hard"}, "c", "c-hard"),
        ({"subset": "hard", "limit": 5}, "c", "c-hard-judged+5"),
        ({"subset": "hard"}, "c-hard-negatives", "c-hard-negatives"),
    ],
)
def test_a_label_never_shows_a_part_as_the_whole(options, name, label):
    assert source(ir_datasets="a/b", **options).label(name) == label


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({}, "one of folder, hub and ir_datasets, not from none of them; keep one"),
        ({"folder": "x", "ir_datasets": "a/b"}, "not from folder and ir_datasets; keep one"),
        ({"folder": "x", "kind": "beir"}, "kind has no effect on a collection from folder; leave it out"),
        ({"folder": "x", "codes": {}}, "codes has no effect on a collection from folder; leave it out"),
        ({"ir_datasets": "a/b", "split": "dev"}, "split has no effect on a collection from ir_datasets"),
        ({"hub": "a/b", "kind": "miracl", "config": "x"}, "kind miracl needs config, e.g. '{language}', and judgem"),
        ({"hub": "a/b", "kind": "miracl", "judgements": {"hub": "a/c"}}, "kind miracl needs config"),
        ({"hub": "a"}, "'a' is not a hub dataset; give its owner and name, as in mteb/WebFAQRetrieval"),
        ({"hub": "../b"}, "'../b' is not a hub dataset"),
        ({"hub": "a/b", "revision": COMMIT[:39]}, "is not a commit, and what it stands for may change; give the 40"),
        ({"hub": "a/b", "revision": COMMIT.upper()}, "is not a commit"),
        ({"hub": "a/b", "judgements": {"hub": "a/c", "revision": "main"}}, "'main' is not a commit"),
        ({"hub": "a/b", "limit": -1}, "greater than or equal to 0"),
        ({"hub": "a/b", "subset": "a b"}, "String should match pattern"),
    ],
)
def test_wrong_forms_are_refused(options, message):
    with pytest.raises(ValidationError) as error:
        source(**options)
    assert message in str(error.value)
