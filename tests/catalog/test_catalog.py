"""Catalogs of a person's own: they add, they replace, and what is wrong in them is one line that says where."""

from __future__ import annotations

import pytest

from harness.catalog.catalog import CatalogError, load_catalog
from harness.catalog.lookup import by_language, refers, with_entries
from tests.helpers.paths import ROOT

MODEL = "{id: me/mine, revision: null, license: MIT, "


@pytest.fixture
def load_own(tmp_path):
    """Load a catalog of one's own beside the project's."""

    def load(*texts: str):
        paths = []
        for number, text in enumerate(texts):
            paths.append(tmp_path / f"mine{number}.yaml")
            paths[-1].write_text(text, encoding="utf-8")
        return load_catalog(paths)

    return load


def test_entries_are_added_and_replace_whole(load_own):
    first = (
        f"bridges:\n  mine: {MODEL}dimensions: 8, pooling: mean}}\n  e5-base: {MODEL}dimensions: 8, pooling: mean}}\n"
    )
    catalog = load_own(first, f"bridges: {{mine: {MODEL}dimensions: 16, pooling: cls}}}}")
    assert catalog.bridges["mine"].dimensions == 16 and catalog.bridges["mine"].pooling == "cls"
    assert catalog.bridges["e5-base"].id == "me/mine" and catalog.bridges["e5-base"].prompt == ""
    assert catalog.bridges["bge-m3"].id == "BAAI/bge-m3"


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("bridges: [", "not valid YAML"),
        ("- a", "a catalog maps kinds"),
        ("bridge: {}", "kind 'bridge' is unknown; did you mean 'bridges'?"),
        (
            f"bridges: {{x: {MODEL}dimension: 8, pooling: cls}}}}",
            "bridges.x.dimension is unknown; did you mean 'dimensions'?",
        ),
        (
            f"bridges: {{x: {MODEL}dimensions: 8, pooling: cls, promt: a}}}}",
            "bridges.x.promt is unknown; did you mean 'prompt'?",
        ),
        (f"bridges: {{x: {MODEL}dimensions: 8, pooling: max}}}}", "bridges.x.pooling: 'max' is not valid"),
        (f"bridges: {{x: {MODEL}dimensions: '8', pooling: cls}}}}", "bridges.x.dimensions: '8' is not valid"),
        (f"encoders: {{x: {MODEL}body: bb, vocabulary: 0}}}}", "encoders.x.vocabulary: 0 is not valid"),
        (
            "encoders: {x: {id: me/mine, revision: main, license: MIT, body: bb, vocabulary: 3}}",
            "encoders.x.revision: 'main' is not valid",
        ),
        (
            "encoders: {x: {id: mine, revision: null, license: MIT, body: bb, vocabulary: 3}}",
            "encoders.x.id: 'mine' is not valid",
        ),
        ("encoders: {x: {id: a/b, revision: null, body: bb, vocabulary: 3}}", "encoders.x.license is missing; add it"),
        ("encoders: {x: null}", "encoders.x is not a name with fields below it"),
        (
            "languages: {no: {name: Norwegian, iso3: nor, script: Latn, bm25: words}}",
            "codes like no and on need quotes",
        ),
        (
            f"bridges:\n  x: {MODEL}dimensions: 8, pooling: cls}}\n  x: {MODEL}dimensions: 9, pooling: cls}}",
            "'x' is repeated",
        ),
        (f"tokenizers: {{x: {MODEL}language: kr, vocabulary: 5}}}}", "tokenizers.x.language: language 'kr' is unknown"),
        (
            "collections: {x: {source: {folder: a}, license: MIT, counts: {kr: {documents: 1, queries: 1}}}}",
            "collections.x.counts: language 'kr'",
        ),
    ],
)
def test_what_is_wrong_is_named(load_own, text, message):
    with pytest.raises(CatalogError) as refused:
        load_own(text)
    assert message in str(refused.value) and "\n" not in str(refused.value)


