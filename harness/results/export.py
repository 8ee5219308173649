"""Write the results folder: cells, tables, runs and per-query scores, made from records and their artifacts.

    cells.csv          one row per cell, with everything one may plot or join
    tables/            one .md, .csv and .tex per table; summary.*, the means over languages; all.md, all of them;
                       where queries of a collection share few and many words with their answers, a table of both;
                       tables and a summary of each further measure that was asked for
    runs/              one TREC run per cell
    queries.parquet    one row per cell and query
    significance.csv   the best row of each column against the others
    against.csv        every row against bm25 and base
    interactions.csv   whether the lead of one row over another differs between queries that share few and many words
    convergence.csv    one row per cell and point of its training, where points were measured

Every file is written whole or not at all, and the same records give the same bytes.
"""

from __future__ import annotations

import csv
import gzip
import io
import shutil
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import astuple, fields, replace
from itertools import chain
from pathlib import Path
from typing import Any, NamedTuple

from harness.files.atomic import replaced
from harness.files.redaction import without_folders
from harness.results import budgets, file_names, strata, vector_columns, warnings
from harness.results.earlier import earlier_cells
from harness.results.record import MEASURES, OK, Identity, Record
from harness.results.strata import STRATA, Shares, stratum_of
from harness.results.table_files import table_files
from harness.results.tables import baselines_compared, convergence, interactions, significance, summary, verdict
from harness.results.tables.arrangement import arranged
from harness.results.tables.further import make_further
from harness.results.tables.marked_table import mark_table
from harness.results.tables.measures import KNOWN, MAIN, suffix
from harness.results.tables.spreadsheet import as_text
from harness.results.tables.strata_tables import SUFFIX, split_table
from harness.results.tables.table import Table, check_distinct, make_tables, row_labels, table_name
from sembridge.extras import require
from sembridge.options import AUTO, AUTOMATIC

TABLE_MEASURE = MAIN
COLUMNS = (
    *("language", "architecture", "collection", "initializer", "bridge", "alpha", "regime", "seed"),
    *("ndcg@10", "recall@100", "mrr@10", "query_active", "doc_active", "flops"),
    *("unknown_documents", "unknown_queries", "unknown_pairs"),
    *("documents", "queries", "train_pairs"),
    *("seconds", "status", "error", "label", "key"),
    *(f"{measure}_{stratum}" for measure in (TABLE_MEASURE, "queries") for stratum in STRATA),
    *vector_columns.COLUMNS,
)
_STATISTICS = ("query_active", "doc_active", "flops")
_UNKNOWN = ("documents", "queries", "pairs")


class Written(NamedTuple):
    """Hold the paths of the written files, the tables as printed, the summary tables by architecture, and the warnings.

    further  the tables of further measures, those of each measure before its summary
    verdict  a sentence for each table: how its best row compares with bm25 and base
    """

    files: list[Path]
    tables: list[Table]
    summary: dict[str, Table]
    warnings: list[str]
    further: list[Table]
    verdict: list[str]


