"""Read queries.parquet of a results folder: the score of every query of a cell, without the store."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import fields
from pathlib import Path

import numpy as np

from harness.results.record import Identity
from harness.results.tables.significance import Scores
from sembridge.extras import require

FILE = "queries.parquet"
COORDINATES = tuple(field.name for field in fields(Identity))
VECTORS = "vectors"
"""The coordinate that folders of earlier versions lack: nothing became of their vectors."""
_AGAIN = "run the grid's command again to rewrite it"


def read(results: Path, measure: str) -> Mapping[Identity, Scores]:
    """Return by cell its scores by `measure`; empty if the folder has no queries.parquet.

    Raises ValueError if the file is damaged or not one of ours: a column is missing, a query stands twice in a cell, a
    score is not a number from 0 to 1.
    """
    path = (results if results.is_dir() else results.parent) / FILE
    if not path.is_file():
        return {}
    require("grid", f"reading {FILE}")
    import pyarrow as pa
    import pyarrow.parquet as pq

    try:
        columns = pq.read_schema(path).names
        names = [name for name in COORDINATES if name != VECTORS or name in columns]
        missing = [name for name in (*names, "query_id", measure) if name not in columns]
        if missing:
            raise ValueError(f"it has no column {missing[0]!r}")
        # ParquetFile, because read_table would take a folder named a=b for a further column
        with pq.ParquetFile(path, read_dictionary=[name for name in names if name not in ("alpha", "seed")]) as file:
            frame = file.read([*names, "query_id", measure]).to_pandas()
    except (pa.ArrowException, OSError) as error:
        raise ValueError(f"{path} cannot be read ({str(error).splitlines()[0]}); {_AGAIN}") from None
    except ValueError as error:
        raise ValueError(f"{path}: {error}; {_AGAIN}") from None
    scores = {}
    for values, own in frame.groupby(names, dropna=False, observed=True, sort=False):
        own_names = dict(zip(names, values, strict=True))
        alpha = None if np.isnan(own_names["alpha"]) else float(own_names["alpha"])
        identity = Identity(**own_names | {"alpha": alpha, "seed": int(own_names["seed"])})
        scores[identity] = _checked(path, identity, own["query_id"].tolist(), own[measure].to_numpy())
    return scores


def _checked(path: Path, identity: Identity, queries: list[str], values: np.ndarray) -> Scores:
    if len(set(queries)) < len(queries):
        raise ValueError(f"{path}: the cell {identity.name} has a query twice; {_AGAIN}")
    if values.dtype.kind != "f" or not np.all((values >= 0) & (values <= 1)):
        raise ValueError(f"{path}: the cell {identity.name} has a score that is not from 0 to 1; {_AGAIN}")
    return Scores(queries, values)
