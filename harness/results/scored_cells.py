"""Read cells.csv: what a comparison needs to know of each cell, without the store it came from."""

from __future__ import annotations

import csv
import math
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any

from harness.files.bounded import OversizedError, lines
from harness.results.record import MEASURES, OK, Identity
from sembridge.options import alpha_number


@dataclass(frozen=True)
class ScoredCell:
    """Hold one line of cells.csv.

    scores                           by MEASURES; empty unless the status is OK
    documents, queries, train_pairs  how many there are; None where the file does not say
    query_active, doc_active         mean number of dimensions that are not zero; None where the file does not say
    unknown_documents                share of the tokens of documents that are unknown; None where it does not say
    vectors                          what became of the vectors before they were searched; "" for nothing
    seconds                          wall time of the evaluation; None where it does not say
    error                            of a failed cell: what went wrong
    """

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
    status: str
    scores: dict[str, float]
    documents: int | None
    queries: int | None
    train_pairs: int | None
    query_active: float | None = None
    doc_active: float | None = None
    unknown_documents: float | None = None
    vectors: str = ""
    seconds: float | None = None
    error: str = ""

    @property
    def identity(self) -> Identity:
        """Return the coordinates of the cell."""
        return Identity(**{field.name: getattr(self, field.name) for field in fields(Identity)})


def read_cells(results: Path) -> list[ScoredCell]:
    """Return the cells of a results folder; ValueError if it has none or the file is not one of ours."""
    path = results / "cells.csv" if results.is_dir() else results
    from_run, again = (
        "give the folder that a run wrote with --results",
        "run the grid's command again to rewrite the file",
    )
    if not path.is_file():
        raise ValueError(f"RESULTS {str(results)!r} has no cells.csv; {from_run}")
    cells = []
    try:
        with path.open("rb") as file:
            for number, row in enumerate(csv.DictReader(line.decode("utf-8") for _, line in lines(file)), 2):
                try:
                    if None in row:
                        raise ValueError(f"more than {len(row) - 1} columns")
                    cells.append(_cell(row))
                except KeyError as error:
                    raise ValueError(f"{path} has no column {error.args[0]!r}; {again}") from None
                except (TypeError, ValueError) as error:
                    reason = str(error)[:100]
                    raise ValueError(f"{path}, line {number} cannot be read ({reason}); {again}") from None
    except OversizedError as error:
        raise ValueError(f"{path}, line {error.number} is {error}; {from_run}") from None
    except (csv.Error, UnicodeDecodeError) as error:
        raise ValueError(f"{path} is not a CSV in UTF-8 ({error}); {from_run}") from None
    except OSError as error:
        raise ValueError(f"{path} cannot be read ({error.strerror}); check the file and who may read it") from None
    if not cells:
        raise ValueError(f"{path} holds no cells; {from_run}")
    return cells


def _cell(row: dict[str, str]) -> ScoredCell:
    scores = {} if row["status"] != OK else {name: float(row[name]) for name in MEASURES if row[name]}
    alpha = alpha_number(row["alpha"]) if row["alpha"] else None
    if not all(0 <= score <= 1 for score in scores.values()):
        raise ValueError("a score is not from 0 to 1")
    if not math.isfinite(alpha or 0.0):
        raise ValueError("alpha is not a finite number")
    names = ("language", "architecture", "collection", "initializer", "bridge", "regime", "label", "key", "status")
    sizes = {name: int(row[name]) if row[name] else None for name in ("documents", "queries", "train_pairs")}
    texts = {name: row[name] for name in names} | {"vectors": row.get("vectors") or ""}
    measured = ("query_active", "doc_active", "unknown_documents", "seconds")
    figures = {name: float(row[name]) if row.get(name) else None for name in measured}
    if not all(math.isfinite(figure or 0.0) for figure in figures.values()):
        raise ValueError("a statistic is not a finite number")
    values: dict[str, Any] = {**texts, **sizes, **figures}
    error = row.get("error", "")
    return ScoredCell(**values, alpha=alpha, seed=int(row["seed"]), scores=scores, error=error)
