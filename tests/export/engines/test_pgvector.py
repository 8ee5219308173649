"""Rows for PostgreSQL, read by the Python package of pgvector, and the limits of pgvector."""

from __future__ import annotations

import numpy as np
import pytest

from harness.export.documents import Block
from harness.export.weights import csr
from tests.helpers.exports_made import exported, made_block, made_corpus, made_queries

V = 30


def unescaped(column: str) -> str:
    """Read a column of COPY by PostgreSQL's rules: a backslash makes a letter special, or is dropped before another."""
    special, out, place = {"t": "\t", "n": "\n", "r": "\r", "b": "\b", "f": "\f", "v": "\v"}, [], 0
    assert column != "\\N", "this is NULL"
    while place < len(column):
        if column[place] == "\\":
            place += 1
            out.append(special.get(column[place], column[place]))
        else:
            out.append(column[place])
        place += 1
    return "".join(out)


def test_rows_are_what_the_package_reads(tmp_path):
    pgvector = pytest.importorskip("pgvector", reason="pgvector is not installed: pip install pgvector")
    block = made_block(20, V, seed=0)
    exported(tmp_path, "pgvector", made_corpus(block))
    rows = (tmp_path / "documents.tsv").read_bytes().decode().removesuffix("\n").split("\n")
    for row, (line, name, text) in enumerate(zip(rows, block.ids, block.texts, strict=True)):
        columns = line.split("\t")
        assert len(columns) == 3 and line != "\\."
        assert (unescaped(columns[0]), unescaped(columns[1])) == (name, text)
        vector = pgvector.SparseVector.from_text(columns[2])
        assert vector.dimensions() == V and min(vector.indices(), default=0) >= 0
        np.testing.assert_array_equal(np.float32(vector.to_list()), block.vectors[[row]].toarray()[0])


def test_indices_begin_at_one(tmp_path):
    block = Block(["a"], csr([([0, V - 1], [0.5, 1.25])], V), ["text"])
    exported(tmp_path, "pgvector", made_corpus(block))
    assert (tmp_path / "documents.tsv").read_text() == f"a\ttext\t{{1:0.5,{V}:1.25}}/{V}\n"


def test_the_tables_and_searches(tmp_path):
    exported(tmp_path, "pgvector", made_corpus(made_block(3, V, seed=0)), made_queries(2, V), name="user")
    schema = (tmp_path / "schema.sql").read_text()
    assert schema == (
        "CREATE EXTENSION IF NOT EXISTS vector;\n"
        'CREATE TABLE "user" (id text PRIMARY KEY, text text NOT NULL, splade sparsevec(30) NOT NULL);\n'
    )
    assert (tmp_path / "load.sql").read_text() == "\\encoding UTF8\n\\copy \"user\" from 'documents.tsv'\n"
    assert (tmp_path / "queries.sql").read_text().startswith("\\encoding UTF8\n")
    assert "-(splade <#> asked.splade) AS score" in (tmp_path / "queries.sql").read_text()
    assert (tmp_path / "index.sql").read_text() == 'CREATE INDEX ON "user" USING hnsw (splade sparsevec_ip_ops);\n'


@pytest.mark.parametrize(("most", "beyond"), [(1000, 0), (1001, 1), (16_000, 1), (16_001, 2)])
def test_limits_are_counted(tmp_path, most, beyond):
    size = 20_000
    block = Block(["a", "b"], csr([(range(most), [0.5] * most), ([1], [1.0])], size), ["", ""])
    engine = exported(tmp_path, "pgvector", made_corpus(block))
    warnings = engine.warnings()
    assert len(warnings) == beyond and (tmp_path / "index.sql").exists() == (beyond == 0)
    if beyond:
        assert "1 of 2 documents have more than 1,000 active dimensions" in warnings[-1]
        assert "--max-active-document 1000" in warnings[-1]
    if beyond == 2:
        assert "pgvector refuses them; cut with --max-active-document 16000" in warnings[0]


def test_a_budget_brings_documents_below_the_limit(tmp_path):
    block = Block(["a"], csr([(range(1500), np.linspace(2, 1, 1500))], 2000), [""])
    engine = exported(tmp_path, "pgvector", made_corpus(block), most=1000)
    assert engine.warnings() == [] and (tmp_path / "index.sql").exists() and engine.facts.documents.cut == 1
    assert (tmp_path / "documents.tsv").read_text().count(":") == 1000


def test_a_zero_byte_is_refused(tmp_path):
    block = Block(["a"], csr([([1], [1.0])], V), ["zero \0 byte"])
    with pytest.raises(ValueError, match=r"^document 'a' has a zero byte, which PostgreSQL does not store: remove it$"):
        exported(tmp_path, "pgvector", made_corpus(block))