def write_results(
    folder: Path,
    records: Sequence[Record],
    artifact_of: Callable[[Record], Path | None],
    shares_of: Callable[[Record], Shares | None] = lambda record: None,
    measures: Sequence[str] = (),
) -> Written:
    """Write the results of `records` into `folder`.

    `artifact_of` returns the folder with run.trec.gz and queries.parquet of a finished cell. Where it returns None, the
    cell is in cells.csv and the tables only, and nothing in its table is tested. `shares_of` returns which share of its
    words each query of a finished cell has in common with its answers; where it returns None, its scores are not split.
    `measures` are columns of cells.csv that get tables beside nDCG@10 (`measures.further`).

    Raises ValueError, before anything is written, if cells of a column were measured over different queries. Files in
    tables/ and runs/, and convergence.csv, that an earlier call wrote and this call does not are removed; other files
    are left alone.
    """
    check_distinct(records)
    plain, curves = make_tables(records, TABLE_MEASURE), convergence.make_tables(records, TABLE_MEASURE)
    file_names.check(
        [record.identity for record in records], [record.identity for record in records if convergence.points(record)]
    )
    earlier = _names_of_earlier(folder / "cells.csv")
    finished = ((record, artifact_of(record)) for record in records if record.status == OK)
    artifacts = [(record, artifact) for record, artifact in finished if artifact is not None]
    by_key = {record.key: artifact for record, artifact in artifacts}
    shares = {record.key: own for record, _ in artifacts if (own := shares_of(record)) is not None}
    records = [_split(record, by_key, shares) for record in records]

    def scores_in(stratum: str, key: str) -> significance.Scores | None:
        scores, own = _scores(by_key.get(key)), shares.get(key)
        if scores is None or own is None:
            return None
        chosen = strata.members(scores.ids, own, stratum)
        return significance.Scores([scores.ids[place] for place in chosen], scores.values[chosen])

    labels = row_labels(records)
    places, baselines = baselines_compared.places(records), baselines_compared.baselines(labels)
    tests = [mark_table(table, places[table.name], baselines, lambda key: _scores(by_key.get(key))) for table in plain]
    of_tables = [each.table for each in tests]
    splits = {table.name: split_table(table, places[table.name], records, labels, scores_in) for table in of_tables}
    marked = [table for each in splits.values() for table in (each.table, each.beside) if table is not None]
    tables, means = [*map(arranged, marked), *curves], summary.make_summary(records, splits, TABLE_MEASURE)
    others = [
        make_further(records, measure, lambda measure, key: _scores(by_key.get(key), measure)) for measure in measures
    ]

    for part in (folder, folder / "tables", folder / "runs"):
        part.mkdir(parents=True, exist_ok=True)
    of_rows = [row for each in tests for row in each.against]
    warned, sentences = [*warnings.lines(records), *budgets.lines(records)], verdict.sentences(of_rows)
    lines = [*sentences, *([verdict.EXPLAINED] if sentences else []), *warned]
    files = table_files(tables, means, lines, others)
    written = [_write_text(folder / "tables" / name, content) for name, content in files.items()]
    of_best = [[*each.comparisons, *split.comparisons] for each, split in zip(tests, splits.values(), strict=True)]
    of_best += [other.comparisons for other in others]
    written.append(_write_text(folder / "significance.csv", significance.to_csv(list(chain.from_iterable(of_best)))))
    against = [*of_rows, *chain.from_iterable(split.against for split in splits.values())]
    written.append(_write_text(folder / baselines_compared.FILE, baselines_compared.to_csv(against)))
    found = chain.from_iterable(split.interactions for split in splits.values())
    written.append(_write_text(folder / interactions.FILE, interactions.to_csv(list(found))))
    if any(convergence.points(record) for record in records):
        written.append(_write_text(folder / convergence.FILE, convergence.to_csv(records)))
    for record, artifact in artifacts:
        written.append(_copy_run(artifact / "run.trec.gz", folder / "runs" / file_names.run_file(record.identity)))
    written.append(_write_queries(folder / "queries.parquet", artifacts, shares))
    for stale in sorted(earlier - {str(path.relative_to(folder)) for path in written}):
        (folder / stale).unlink(missing_ok=True)
    # Last: from this file the next call knows what this call wrote.
    written.append(_write_text(folder / "cells.csv", _cells_csv(records)))
    further = [table for other in others for table in other.printed()]
    return Written(written, tables, means, warned, further, sentences)


def _scores(artifact: Path | None, measure: str = TABLE_MEASURE) -> significance.Scores | None:
    """Return the scores of a measure, query by query; None without an artifact."""
    require("grid", "writing results")
    import pyarrow.parquet as pq

    if artifact is None:
        return None
    with pq.ParquetFile(artifact / "queries.parquet") as file:
        queries = file.read(["query_id", measure])
    return significance.Scores(queries["query_id"].to_pylist(), queries[measure].to_numpy())


def _split(record: Record, artifacts: Mapping[str, Path], shares: Mapping[str, Shares]) -> Record:
    """Return the record with its strata, where the shares are known."""
    scores, own = _scores(artifacts.get(record.key)), shares.get(record.key)
    if record.status != OK or scores is None or own is None:
        return record
    return replace(record, strata=strata.split(scores.ids, scores.values.tolist(), own))


