"""Read queries.parquet: the scores of every query of a row, and the interval of their mean."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import astuple, dataclass
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from harness.report_page.folder import FolderError, Group
from harness.results import resampling
from harness.results.query_scores import COORDINATES, FILE, VECTORS
from harness.results.scored_cells import ScoredCell
from sembridge.extras import require

_COLUMNS, _SHARE = ("query_id", "ndcg@10", "mrr@10"), "share"
_AGAIN = "run `sembridge-bench report` with the grid's options to write the folder anew"


@dataclass(frozen=True)
class OfQueries:
    """Hold the queries of a row in one language, sorted by id; scores are averaged over seeds.

    ndcg, mrr  [Q]
    shares     [Q], of the words of a query that its answer has; NaN where unknown
    """

    ids: list[str]
    ndcg: np.ndarray
    mrr: np.ndarray
    shares: np.ndarray


class Interval(NamedTuple):
    score: float
    low: float
    high: float


class QueryScores:
    """Read the scores of a cell when they are asked for; memory holds those of the cells that were."""

    def __init__(self, results: Path) -> None:
        """Open the file of a results folder. FolderError if it is not there or not one of ours."""
        require("grid", "a report")
        import pyarrow as pa
        import pyarrow.parquet as pq

        self._path = results / FILE
        try:
            self._file = pq.ParquetFile(self._path)
            columns = self._file.schema_arrow.names
            names = [name for name in COORDINATES if name != VECTORS or name in columns]
            if lacking := [name for name in (*names, *_COLUMNS) if name not in columns]:
                raise FolderError(f"{self._path} has no column {lacking[0]!r}; {_AGAIN}")
            self._groups: dict[tuple[Any, ...], list[int]] = {}
            for number in range(self._file.num_row_groups):
                first = self._file.read_row_group(number, names).slice(0, 1).to_pylist()
                for row in first:
                    self._groups.setdefault(tuple(row.get(name, "") for name in COORDINATES), []).append(number)
        except (OSError, pa.ArrowException) as error:
            reason = " ".join(str(error).split())[:200]
            raise FolderError(f"{self._path} cannot be read ({reason}); {_AGAIN}") from None

    def of(self, cells: Sequence[ScoredCell]) -> OfQueries | None:
        """Return the queries of a row in a language, averaged over its cells (seeds); None if one has none."""
        read = [self._read(cell) for cell in cells]
        complete = [each for each in read if each is not None]
        if not complete or len(complete) < len(read) or any(each.ids != complete[0].ids for each in complete):
            return None
        ndcg, mrr = (np.mean([getattr(each, name) for each in complete], axis=0) for name in ("ndcg", "mrr"))
        return OfQueries(complete[0].ids, ndcg, mrr, complete[0].shares)

    def _read(self, cell: ScoredCell) -> OfQueries | None:
        numbers = self._groups.get(astuple(cell.identity))
        if numbers is None:
            return None
        import pyarrow as pa

        try:
            queries = self._file.read_row_groups(numbers, [*_COLUMNS, _SHARE])
        except (OSError, pa.ArrowException) as error:
            raise FolderError(f"{self._path} cannot be read ({' '.join(str(error).split())[:200]}); {_AGAIN}") from None
        ids = queries["query_id"].to_pylist()
        if not all(isinstance(name, str) for name in ids) or len(set(ids)) < len(ids):
            raise FolderError(f"{self._path}: the cell {cell.identity.name} has a query twice, or without id; {_AGAIN}")
        order = sorted(range(len(ids)), key=ids.__getitem__)

        def column(name: str) -> np.ndarray:
            if name not in queries.column_names:  # folders of earlier versions have no shares
                return np.full(len(ids), np.nan)
            return np.asarray(queries[name].to_numpy(), dtype=np.float64)[order]

        try:
            ndcg, mrr, shares = map(column, ("ndcg@10", "mrr@10", _SHARE))
            possible = all(((own >= 0) & (own <= 1)).all() for own in (ndcg, mrr, shares[~np.isnan(shares)]))
        except (TypeError, ValueError):
            possible = False
        if not possible:
            problem = f"the cell {cell.identity.name} has a score or share that is not from 0 to 1"
            raise FolderError(f"{self._path}: {problem}; {_AGAIN}")
        return OfQueries([ids[place] for place in order], ndcg, mrr, shares)

    def intervals(self, group: Group, language: str) -> dict[str, Interval]:
        """Return by row its mean nDCG@10 in a language, with the bootstrap interval over the queries."""
        rows = {label: own for label in group.rows if (own := self.of(group.cells(label, language))) is not None}
        if not rows:
            return {}
        ids = next(iter(rows.values())).ids
        rows = {label: own for label, own in rows.items() if own.ids == ids}
        drawn = resampling.sample(np.stack([own.ndcg for own in rows.values()], axis=1), language, flips=1)
        tail = (1 - resampling.COVERAGE) / 2
        low, high = np.quantile(drawn.resampled, [tail, 1 - tail], axis=0)
        return {
            label: Interval(float(drawn.means[place]), float(low[place]), float(high[place]))
            for place, label in enumerate(rows)
        }
