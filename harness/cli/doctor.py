"""`sembridge-bench doctor`: what stands between a preset and its tables, before hours are spent."""

from __future__ import annotations

import argparse
from pathlib import Path

from harness.cli.refusal import RefusedError

PRESETS = Path(__file__).resolve().parents[2] / "experiments" / "presets"
LISTS = ("languages", "architectures", "collections", "initializers", "bridges", "stages")


def doctor(given: argparse.Namespace) -> int:
    """Exit code 0: nothing failed; 1: something did. Raises RefusedError for a preset that cannot be planned."""
    from harness.catalog.catalog import CatalogError, load_catalog
    from harness.grid import checks
    from harness.grid.access import FAIL, OK, WARN, Check, HubAccess
    from harness.grid.plan import missing, plan
    from harness.grid.preset import PresetError, load_preset
    from harness.grid.store import Store, StoreError

    choices = {name: getattr(given, name) for name in (*LISTS, "catalog") if getattr(given, name)}
    try:
        preset = load_preset(given.preset, PRESETS, given.set, choices)
        files = [preset.catalog] if isinstance(preset.catalog, str) else preset.catalog or []
        catalog, store = load_catalog(Path(file) for file in files), Store(given.store)
        cells = plan(preset)
    except (PresetError, StoreError, CatalogError) as error:
        raise RefusedError(str(error)) from None
    todo = missing(cells, store)
    print(f"{preset.title}: {len(cells)} cells")
    reported: list[Check] = []

    def report(*found: Check) -> None:
        for check in found:
            print(f"{f'[{check.mark}]':<6} {check.what:<18} {check.text}", flush=True)
        reported.extend(found)

    reached = checks.access(preset, cells, todo, store, catalog, HubAccess())
    report(*reached)
    report(*checks.licences(preset, catalog))
    report(*checks.disk(todo, store, sum(check.download for check in reached), sum(check.mark != OK and check.what != "access" for check in reached)))
    report(checks.memory(preset, cells, todo, max((check.download for check in reached if check.what == "model"), default=0)))
    report(*checks.devices(preset))
    report(checks.work(cells, todo, store))
    failed, warned = (sum(check.mark == mark for check in reported) for mark in (FAIL, WARN))
    if failed:
        print(f"\n{failed} FAIL, {warned} warn: mend what fails, in the order of the lines, and ask again")
        return 1
    if any("not checked" in check.text for check in reported):
        print(f"\n0 FAIL, {warned} warn: ask again with a network, or run with what is in the cache")
    else:
        print(f"\n0 FAIL, {warned} warn: python experiments/run_grid.py --preset {given.preset}, with the same options, runs it")
    return 0