def test_a_file_that_is_not_there(tmp_path):
    with pytest.raises(CatalogError, match="cannot be read \\(No such file or directory\\); check the path"):
        load_catalog([tmp_path / "mine.yaml"])


def test_references_take_what_stands_beside_them(load_own):
    catalog = load_own()
    content = {
        "architectures": {
            "a": "catalog:granite-30m",
            "b": {"model": "catalog:splade-pp", "revision": "c0ffee"},
            "c": "some/folder",
        },
        "bridges": {"e": {"model": "catalog:e5-small"}, "f": {"model": "catalog:e5-small", "prompt": ""}},
        "collections": {"w": {"folder": "catalog:webfaq", "limit": 5}},
    }
    resolved = with_entries(content, catalog)
    architectures, bridges, collection = (resolved[key] for key in ("architectures", "bridges", "collections"))
    assert architectures["a"] == {
        "model": "ibm-granite/granite-embedding-30m-sparse",
        "revision": "ad82b1fd09541c998c8d45045d601c51fdb8a9b7",
        "hub": True,
    }
    unpinned = with_entries({"architectures": {"a": "catalog:splade-v3"}}, catalog)["architectures"]["a"]
    assert unpinned["revision"] is None
    assert architectures["b"]["revision"] == "c0ffee" and architectures["c"] == "some/folder"
    assert bridges["e"]["prompt"] == "query: " and bridges["f"]["prompt"] == ""
    assert (bridges["e"]["query_prompt"], bridges["e"]["document_prompt"]) == ("query: ", "passage: ")
    assert collection["w"]["limit"] == 5 and collection["w"]["expected"]["ko"]["documents"] == 102_000
    assert content["architectures"]["a"] == "catalog:granite-30m", "the argument is not changed"
    assert refers(content) and refers({"tokenizers": "catalog:{language}"})
    assert not refers({"architectures": {"a": "some/folder"}, "tokenizers": "x"})


def test_tokenizers_by_language(load_own):
    own = f"tokenizers: {{ko-mine: {MODEL}language: ko, vocabulary: 5}}}}"
    mine = by_language({"tokenizers": "catalog:{language}-mine"}, load_own(own))
    assert mine["tokenizers"] == {"ko": {"model": "catalog:ko-mine"}}
    paper = by_language({"tokenizers": "catalog:{language}"}, load_own())
    assert set(paper["tokenizers"]) == {"ar", "zh", "hi", "ko", "ru"}
    with pytest.raises(CatalogError, match="matches no tokenizer of the catalog"):
        by_language({"tokenizers": "catalog:{language}-x"}, load_own())
    with pytest.raises(CatalogError, match=r"does not contain \{language\}; write"):
        by_language({"tokenizers": "catalog:ko"}, load_own())


def test_references_that_cannot_be_followed(load_own):
    with pytest.raises(CatalogError, match="catalog:bge-m4 is not among the catalog's bridges; did you mean 'bge-m3'"):
        with_entries({"bridges": {"x": "catalog:bge-m4"}}, load_own())
    with pytest.raises(CatalogError, match="runs code from its repository, which the catalog alone never allows"):
        own = (
            "encoders: {own: {id: me/own, revision: null, license: MIT, remote_code: true, body: BERT, vocabulary: 5}}"
        )
        with_entries({"architectures": {"x": {"model": "catalog:own", "remote_code": True}}}, load_own(own))


def test_the_documents_example_is_one(load_own):
    text = (ROOT / "docs" / "catalog.md").read_text(encoding="utf-8")
    block = text.split("A file that pins what the project does not:\n\n")[1].split("\n\n")[0]
    catalog = load_own("\n".join(line[4:] for line in block.splitlines()).replace("COMMIT", "c0ffee1234" * 4))
    assert catalog.encoders["splade-v3"].revision == "c0ffee1234" * 4
    built_in, pinned = load_own().encoders["splade-v3"], catalog.encoders["splade-v3"]
    assert pinned == built_in.model_copy(update={"revision": pinned.revision, "notes": ""})
    assert catalog.languages["pl"].iso3 == "pol" and catalog.collections["pages"].counts["pl"].queries == 2000
