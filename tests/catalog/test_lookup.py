"""References of the catalog: a kind of their own, and code of a repository only where the preset itself asks for it."""

import pytest

from harness.catalog.catalog import CatalogError, load_catalog
from harness.catalog.lookup import with_entries

CATALOG = load_catalog()


def test_code_runs_only_if_the_preset_allows_it():
    milco = {"model": "catalog:milco"}
    message = r"the catalog alone never allows; if you trust it, add --set references\.x\.remote_code=true"
    for reference in ("catalog:milco", milco | {"remote_code": False}, milco | {"remote_code": "yes"}):
        with pytest.raises(CatalogError, match=message):
            with_entries({"references": {"x": reference}}, CATALOG)
    resolved = with_entries({"references": {"x": milco | {"remote_code": True}}}, CATALOG)["references"]["x"]
    assert resolved == {
        "model": "omai-research/milco-650m",
        "revision": CATALOG.references["milco"].revision,
        "hub": True,
        "kind": "milco",
        "remote_code": True,
    }


def test_kinds_are_not_confused():
    assert with_entries({"references": {"x": "catalog:bge-m3-sparse"}}, CATALOG)["references"]["x"]["kind"] == "bge-m3"
    with pytest.raises(CatalogError, match=r"references\.x: catalog:e5-base is not among the catalog's references"):
        with_entries({"references": {"x": "catalog:e5-base"}}, CATALOG)
    with pytest.raises(CatalogError, match=r"bridges\.x: catalog:bge-m3-sparse is not among the catalog's bridges"):
        with_entries({"bridges": {"x": "catalog:bge-m3-sparse"}}, CATALOG)
