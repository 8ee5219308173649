"""Choose what of a store can go when the cells of some results folders stay, and say why the rest does not."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

from harness.cli.store.opening import needed_by
from harness.files.units import amount
from harness.results.needed import Needed, cell_name, is_measurement
from harness.store.deletion import computing, unneeded
from harness.store.in_use import keys_in_use
from harness.store.inventory import Entry, Inventory
from harness.store.store import Store

_NAMED = 3  # cells that a sentence names


@dataclass(frozen=True)
class Choice:
    """What can go, and sentences that say what stays and why."""

    inventory: Inventory
    gone: list[Entry]
    stays: list[str]


def choose(
    store: Store, option: str, folders: Sequence[Path], finished_only: bool = False, forget_ended: bool = False
) -> Choice:
    """Return what can go when the cells of `folders` stay; RefusedError, with the option's name, for wrong folders.

    finished_only  keep nothing for cells that are not computed
    forget_ended   as for `keys_in_use`

    What a cell that is not computed would start from is not recorded: for its sake everything stays that a cell can
    start from. The same holds for what is being computed by a process that does not say what it reads.
    """
    in_use, runs = keys_in_use(store, forget_ended)
    busy = computing(store) - in_use
    inventory = Inventory.of(store)
    of_results = needed_by(option, folders, inventory)
    of_busy, unclear_of_busy = inventory.closure(busy)
    needed = of_results.keys | in_use | of_busy
    names = ", ".join(map(str, folders))
    cells = f"{of_results.cells:,} cell{'s' * (of_results.cells != 1)}"
    stays = [f"{_of(inventory, of_results.keys)}: what the {cells} of {names} need"]
    if runs:
        running = "the grid that runs" if runs == 1 else f"the {runs} grids that run"
        stays.append(f"{_of(inventory, in_use - of_results.keys)} besides: {running} on this store now")
    unclear = unclear_of_busy or (of_results.unclear and not finished_only)
    if unclear:
        starts = {entry.key for entry in inventory.entries if _is_start(entry)}
        stays += [
            f"{_of(inventory, starts - needed)} besides: {why}" for why in _why(of_results, bool(unclear_of_busy))
        ]
    return Choice(inventory, unneeded(inventory, needed, _is_start if unclear else None), stays)


def counted(entries: Iterable[Entry]) -> str:
    """Return how many entries there are and how large they are together: "2 artifacts, 3.1 MB"."""
    entries = list(entries)
    return f"{len(entries):,} artifact{'s' * (len(entries) != 1)}, {amount(sum(entry.size for entry in entries))}"


def _of(inventory: Inventory, keys: set[str]) -> str:
    return counted(entry for entry in inventory.entries if entry.key in keys)


def _is_start(entry: Entry) -> bool:
    return not is_measurement(entry)


def _why(of_results: Needed, is_busy: bool) -> list[str]:
    """Return why everything stays that a cell can start from: one sentence, of the strongest reason."""
    stays = "so everything stays that a cell can start from"
    if is_busy:
        return [f"a process computes something here and does not say what it reads, {stays}; wait until it has ended"]
    if of_results.missing:
        some = ", ".join(cell_name(cell) for _, cell in of_results.missing[:_NAMED])
        more = len(of_results.missing) - _NAMED
        which = f"{some}{f' and {more:,} more' if more > 0 else ''}"
        verb = "is" if len(of_results.missing) == 1 else "are"
        advice = "compute them with the grid's command, or give them up with --finished-only"
        return [f"{which} {verb} not in the store, and what they need is not recorded, {stays}; {advice}"]
    return [f"the description of a needed artifact is damaged, {stays}; the grid's command computes it again"]
