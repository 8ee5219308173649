"""`sembridge-bench store ls` and `du`: what a store holds, entry by entry and by stage."""

from __future__ import annotations

import argparse
import json
import sys
import time
from collections.abc import Iterable, Sequence
from datetime import UTC, datetime
from typing import Any

from harness.cli.refusal import RefusedError
from harness.cli.store.choice import choose
from harness.cli.store.opening import existing_store
from harness.files.units import amount, duration
from harness.store.inventory import COMPLETE, DAMAGED, STATES, Entry, Inventory, key_of, recorded_inputs
from sembridge.model_card.lines import columns
from sembridge.nearest import nearest

FORMATS = ("text", "json")
SHORT = 12  # characters of a key that are shown: enough to tell artifacts apart, and `show` takes a beginning
_DAYS = 48 * 3600  # seconds from which an age is told in days
_WIDEST = 60


def ls(args: argparse.Namespace) -> int:
    """Print the entries and return 0; RefusedError for an unknown stage or format."""
    if args.format not in FORMATS:
        raise RefusedError(f"--format {args.format!r} is unknown; {nearest(args.format, FORMATS)}")
    store = existing_store(args.store)
    inventory = Inventory.of(store, verify=args.verify)
    stages = {entry.stage for entry in inventory.entries}
    if args.stage is not None and args.stage not in stages:
        known = nearest(args.stage, stages) if stages else "the store is empty"
        raise RefusedError(f"--stage {args.stage!r}: the store {str(args.store)!r} has none of it; {known}")
    entries = [entry for entry in inventory.entries if args.stage in (None, entry.stage)]
    if args.format == "json":
        readable = (sys.stdout.encoding or "").lower().replace("-", "") == "utf8"
        print(json.dumps([_as_json(entry) for entry in entries], ensure_ascii=not readable, indent=1))
        return 0
    print("\n".join(lines(entries, inventory)) if entries else "the store is empty")
    for entry in entries:
        if entry.state == DAMAGED:
            print(f"damaged: {entry.name}: {entry.reason}")
    for state in dict.fromkeys(entry.state for entry in entries if entry.state != COMPLETE):
        print(f"{state}: {STATES[state]}")
    print(f"{_counted(entries)}, {amount(sum(entry.size for entry in entries))}")
    return 0


def du(args: argparse.Namespace) -> int:
    """Print sizes by stage and return 0; RefusedError for results that are not of this store."""
    store = existing_store(args.store)
    rows = [["stage", "artifacts", "size"]]
    gone: list[Entry] = []
    if args.results:
        rows[0].append("not needed")
        choice = choose(store, "--results", args.results)
        inventory, gone = choice.inventory, choice.gone
    else:
        inventory = Inventory.of(store)
    for stage in dict.fromkeys(entry.stage for entry in inventory.entries):
        entries = [entry for entry in inventory.entries if entry.stage == stage]
        rows.append(_sizes(stage, entries, [entry for entry in gone if entry.stage == stage], bool(args.results)))
    rows.append(_sizes("all", inventory.entries, gone, bool(args.results)))
    print("\n".join(columns(rows)))
    if args.results:
        names = " ".join(map(str, args.results))
        print(f"not needed: what `sembridge-bench store gc --keep {names}` would delete")
    return 0


def lines(entries: Sequence[Entry], inventory: Inventory) -> list[str]:
    """Return a table of entries, one line each."""
    now = time.time()
    rows = [["stage", "key", "size", "age", "state", "what"]]
    rows += [
        [entry.stage, entry.key[:SHORT], amount(entry.size), age(entry, now), entry.state, what(entry, inventory)]
        for entry in entries
    ]
    return columns(rows)


def age(entry: Entry, now: float) -> str:
    """Return the time since an entry was written: "3 h 05 min", "12 days"."""
    seconds = now - entry.written
    return f"{seconds / 86400:.0f} days" if seconds >= _DAYS else duration(seconds)


def what(entry: Entry, inventory: Inventory) -> str:
    """Return in a few words what an artifact is: the method behind it, its seed, and the names of its inputs."""
    parameters = entry.manifest.get("parameters") or {}
    parts = [_method(entry, inventory)]
    if entry.stage != "initialization" and "seed" in parameters:
        parts.append(f"seed {parameters['seed']}")
    names = [_input_name(described) for _, described in recorded_inputs(entry.manifest)]
    parts += dict.fromkeys(name for name in names if name)
    text = ", ".join(part for part in parts if part)
    return text if len(text) <= _WIDEST else f"{text[: _WIDEST - 3]}..."


def _method(entry: Entry, inventory: Inventory) -> str:
    """Return the initializer, with its alpha, that an artifact is or was made by; "" if there is none."""
    parameters = entry.manifest.get("parameters") or {}
    if "initializer" in parameters:
        alpha = (parameters.get("settings") or {}).get("alpha")
        return f"{parameters['initializer']}{'' if alpha is None else f' alpha {alpha:g}' if _is_number(alpha) else ''}"
    for name in ("initialization", "trained"):
        above = inventory.artifacts.get(entry.inputs.get(name, ""))
        if above is not None:
            trained = " trained" if name == "trained" else ""
            return f"{_method(above, inventory) or 'source'}{trained}"
    return ""


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)


def _input_name(described: dict[str, Any]) -> str:
    """Return the name of an input that is not a whole artifact: a folder, a hub model, or a part of an artifact."""
    key = key_of(described)
    return described["name"] if key is None else described["name"].partition(key)[2].strip("/")


def _sizes(name: str, entries: Sequence[Entry], gone: Sequence[Entry], with_gone: bool) -> list[str]:
    row = [name, f"{len(entries):,}", amount(sum(entry.size for entry in entries))]
    return [*row, amount(sum(entry.size for entry in gone)) if gone else "–"] if with_gone else row


def _counted(entries: Iterable[Entry]) -> str:
    """Return "355 artifacts", or the counts by state where some are not complete."""
    states: dict[str, int] = {}
    for entry in entries:
        states[entry.state] = states.get(entry.state, 0) + 1
    if set(states) <= {COMPLETE}:
        count = states.get(COMPLETE, 0)
        return f"{count:,} artifact{'s' * (count != 1)}"
    return ", ".join(f"{count:,} {state}" for state, count in states.items())


def _as_json(entry: Entry) -> dict[str, Any]:
    return {
        "stage": entry.stage,
        "key": entry.key,
        "state": entry.state,
        "reason": entry.reason,
        "bytes": entry.size,
        "written": datetime.fromtimestamp(entry.written, UTC).isoformat(timespec="seconds"),
        "parameters": entry.manifest.get("parameters", {}),
        "inputs": dict(recorded_inputs(entry.manifest)),
    }
