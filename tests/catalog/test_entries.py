"""The catalog's own entries: every one of them holds what the loaders, and a reader, rely on."""

from __future__ import annotations

import re

import pytest

from harness.catalog.catalog import load_catalog
from harness.catalog.entries import KINDS
from harness.catalog.lookup import with_entries
from harness.plan.collection_source import CollectionSource
from sembridge.words import GLUED, UNSPACED

CATALOG = load_catalog()
ENTRIES = [(kind, name) for kind in KINDS for name in getattr(CATALOG, kind)]
OPTION = {
    "encoders": "architectures",
    "tokenizers": "tokenizers",
    "bridges": "bridges",
    "references": "references",
    "collections": "collections",
}


@pytest.mark.parametrize(("kind", "name"), ENTRIES, ids=lambda value: value)
def test_every_entry(kind, name):
    entry = getattr(CATALOG, kind)[name]
    assert re.fullmatch(r"[a-z0-9][a-z0-9.-]*", name), "names are typed in presets and become part of file names"
    if kind == "languages":
        assert [other for other, language in CATALOG.languages.items() if language.iso3 == entry.iso3] == [name]
        assert ("pairs" in entry.bm25) == (name in UNSPACED | GLUED), "what is said of BM25 is what is done"
        return
    assert entry.license.strip() and entry.license == entry.license.strip()
    if kind == "collections":
        source = CollectionSource.model_validate(
            with_entries({"collections": {name: f"catalog:{name}"}}, CATALOG)["collections"][name]
        )
        assert (
            source.folder is not None
            or source.ir_datasets is not None
            or re.fullmatch(r"[0-9a-f]{40}", source.revision or "")
        )
        assert entry.counts.keys() <= CATALOG.languages.keys() and set(source.codes) <= CATALOG.languages.keys()
        for language, counts in entry.counts.items():
            assert min(count for count in counts.model_dump(exclude_none=True).values() if isinstance(count, int)) > 0
            assert counts.relevant is None or counts.queries <= counts.relevant <= (
                counts.judgements or counts.relevant
            )
            assert (
                "{language}" not in str(source.parameters(language))
                and source.parameters(language)["expected"]["documents"] == counts.documents
            )
            assert source.codes.get(language, language) in (language, CATALOG.languages[language].iso3)
        return
    assert re.fullmatch(r"[\w-]+/[\w.-]+", entry.id)
    assert entry.revision is None or re.fullmatch(r"[0-9a-f]{40}", entry.revision)
    assert entry.notes or kind == "references", "where its revision comes from, or why there is none"
    assert [other for other, model in getattr(CATALOG, kind).items() if model.id == entry.id] == [name], (
        "one entry, one name"
    )
    if kind == "tokenizers":
        assert entry.language in CATALOG.languages
    if not entry.remote_code or kind == "references":
        source = with_entries(
            {OPTION[kind]: {"x": {"model": f"catalog:{name}"} | ({"remote_code": True} if entry.remote_code else {})}},
            CATALOG,
        )[OPTION[kind]]["x"]
        assert source["model"] == entry.id and source["revision"] == entry.revision


def test_figures_that_were_read_elsewhere():
    """Typed a second time, from the sources rather than from the files."""
    assert (
        CATALOG.collections["miracl"].counts["ru"].documents == 9_543_918
        and CATALOG.collections["miracl"].counts["ko"].queries == 213
    )
    assert CATALOG.collections["webfaq"].counts["zh"].train_pairs == 132_491 - 10_000
    assert (
        CATALOG.collections["miracl"].counts["te"].judgements == 1_606
        and CATALOG.collections["miracl"].counts["yo"].train_pairs is None
    )
    assert (
        CATALOG.collections["miracl-hard-negatives"].counts["ru"].relevant == 2_833
        and CATALOG.collections["webfaq"].counts["th"].queries == 4_743
    )
    assert CATALOG.tokenizers["hi"].vocabulary == 197_285 and CATALOG.tokenizers["zh"].vocabulary == 51_271
    assert CATALOG.encoders["splade-v3"].gated and CATALOG.references["milco"].remote_code
    assert (
        CATALOG.bridges["e5-base"].prompt == "query: "
        and not CATALOG.bridges["qwen3"].prompt
        and CATALOG.bridges["qwen3"].pooling == "last"
    )
    assert [name for name, entry in CATALOG.encoders.items() if entry.gated] == ["splade-v3"]


def test_what_is_known_to_be_pickled_or_too_old_is_not_pinned():
    """Main of bge-m3 and splade-v3's commits lack safetensors, the one of bart-base-chinese has the old vocabulary."""
    refused = {
        "5617a9f61b028005a4858fdac845db406aefb181",
        "fdfeceb91d7b9de7985b38addd3ba9f53a59a355",
        "8291b13eb8f4e24cc745c542825f14eb87296879",
        "cac82280f9cafd2e7bb76fc32123717e335397ba",
    }
    entries = [
        entry
        for kind in ("encoders", "tokenizers", "bridges", "references")
        for entry in getattr(CATALOG, kind, {}).values()
    ]
    assert not refused & {entry.revision for entry in entries}
    unpinned = [entry.id.split("/")[1] for entry in entries if entry.revision is None]
    assert unpinned == ["splade-v3", "bart-base-chinese", "hindi-bert-v2", "gte-multilingual-base"]
