"""Revisions, access and licenses that a preset needs, from a hub that answers from a table."""

from __future__ import annotations

from types import SimpleNamespace

import pytest

from harness.catalog.catalog import Catalog
from harness.catalog.entries import Encoder
from harness.collections.stage import COLLECTION
from harness.doctor.checks import access, licenses
from harness.doctor.hub_access import FAIL, OK, WARN, Check
from harness.hub.cache import CODE, HEAD, TOKENIZER, WHOLE
from harness.plan.load_preset import load_preset
from harness.plan.resolve import UNPINNED
from harness.plan.revisions import with_placeholders
from harness.store.artifact import Artifact, Hub, Local
from harness.store.stage import Stage
from harness.store.store import Store

COMMIT = "0123456789abcdef" * 2 + "01234567"
PRESET = f"""
title: small
languages: [ko]
architectures: {{enc: {{model: org/enc, revision: {COMMIT}}}}}
tokenizers: {{ko: {{model: org/words, revision: {COMMIT}}}}}
collections: {{faq: {{hub: org/faq, revision: {COMMIT}, config: kor}}}}
initializers: [mean]
"""
REFERENCE, OTHER, POCKET = (Stage(name, 1, 1, lambda *_: None) for name in ("reference", "encoding", "pocket-text"))


class Answers:
    """Stand in for the hub: licenses by name, and what was asked about models."""

    def __init__(self, **cards: str) -> None:
        self.cards, self.asked = cards, {}

    def model(self, name: str, revision: str, parts: set[str]) -> Check:
        self.asked[name, revision] = parts
        return Check(OK, "model", name)

    def license(self, kind: str, name: str) -> str:
        return self.cards.get(name.partition("/")[2], "")


@pytest.fixture
def preset(tmp_path):
    file = tmp_path / "small.yaml"
    file.write_text(PRESET, encoding="utf-8")
    return load_preset(str(file), tmp_path)


def entry(license: str, *, gated: bool = False) -> Catalog:
    body = {"body": "2 layers of 8", "vocabulary": 100, "revision": None}
    return Catalog(encoders={"enc": Encoder(id="org/enc", license=license, gated=gated, **body)})


def test_parts_of_models_that_are_read(preset, tmp_path):
    """Of tokenizers only the tokenizer; a model of two roles is asked about once."""
    both, words, head = (Hub(f"org/{name}", "c0ffee") for name in ("both", "words", "head"))
    todo = [
        Artifact(OTHER, {}, {"encoder": both, "tokenizer": words}),
        Artifact(OTHER, {}, {"tokenizer": both}),
        Artifact(REFERENCE, {"kind": "bge-m3", "remote_code": False}, {"encoder": head}),
        Artifact(REFERENCE, {"kind": "splade", "remote_code": True}, {"encoder": Hub("org/code", "c0ffee")}),
    ]
    hub = Answers()
    checks = access(preset, [], todo, Store(tmp_path / "store"), Catalog(), hub)
    assert hub.asked == {
        ("org/both", "c0ffee"): {TOKENIZER, WHOLE},
        ("org/words", "c0ffee"): {TOKENIZER},
        ("org/head", "c0ffee"): {TOKENIZER, WHOLE, HEAD},
        ("org/code", "c0ffee"): {TOKENIZER, WHOLE, CODE},
    }
    assert checks[-1] == Check(
        WARN, "code", "org/code: code of its repository will run here, as remote_code says; read it first"
    )


def test_folders_and_the_pocket(preset, tmp_path):
    made = Artifact(POCKET, {}, {"text": Local(tmp_path)})
    cells = [SimpleNamespace(artifact=Artifact(OTHER, {}, {"text": made}))]
    checks = access(preset, cells, [made], Store(tmp_path / "store"), Catalog(), Answers())
    assert [(check.mark, check.what) for check in checks] == [(OK, "pocket"), (OK, "folders")]
    assert checks[0].text.startswith("1 parts, 0 of them in the store;") and checks[1].text.startswith("1 folders and")


def test_a_gated_model_without_a_revision_is_not_asked_about(preset, tmp_path):
    todo, hub = [Artifact(OTHER, {}, {"encoder": Hub("org/enc", UNPINNED)})], Answers()
    (check,) = access(preset, [], todo, Store(tmp_path / "store"), entry("MIT", gated=True), hub)
    assert check.mark == WARN and "org/enc: gated, not checked without a revision" in check.text
    assert "https://huggingface.co/org/enc" in check.text and not hub.asked
    assert access(preset, [], todo, Store(tmp_path / "store"), entry("MIT"), hub) == []


@pytest.mark.parametrize(
    ("card", "catalog", "mark", "text"),
    [
        ("mit", "CC-BY-NC-4.0", OK, "3 others: mit by the card"),
        ("", "CC-BY-NC-4.0", WARN, "org/enc: CC-BY-NC-4.0 by the catalog, not for commercial use, nor what is made"),
        ("my-NonCommercial", "MIT", WARN, "org/enc: my-NonCommercial by the card, not for commercial use"),
        ("Unknown", "unknown", WARN, "org/enc: unknown; read its card before you pass results on"),
        ("uncertain", "MIT", OK, "3 others: mit, uncertain by the card"),
    ],
)
def test_licenses(preset, card, catalog, mark, text):
    """The card precedes the catalog; the letters nc inside a word forbid nothing."""
    checks = licenses(preset, entry(catalog), Answers(enc=card, words="mit", faq="mit"))
    assert any(check.mark == mark and check.text.startswith(text) for check in checks)
    assert len(checks) == (1 if mark == OK else 2) and checks[-1].mark == OK


def test_licenses_of_a_preset_without_a_hub(preset):
    empty = SimpleNamespace(architectures={}, tokenizers={}, bridges={}, references={}, collections={})
    assert licenses(empty, Catalog(), Answers()) == [Check(OK, "license", "nothing from a hub is used")]


def test_a_collection_without_a_revision_fails(tmp_path):
    file = tmp_path / "small.yaml"
    file.write_text(PRESET.replace(f"revision: {COMMIT}, config", "config"), encoding="utf-8")
    preset = with_placeholders(load_preset(str(file), tmp_path))
    todo = [Artifact(COLLECTION, preset.collections["faq"].parameters("ko"))]
    (check,) = access(preset, [], todo, Store(tmp_path / "store"), Catalog(), Answers())
    advice = "add --set collections.faq.revision=COMMIT"
    assert check == Check(FAIL, "revision", f"collections.faq: org/faq without a pinned revision; {advice}")
