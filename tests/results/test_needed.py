"""What results folders need of a store: exactly what their cells were planned from."""

from __future__ import annotations

import json
import shutil

import pytest

from harness.plan.seeds import possible_keys, settle
from harness.results.needed import is_measurement, needed
from harness.store.inventory import Inventory
from harness.store.store import Store
from tests.helpers.stores_made import KO, RU, pocket_cells, publish_cells, publish_grid, write_results_of


@pytest.fixture
def store(tmp_path):
    store = Store(tmp_path / "store")
    store.create()
    return store


def planned(cells):
    return {artifact.key for cell in cells for artifact in cell.walk()}


def brute_force(store, keys):
    """Add what any manifest of the set names until nothing is added: the names end in keys, or have them inside."""
    manifests = {path.parent.name: path.read_text(encoding="utf-8") for path in store.root.glob("*/*/MANIFEST.json")}
    while True:
        read = [json.dumps(json.loads(manifests[key])["inputs"]) for key in keys if key in manifests]
        more = keys | {key for key in manifests if any(key in text for text in read)}
        if more == keys:
            return keys
        keys = more


def test_the_needs_of_a_folder_are_those_of_its_plan(store, tmp_path):
    ko, ru = publish_grid(store, tmp_path / "ko", KO), publish_grid(store, tmp_path / "ru", RU)
    inventory = Inventory.of(store)
    for folders, cells in ((["ko"], ko), (["ru"], ru), (["ko", "ru"], [*ko, *ru])):
        needs = needed([tmp_path / name for name in folders], inventory)
        assert needs.keys == planned(cells) == brute_force(store, {root.key for cell in cells for root in cell.roots})
        assert (needs.cells, needs.missing, needs.unclear) == (len(cells), [], set())
    assert planned(ko) - planned(ru) and planned(ru) - planned(ko) and planned(ko) & planned(ru)


def test_seeds_that_share_rows_need_those_of_the_first(store, tmp_path):
    cells = pocket_cells(KO | {"seeds": [1, 2], "initializers": ["sembridge"]})
    publish_cells(store, [cell for cell in cells if cell.identity.seed == 1])
    settled = settle(cells, store)
    assert planned(settled) | planned(cells) == possible_keys(cells) and planned(settled) != planned(cells)
    publish_cells(store, settled)
    write_results_of(store, tmp_path / "results", cells)
    assert needed([tmp_path / "results"], Inventory.of(store)).keys == planned(settled)


def test_cells_that_the_store_lacks_are_named(store, tmp_path):
    ko = publish_grid(store, tmp_path / "ko", KO)
    shutil.rmtree(store.path(ko[0].artifact))
    needs = needed([tmp_path / "ko"], Inventory.of(store))
    assert [cell.key for _, cell in needs.missing] == [ko[0].artifact.key] and needs.unclear == {ko[0].artifact.key}


def test_results_of_another_store_are_refused(store, tmp_path):
    other = Store(tmp_path / "other")
    other.create()
    publish_grid(other, tmp_path / "ko", KO)
    publish_grid(store, tmp_path / "ru", RU)
    with pytest.raises(ValueError, match=r"ko': the store has none of its \d+ finished cells; name the store of that"):
        needed([tmp_path / "ru", tmp_path / "ko"], Inventory.of(store))


def test_measurements_are_told_from_what_cells_are_made_from(store, tmp_path):
    cells = publish_grid(store, tmp_path / "ko", KO)
    measured = {entry.key for entry in Inventory.of(store).artifacts.values() if is_measurement(entry)}
    assert measured == {cell.artifact.key for cell in cells}
