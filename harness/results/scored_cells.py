"""cells.csv read back: what a comparison needs to know of each cell, without the store it came from."""

from __future__ import annotations

import csv
import math
from dataclasses import dataclass
from pathlib import Path

from harness.files.bounded import OversizedError, lines
from harness.results.record import MEASURES, OK


@dataclass(frozen=True)
class ScoredCell:
    """One line of cells.csv. scores: by MEASURES, none if it failed; sizes: documents, queries, and pairs trained on, None where not told."""

    language: str
    architecture: str
    collection: str
    initializer: str
    bridge: str
    alpha: float | None
    regime: str
    seed: int
    label: str
    key: str
    failed: bool
    scores: dict[str, float]
    documents: int | None
    queries: int | None
    train_pairs: int | None


def read_cells(results: Path) -> list[ScoredCell]:
    """The cells of a results folder. Raises ValueError, one line, if there are none or the file is not one of ours."""
    path = results / "cells.csv" if results.is_dir() else results
    if not path.is_file():
        raise ValueError(f"RESULTS {str(results)!r} has no cells.csv; give the folder that a run wrote with --results")
    cells = []
    try:
        with path.open("rb") as file:
            for number, row in enumerate(csv.DictReader(line.decode("utf-8") for _, line in lines(file)), 2):
                try:
                    if None in row:
                        raise ValueError(f"more than {len(row) - 1} columns")
                    cells.append(_cell(row))
                except KeyError as error:
                    raise ValueError(
                        f"{path} has no column {error.args[0]!r}; run the grid's command again, it writes the file anew"
                    ) from None
                except (TypeError, ValueError) as error:
                    raise ValueError(
                        f"{path}, line {number} cannot be read ({str(error)[:100]}); run the grid's command again, it writes the file anew"
                    ) from None
    except OversizedError as error:
        raise ValueError(
            f"{path}, line {error.number} is {error}; give the folder that a run wrote with --results"
        ) from None
    except (csv.Error, UnicodeDecodeError) as error:
        raise ValueError(
            f"{path} is no CSV in UTF-8 ({error}); give the folder that a run wrote with --results"
        ) from None
    except OSError as error:
        raise ValueError(f"{path} cannot be read ({error.strerror}); check the file and who may read it") from None
    if not cells:
        raise ValueError(f"{path} holds no cells; give the folder that a run wrote with --results")
    return cells


def _cell(row: dict[str, str]) -> ScoredCell:
    failed = row["status"] != OK
    documents, queries, train_pairs = (
        int(row[name]) if row[name] else None for name in ("documents", "queries", "train_pairs")
    )
    scores = {} if failed else {name: float(row[name]) for name in MEASURES if row[name]}
    alpha = float(row["alpha"]) if row["alpha"] else None
    if not all(math.isfinite(number) for number in (*scores.values(), alpha or 0.0)):
        raise ValueError("a score or alpha is no finite number")
    return ScoredCell(
        row["language"], row["architecture"], row["collection"], row["initializer"], row["bridge"], alpha, row["regime"], int(row["seed"]),
        row["label"], row["key"], failed, scores, documents, queries, train_pairs,
    )  # fmt: skip
