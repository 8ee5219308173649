"""The folder of results that a person takes away: cells, tables, runs and per-query scores, made from records and their artifacts.

    cells.csv          one row per cell, with everything there is to plot or to join
    tables/            one .md, .csv and .tex per table; summary.*, the means over languages; all.md, all of them
    runs/              one TREC run per cell
    queries.parquet    one row per cell and query
    significance.csv   the best row of each column against the others
    convergence.csv    one row per cell and point of its training, where trainings were measured on their way

Every file appears whole or not at all, and the same records give the same bytes.
"""

from __future__ import annotations

import csv
import gzip
import io
import shutil
from collections.abc import Callable, Iterable, Sequence
from dataclasses import astuple, fields
from pathlib import Path
from typing import Any, NamedTuple

from harness.files.atomic import replaced
from harness.results import convergence, file_names, significance, summary
from harness.results.record import MEASURES, OK, Identity, Record
from harness.results.rendering import to_csv, to_latex, to_markdown
from harness.results.spreadsheet import as_text
from harness.results.tables import LEGEND, Table, check_distinct, make_tables, table_name
from sembridge.extras import require

COLUMNS = (
    *("language", "architecture", "collection", "initializer", "bridge", "alpha", "regime", "seed"),
    *("ndcg@10", "recall@100", "mrr@10", "query_active", "doc_active", "flops"),
    *("documents", "queries", "train_pairs"),
    *("seconds", "status", "error", "label", "key"),
)
_STATISTICS = ("query_active", "doc_active", "flops")
TABLE_MEASURE = "ndcg@10"


class Written(NamedTuple):
    """The files written, the tables among them, with their marks, and the summary by architecture."""

    files: list[Path]
    tables: list[Table]
    summary: dict[str, Table]


def write_results(folder: Path, records: Sequence[Record], artifact_of: Callable[[Record], Path | None]) -> Written:
    """Write the results of `records` into `folder`.

    `artifact_of` gives the folder with run.trec.gz and queries.parquet; without one (None) a cell is in cells.csv and the tables only, and
    nothing in its table is tested. Raises ValueError, before anything is written, if cells of a column were measured over different queries.
    What an earlier call wrote into tables/ and runs/, or as convergence.csv, and this one does not is removed; other files are left alone.
    """
    check_distinct(records)
    plain, curves = make_tables(records, TABLE_MEASURE), convergence.make_tables(records, TABLE_MEASURE)
    file_names.check(
        [record.identity for record in records], [record.identity for record in records if convergence.points(record)]
    )
    earlier = _names_of_earlier(folder / "cells.csv")
    found = [(record, artifact_of(record)) for record in records if record.status == OK]
    artifacts = [(record, artifact) for record, artifact in found if artifact is not None]
    by_key = {record.key: artifact for record, artifact in artifacts}
    tested = [significance.mark(table, lambda key: _scores(by_key.get(key))) for table in plain]
    marked = [table for table, _ in tested]
    tables, means = [*marked, *curves], summary.make_summary(records, marked, TABLE_MEASURE)

    for part in (folder, folder / "tables", folder / "runs"):
        part.mkdir(parents=True, exist_ok=True)
    written = _write_tables(folder / "tables", tables, means)
    comparisons = [comparison for _, found_here in tested for comparison in found_here]
    written.append(_write_text(folder / "significance.csv", significance.to_csv(comparisons)))
    if any(convergence.points(record) for record in records):
        written.append(_write_text(folder / convergence.FILE, convergence.to_csv(records)))
    for record, artifact in artifacts:
        written.append(_copy_run(artifact / "run.trec.gz", folder / "runs" / file_names.run_file(record.identity)))
    written.append(_write_queries(folder / "queries.parquet", artifacts))
    for stale in sorted(earlier - {str(path.relative_to(folder)) for path in written}):
        (folder / stale).unlink(missing_ok=True)
    # last: it is from this file that the next call knows what this one wrote
    written.append(_write_text(folder / "cells.csv", _cells_csv(records)))
    return Written(written, tables, means)


def _scores(artifact: Path | None) -> significance.Scores | None:
    """What the tables show, query by query; None without an artifact."""
    require("grid", "writing results")
    import pyarrow.parquet as pq

    if artifact is None:
        return None
    with pq.ParquetFile(artifact / "queries.parquet") as file:
        queries = file.read(["query_id", TABLE_MEASURE])
    return significance.Scores(queries["query_id"].to_pylist(), queries[TABLE_MEASURE].to_numpy())


