"""Find the row of cells.csv that a person means, and refuse rows that have no encoder."""

from __future__ import annotations

import difflib
import re
from collections.abc import Sequence
from pathlib import Path

from harness.cli.refusal import RefusedError
from harness.results.needed import cell_name
from harness.results.record import FAILED, OK
from harness.results.scored_cells import ScoredCell

_NAMED = 3  # names that a message has
_COMPARED = 200  # names that are compared letter by letter
_NO_ENCODER = {
    "bm25": "compares words and has no encoder",
    "dense": "is the bridge itself, a dense encoder, which is not a sparse one",
}


def chosen_cell(cells: Sequence[ScoredCell], typed: str, results: Path) -> ScoredCell:
    """Return the row of this name, key or label; RefusedError if there is none, are several, or it has no encoder.

    Rows of one key are the same encoder with the same scores (seeds that change nothing): the first one is returned.
    """
    names = {cell_name(cell): cell for cell in cells}
    if typed.removesuffix(".run") in names:
        return _with_encoder(names[typed.removesuffix(".run")], results)
    matching = [cell for cell in cells if typed and (cell.label == typed or _begins(cell.key, typed))]
    if matching and (len({cell.key for cell in matching}) == 1 or all(c.initializer in _NO_ENCODER for c in matching)):
        return _with_encoder(matching[0], results)
    if matching:
        some = ", ".join(f"{cell_name(cell)} ({cell.key[:8]})" for cell in matching[:_NAMED])
        more = f" and {len(matching) - _NAMED} more" if len(matching) > _NAMED else ""
        raise RefusedError(
            f"CELL {typed!r} means {len(matching)} cells of {results}: {some}{more}; give a name or a key"
        )
    near = " or ".join(map(repr, _nearest(typed, [*names, *dict.fromkeys(cell.label for cell in cells)])))
    raise RefusedError(f"CELL {typed!r} is not a cell of {results}; did you mean {near}? its cells.csv has all of them")


def _nearest(typed: str, names: Sequence[str]) -> list[str]:
    """Return the names that have the most of what was typed, among those that begin most like it."""
    beginning = sorted(names, key=lambda name: -_same_beginning(typed, name))[:_COMPARED]
    return sorted(beginning, key=lambda name: -_shared(typed, name))[:_NAMED]


def _same_beginning(typed: str, name: str) -> int:
    pairs = zip(typed, name, strict=False)
    return next((place for place, (one, other) in enumerate(pairs) if one != other), min(len(typed), len(name)))


def _shared(typed: str, name: str) -> float:
    """Return how many characters of `typed` are in `name`, in order; of equals the shorter name has more."""
    blocks = difflib.SequenceMatcher(None, typed, name, autojunk=False).get_matching_blocks()
    return sum(block.size for block in blocks) - len(name) / 1000


def _begins(key: str, typed: str) -> bool:
    return bool(re.fullmatch(r"[0-9a-f]{4,32}", typed)) and key.startswith(typed)


def _with_encoder(cell: ScoredCell, results: Path) -> ScoredCell:
    name = cell_name(cell)
    if cell.initializer in _NO_ENCODER:
        reason = _NO_ENCODER[cell.initializer]
        raise RefusedError(f"CELL {name}: the row {cell.label!r} {reason}; choose a row of an initializer")
    if cell.status != OK:
        state = "failed" if cell.status == FAILED else "is not computed"
        advice = f"run the grid's command again with --results {results}"
        raise RefusedError(f"CELL {name} {state}, so it has no encoder; {advice}, which tries it again")
    if cell.initializer == "base" and cell.regime == "zero-shot":
        raise RefusedError(f"CELL {name} is the source encoder as it was, nothing was made; use that itself")
    return cell