def _cells_csv(records: Iterable[Record]) -> str:
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(COLUMNS)
    for record in records:
        *names, alpha, regime, seed, _ = astuple(record.identity)
        row = [*map(as_text, names), AUTO if alpha == AUTOMATIC else _exact(alpha), regime, seed]
        row += [_exact(record.scores.get(name)) for name in MEASURES]
        row += [_exact(record.statistics.get(name)) for name in _STATISTICS]
        row += [_exact(record.unknown.get(name)) for name in _UNKNOWN]
        row += [*_sizes(record), _exact(record.seconds), record.status]
        row += [as_text(without_folders(record.error)), as_text(record.label), record.key]
        parts = [record.strata.get(stratum) for stratum in STRATA]
        row += [_exact(part.score) if part and part.queries else "" for part in parts]
        row += [part.queries if part else "" for part in parts]
        name, *of_vectors = vector_columns.values(record)
        writer.writerow([*row, as_text(name), *of_vectors])
    return text.getvalue()


def _sizes(record: Record) -> list[Any]:
    """Return a cell's numbers of documents, queries and training pairs; "" where unknown or nothing was trained."""
    provenance = record.provenance
    pairs = provenance.get("about", {}).get("training", {}).get("pairs_used", "")
    return [provenance.get("documents", ""), provenance.get("queries", ""), pairs]


def _exact(number: float | None) -> str:
    """Return the unrounded number as text; float() first, since a numpy float's repr names its type."""
    return "" if number is None else repr(float(number))


def _copy_run(source: Path, target: Path) -> Path:
    with replaced(target) as temporary, gzip.open(source, "rb") as packed, temporary.open("wb") as plain:
        shutil.copyfileobj(packed, plain)
    return target


def _write_queries(target: Path, artifacts: Sequence[tuple[Record, Path]], shares: Mapping[str, Shares]) -> Path:
    """Write one row group per cell: memory holds one cell, and a reader of one cell reads one row group."""
    require("grid", "writing results")
    import pyarrow as pa
    import pyarrow.parquet as pq

    scores = pa.schema([("query_id", pa.string()), *((measure, pa.float64()) for measure in MEASURES)])
    types = {"alpha": pa.float64(), "seed": pa.int64()}
    coordinates = [pa.field(field.name, types.get(field.name, pa.string())) for field in fields(Identity)]
    *coordinates, vectors = coordinates  # a column of later versions, and so the last one
    split = [pa.field("share", pa.float64()), pa.field("stratum", pa.string())]
    schema = pa.schema([*coordinates, *scores, *split, vectors])
    with replaced(target) as temporary, pq.ParquetWriter(temporary, schema) as writer:
        for record, artifact in artifacts:
            # ParquetFile, because read_table would take a folder named a=b for a further column
            with pq.ParquetFile(artifact / "queries.parquet") as file:
                queries = file.read().select(scores.names).cast(scores)
            values = zip(astuple(record.identity), [*coordinates, vectors], strict=True)
            *constant, last = [pa.repeat(pa.scalar(value, field.type), len(queries)) for value, field in values]
            own = shares.get(record.key, {})
            words = [own.get(query) for query in queries["query_id"].to_pylist()]
            of_words = [pa.array(words, pa.float64()), pa.array(map(stratum_of, words), pa.string())]
            writer.write_table(pa.table([*constant, *queries.columns, *of_words, last], schema=schema))
    return target


def _names_of_earlier(cells: Path) -> set[str]:
    """Return the files in tables/ and runs/, and convergence.csv, that an earlier call wrote for the cells in `cells`.

    The set is empty without an earlier call, or where the file is not one of ours.
    """
    rows = earlier_cells(cells)
    if rows is None:
        return set()
    names = {f"tables/{summary.NAME}{suffix(measure)}{form}" for measure in KNOWN for form in file_names.TABLE_FORMS}
    for identity, *_ in rows:
        names.add(f"runs/{file_names.run_file(identity)}")
        name = table_name(identity)
        tables = (name + SUFFIX, *(name + suffix(of) for of in KNOWN), *convergence.table_names(identity))
        files = map(file_names.table_file, tables)
        names |= {f"tables/{file}{form}" for file in files for form in file_names.TABLE_FORMS}
    points = cells.with_name(convergence.FILE)
    if points.is_file() and points.read_bytes().startswith(",".join(convergence.COLUMNS).encode() + b"\n"):
        names.add(convergence.FILE)
    return names


def _write_text(path: Path, content: str) -> Path:
    with replaced(path) as temporary:
        # An error message may hold bytes that are not text (a file name): escape them instead of failing the export.
        temporary.write_bytes(content.encode("utf-8", "backslashreplace"))
    return path
