"""`sembridge-bench store show`: how one artifact was made, and what uses it."""

from __future__ import annotations

import argparse
import json
import time
from collections.abc import Iterator, Mapping
from datetime import datetime
from pathlib import Path
from typing import Any

from harness.cli.refusal import RefusedError
from harness.cli.store.listing import SHORT, age, lines, what
from harness.cli.store.opening import existing_store, needed_by
from harness.files.units import amount, duration
from harness.results.measurement import FILE
from harness.results.needed import cell_name, roots_of
from harness.results.scored_cells import read_cells
from harness.store.integrity import damage
from harness.store.inventory import DAMAGED, STATES, Entry, Inventory, key_of, recorded_inputs
from sembridge.model_card.lines import columns

_SHOWN = 10  # cells and readers that are named; of the others the number is told


def show(args: argparse.Namespace) -> int:
    """Print the page of an artifact and return 0; RefusedError unless the key is the beginning of exactly one."""
    store = existing_store(args.store)
    inventory = Inventory.of(store)
    entry = _chosen(args.key, inventory, args.store)
    if args.results:
        needed_by("--results", args.results, inventory)
    rows = [["key", entry.key], *_facts(entry), *_parameters(entry), *_inputs(entry, inventory), *_machine(entry)]
    print(entry.stage)
    print("\n".join(f"  {line}" for line in columns(rows)))
    readers = inventory.readers.get(entry.key, [])
    print(f"read by {_counted(len(readers), 'artifact')} of this store")
    print("\n".join(f"  {line}" for line in lines(readers[:_SHOWN], inventory)[1:]), end="\n" if readers else "")
    _print_rest(len(readers))
    for folder in args.results:
        _print_cells(folder, entry, inventory)
    return 0


def _chosen(key: str, inventory: Inventory, store: Path) -> Entry:
    """Return the entry whose key begins so: an artifact, rather than what interrupted work left of the same key."""
    beginning = key.rpartition("/")[2].lower()
    matching = [entry for entry in inventory.entries if beginning and entry.key.startswith(beginning)]
    by_key = {entry.key: entry for entry in sorted(matching, key=lambda entry: entry.is_artifact)}
    if not by_key:
        advice = f"`sembridge-bench store ls --store {store}` lists them"
        raise RefusedError(f"KEY {key!r} is not the beginning of a key in the store {str(store)!r}; {advice}")
    if len(by_key) > 1:
        names = [f"{entry.stage}/{entry.key[: max(SHORT, len(beginning) + 2)]}" for entry in by_key.values()]
        more = f" and {len(names) - _SHOWN} more" if len(names) > _SHOWN else ""
        some = ", ".join(names[:_SHOWN])
        raise RefusedError(f"KEY {key!r} begins {len(names)} keys: {some}{more}; give more characters")
    return next(iter(by_key.values()))


def _facts(entry: Entry) -> Iterator[list[str]]:
    # One artifact is read whole: its state is certain then.
    reason = damage(entry.folder, entry.key) if entry.is_artifact else ""
    state, reason = (DAMAGED, reason) if reason else (entry.state, entry.reason)
    yield ["state", f"{state}: {reason or STATES[state]}"]
    files = entry.manifest.get("files")
    of_files = f" in {_counted(len(files), 'file')}" if isinstance(files, dict) else ""
    yield ["size", f"{amount(entry.size)}{of_files}, {entry.folder}"]
    written = datetime.fromtimestamp(entry.written).strftime("%Y-%m-%d %H:%M")
    yield ["written", f"{written}, {age(entry, time.time())} ago"]
    if isinstance(seconds := entry.manifest.get("seconds"), int | float):
        yield ["computed", f"in {duration(seconds)}"]
    if "version" in entry.manifest:
        yield ["version", f"{entry.manifest['version']} of the stage {entry.stage}"]


def _parameters(entry: Entry) -> Iterator[list[str]]:
    parameters = entry.manifest.get("parameters")
    for name, value in _flat(parameters if isinstance(parameters, dict) else {}):
        yield ["parameter", f"{name}: {_plain(value)}"]


def _flat(parameters: Mapping[str, Any], above: str = "") -> Iterator[tuple[str, Any]]:
    for name, value in sorted(parameters.items()):
        if isinstance(value, dict) and value:
            yield from _flat(value, f"{above}{name}.")
        else:
            yield f"{above}{name}", value


def _plain(value: Any) -> str:
    return "not set" if value is None or value == {} else json.dumps(value, ensure_ascii=False)


def _inputs(entry: Entry, inventory: Inventory) -> Iterator[list[str]]:
    for name, described in sorted(recorded_inputs(entry.manifest)):
        key = key_of(described)
        if key is None:
            revision, content = described.get("revision"), described.get("content")
            kind = f"hub model, revision {revision}" if revision else "folder or file of yours"
            digest = f", content {str(content)[:SHORT]}" if content else ""
            yield ["input", f"{name}: {described['name']} ({kind}{digest})"]
            continue
        made = inventory.artifacts.get(key)
        about = "not in the store" if made is None else what(made, inventory) or made.state
        yield ["input", f"{name}: {described['name']} ({about})"]


def _machine(entry: Entry) -> Iterator[list[str]]:
    """Yield the versions that a measurement was made with; other artifacts do not record them."""
    try:
        provenance = json.loads((entry.folder / FILE).read_bytes())["provenance"]
        versions = ", ".join(f"{name} {version}" for name, version in sorted(provenance["versions"].items()))
        yield ["versions", f"{versions}; code {provenance['git']}"]
    except (OSError, ValueError, LookupError, TypeError, AttributeError):
        yield ["versions", "not recorded here; measurements made from it have them"]


def _print_cells(folder: Path, entry: Entry, inventory: Inventory) -> None:
    made, cells = inventory.made_from(entry.key), read_cells(folder)
    using = [cell for cell in cells if not made.isdisjoint(roots_of(cell, inventory))]
    print(f"used by {len(using)} of the {_counted(len(cells), 'cell')} of {folder}")
    print("".join(f"  {cell_name(cell)}\n" for cell in using[:_SHOWN]), end="")
    _print_rest(len(using))


def _print_rest(count: int) -> None:
    if count > _SHOWN:
        print(f"  and {count - _SHOWN:,} more")


def _counted(count: int, noun: str) -> str:
    return f"{count:,} {noun}{'s' * (count != 1)}"
