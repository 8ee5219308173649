"""Every entry of the catalog downloads: served tiny under its own id, read by our loaders, then from the cache."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from harness.catalog.catalog import CatalogError, load_catalog
from harness.catalog.entries import KINDS
from harness.catalog.lookup import with_entries
from harness.collections import beir
from harness.collections.collection import CollectionError
from harness.references import bm25
from sembridge.bridge import load_bridge
from sembridge.encoder.loading import load_encoder, load_tokenizer
from sembridge.vocabulary.vocabulary import Vocabulary
from tests.helpers import hub_field, hub_models
from tests.helpers import hub_repositories as real
from tests.helpers.hub_double import TOKEN, Hub
from tests.helpers.hub_ir_datasets import serve_miracl

CATALOG = load_catalog()
LAYOUTS = hub_field.ENCODERS | hub_field.OTHER_ENCODERS


def names(kind: str) -> list[str]:
    return list(getattr(CATALOG, kind))


@pytest.fixture
def twice(hub: Hub, monkeypatch) -> Callable:
    """Read something from the double and once more from the cache; returns both."""
    from huggingface_hub import constants

    def read(load: Callable):
        first = load()
        assert hub.transfers()
        hub.requests.clear()
        monkeypatch.setattr(constants, "HF_HUB_OFFLINE", True)
        monkeypatch.delenv("HF_TOKEN", raising=False)
        second = load()
        assert not hub.requests
        return first, second

    return read


def test_no_kind_is_forgotten():
    """References are read by loaders of their own: tests/evaluation."""
    assert set(KINDS) - {"references"} == {"languages", "encoders", "tokenizers", "bridges", "collections"}
    assert {name for name in names("encoders") if not CATALOG.encoders[name].remote_code} == set(LAYOUTS)


@pytest.mark.parametrize("name", names("encoders"))
def test_encoders(name, hub, twice, tmp_path, monkeypatch):
    entry = CATALOG.encoders[name]
    if entry.remote_code:
        with pytest.raises(CatalogError, match="runs code from its repository"):
            with_entries({"architectures": {"x": f"catalog:{name}"}}, CATALOG)
        return
    commit = hub.add(entry.id, hub_models.encoder(tmp_path / "made", LAYOUTS[name]), "models", gated=entry.gated)
    if entry.gated:
        with pytest.raises(OSError, match="gated repo"):
            load_encoder(entry.id, commit)
        monkeypatch.setenv("HF_TOKEN", TOKEN)
    encoders = twice(lambda: load_encoder(entry.id, commit))
    vectors = [
        encoder.encode_document(["the old cat opens a window"], convert_to_sparse_tensor=False).numpy()
        for encoder in encoders
    ]
    assert np.array_equal(*vectors) and np.count_nonzero(vectors[0])
    words = Vocabulary.from_tokenizer(load_tokenizer(entry.id, commit))  # what bridges and words are placed by
    assert len(words) == vectors[0].shape[1] and not hub.requests


@pytest.mark.parametrize("name", names("tokenizers"))
@pytest.mark.parametrize("fast", [True, False])
def test_tokenizers(name, fast, hub, twice, tmp_path):
    entry = CATALOG.tokenizers[name]
    commit = hub.add(entry.id, hub_models.tokenizer(tmp_path / "made", entry.language, fast=fast), "models")
    text = hub_models.texts(entry.language)[0]
    tokenizers = twice(lambda: load_tokenizer(entry.id, commit))
    assert not [path for path in hub.transfers() if path.endswith(".bin")]
    assert tokenizers[0](text)["input_ids"] == tokenizers[1](text)["input_ids"] and "".join(
        tokenizers[0].tokenize(text)
    ) == text.replace(" ", "")


@pytest.mark.parametrize("name", names("bridges"))
def test_bridges(name, hub, twice, tmp_path):
    entry = CATALOG.bridges[name]
    commit = hub.add(
        entry.id, hub_models.bridge(tmp_path / "made", entry.pooling, ["ko"], 0), "models", gated=entry.gated
    )
    bridges = twice(lambda: load_bridge(entry.id, commit))
    vectors = [model.encode([entry.prompt + word for word in ("cat", "창문")]) for model in bridges]
    assert np.array_equal(*vectors) and not np.array_equal(vectors[0][0], vectors[0][1])
    assert bridges[0][1].pooling_mode == hub_models.POOLING[entry.pooling]


@pytest.mark.parametrize("name", names("languages"))
def test_languages(name, hub, twice, built):
    """WebFAQ calls a language by the code that the catalog says; BM25 reads it."""
    iso3 = CATALOG.languages[name].iso3
    source = {
        "hub": "faq/all",
        "revision": hub.add("faq/all", real.webfaq(code=iso3, of=hub_field.records("ru", name))),
        "config": "{language}",
        "codes": {name: iso3},
    }
    collection, _ = twice(lambda: beir.load(built(name, **source)))
    run = bm25.search(collection, name, 100)
    assert run.keys() == collection.qrels.keys() and any(run.values())


@pytest.mark.parametrize("name", names("collections"))
def test_collections(name, hub, built, tmp_path, monkeypatch):
    """In every third language. What is not as large as the catalog says is refused; with its true counts it is read."""
    entry = CATALOG.collections[name]
    content = with_entries({"collections": {name: f"catalog:{name}"}}, CATALOG)["collections"][name]
    expected = content.pop("expected")
    of = {language: hub_field.records(language, name) for language in [*entry.counts][::3]}
    if "ir_datasets" in content:
        of = {
            language: records for language, records in of.items() if language not in ("de", "yo")
        }  # the package has no miracl/de/train
        serve_miracl(hub, tmp_path / "ir", monkeypatch, of.items())
    else:
        codes = content.get("codes", {})
        mteb = content["hub"].startswith("mteb/")
        files = [
            real.mteb(
                "id" if "WebFAQ" in content["hub"] else "_id",
                content["split"],
                codes.get(language, language),
                of=records,
                beside="en",
            )
            if mteb
            else real.webfaq(code=codes[language], of=records)
            for language, records in of.items()
        ]
        content["revision"] = hub.add(content["hub"], real.merged(*files))
    for language, records in of.items():
        with pytest.raises(CollectionError, match=f"documents expected {entry.counts[language].documents}, found 60"):
            built(language, **content, expected={language: expected[language]})
        counts = {count: value for count, value in records.counts.items() if count in expected[language]}

        def read(language=language, counts=counts) -> tuple[Path, dict[str, bytes]]:
            folder = built(language, **content, expected={language: counts})
            return folder, {path.name: path.read_bytes() for path in folder.glob("*.jsonl")}

        folder, documents = read()
        assert json.loads((folder / "about.json").read_text(encoding="utf-8"))["found"]["documents"] == 60
        hub.requests.clear()
        assert read()[1] == documents and not hub.requests