def _write_tables(folder: Path, tables: Sequence[Table], means: dict[str, Table]) -> list[Path]:
    contents = summary.to_files(means) if means else {}
    written = [_write_text(folder / (summary.NAME + form), content) for form, content in contents.items()]
    for table in tables:
        for form, content in zip(
            file_names.TABLE_FORMS, (to_markdown(table, heading="#"), to_csv(table), to_latex(table)), strict=True
        ):
            written.append(_write_text(folder / (file_names.table_file(table.name) + form), content))
    everything = "\n".join(
        ["# Results\n", LEGEND + "\n", *(to_markdown(table) for table in [*means.values(), *tables])]
    )
    return [*written, _write_text(folder / "all.md", everything)]


def _cells_csv(records: Iterable[Record]) -> str:
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(COLUMNS)
    for record in records:
        identity = record.identity
        numbers = [
            *(record.scores.get(name) for name in MEASURES),
            *(record.statistics.get(name) for name in _STATISTICS),
        ]
        writer.writerow(
            [
                *map(
                    as_text,
                    (
                        identity.language,
                        identity.architecture,
                        identity.collection,
                        identity.initializer,
                        identity.bridge,
                    ),
                ),
                *(
                    _exact(identity.alpha),
                    identity.regime,
                    identity.seed,
                    *map(_exact, numbers),
                    *_sizes(record),
                    _exact(record.seconds),
                ),
                *(record.status, as_text(record.error), as_text(record.label), record.key),
            ]
        )
    return text.getvalue()


def _sizes(record: Record) -> list[Any]:
    """What the cell was measured on and trained on: documents, queries, pairs; empty where it is not known, or nothing was trained."""
    told = record.provenance
    return [
        told.get("documents", ""),
        told.get("queries", ""),
        told.get("about", {}).get("training", {}).get("pairs_used", ""),
    ]


def _exact(number: float | None) -> str:
    """float() first: a numpy float's repr names its type."""
    return "" if number is None else repr(float(number))


def _copy_run(source: Path, target: Path) -> Path:
    with replaced(target) as temporary, gzip.open(source, "rb") as packed, temporary.open("wb") as plain:
        shutil.copyfileobj(packed, plain)
    return target


def _write_queries(target: Path, artifacts: Sequence[tuple[Record, Path]]) -> Path:
    """One row group per cell: memory stays that of one cell, and a reader who wants one cell reads one row group."""
    require("grid", "writing results")
    import pyarrow as pa
    import pyarrow.parquet as pq

    scores = pa.schema([("query_id", pa.string()), *((measure, pa.float64()) for measure in MEASURES)])
    types = {"alpha": pa.float64(), "seed": pa.int64()}
    coordinates = [pa.field(field.name, types.get(field.name, pa.string())) for field in fields(Identity)]
    with replaced(target) as temporary, pq.ParquetWriter(temporary, pa.schema([*coordinates, *scores])) as writer:
        for record, artifact in artifacts:
            # ParquetFile, not read_table, which would take a folder named a=b for a further column
            with pq.ParquetFile(artifact / "queries.parquet") as file:
                queries = file.read().select(scores.names).cast(scores)
            values = (
                pa.scalar(value, field.type) for value, field in zip(astuple(record.identity), coordinates, strict=True)
            )
            constant = [pa.repeat(value, len(queries)) for value in values]
            writer.write_table(pa.table([*constant, *queries.columns], schema=writer.schema))
    return target


def _names_of_earlier(cells: Path) -> set[str]:
    """convergence.csv, and the files in tables/ and runs/, of the cells of an earlier call; none if there was none or the file is not ours."""
    names = {f"tables/{summary.NAME}{form}" for form in file_names.TABLE_FORMS}
    try:
        with cells.open(encoding="utf-8", newline="") as lines:
            for row in csv.DictReader(lines):
                parts = {field.name: row[field.name] for field in fields(Identity)}
                typed = {"alpha": float(parts["alpha"]) if parts["alpha"] else None, "seed": int(parts["seed"])}
                identity = Identity(**{**parts, **typed})  # type: ignore[arg-type]
                names.add(f"runs/{file_names.run_file(identity)}")
                tables = (table_name(identity), *convergence.table_names(identity))
                names |= {
                    f"tables/{file_names.table_file(table)}{form}"
                    for table in tables
                    for form in file_names.TABLE_FORMS
                }
    except (FileNotFoundError, KeyError, TypeError, ValueError, csv.Error):
        return set()
    points = cells.with_name(convergence.FILE)
    if points.is_file() and points.read_bytes().startswith(",".join(convergence.COLUMNS).encode() + b"\n"):
        names.add(convergence.FILE)
    return names


def _write_text(path: Path, content: str) -> Path:
    with replaced(path) as temporary:
        # an error message may hold bytes that were no text (a file name): shown escaped, rather than failing the whole export
        temporary.write_bytes(content.encode("utf-8", "backslashreplace"))
    return path
