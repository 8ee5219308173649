"""Real engines find what an exact search finds, as far as they keep the weights; each that is installed is run."""

from __future__ import annotations

import json
from dataclasses import replace
from importlib.metadata import PackageNotFoundError, version

import pytest

from experiments.benchmarks.engines import postgres
from experiments.benchmarks.engines.loaders import LOADERS, Loader
from experiments.benchmarks.engines.measuring import Measured, Trial, measure
from experiments.benchmarks.engines.table import line, table
from harness.export.check import Agreement
from harness.export.documents import Block
from harness.export.weights import csr
from tests.helpers.exports_made import exported, made_block, made_corpus, made_queries

V = 500
# What the least exact setting of an approximate engine may lose here. Seismic with 10 of a query's 50 tokens ranks
# by a fifth of the score, and random weights have no heavy tokens that decide; the others lose near ties only.
OVERLAP = {"Seismic, 10 tokens, heap_factor 0.7": 0.15, "kANNolo, graph, defaults": 0.8}
LOSS = {"Seismic, 10 tokens, heap_factor 0.7": 0.9, "kANNolo, graph, defaults": 0.2}
QUANTIZED = 0.95
"""Half precision, or integers of three digits: of ten documents, two in 40 lists may trade places with the eleventh."""


@pytest.fixture(scope="module")
def trial() -> Trial:
    """300 documents with 100 active dimensions, 30 queries with 50; the best document of each is judged relevant."""
    queries = made_queries(30, V)
    made = Trial.made(made_corpus(made_block(300, V, seed=0)), queries, {})
    return replace(made, qrels={name: {ranking[0][0]: 1} for name, ranking in made.exact.items()})


def agreed(measured: Measured) -> None:
    """Check one engine's answers; what it loses is printed."""
    found = measured.agreement
    print(line(measured))
    assert found.queries == 30 and found.exact == 1.0 and found.engine is not None
    if measured.loader.exact:
        assert (found.overlap, found.alike, found.engine) == (1.0, 1.0, 1.0)
    else:
        assert found.overlap >= OVERLAP.get(measured.loader.name, QUANTIZED)
        assert found.exact - found.engine <= LOSS.get(measured.loader.name, 0.05)
    assert measured.size > 0


@pytest.mark.slow
@pytest.mark.parametrize("loader", LOADERS, ids=lambda loader: loader.name)
def test_an_engine_finds_what_an_exact_search_finds(loader: Loader, trial, tmp_path):
    try:
        version(loader.package)
    except PackageNotFoundError:
        pytest.skip(f"{loader.package} is not installed: pip install {loader.package}")
    agreed(measure(loader, tmp_path / "export", trial))


@pytest.mark.slow
def test_pgvector_finds_what_an_exact_search_finds(trial, tmp_path):
    if reason := postgres.missing():
        pytest.skip(reason)
    with postgres.server() as socket:
        for number, loader in enumerate(postgres.loaders(socket)):
            agreed(measure(loader, tmp_path / str(number), trial))
        stored = postgres.psql(socket, "exact", tmp_path, "-c", "SELECT json_agg(d ORDER BY id) FROM documents AS d")
    (block,) = trial.blocks
    rows = {row["id"]: row for row in json.loads(stored)}
    assert [(name, rows[name]["text"]) for name in block.ids] == list(zip(block.ids, block.texts, strict=True))


@pytest.mark.slow
def test_pgvector_stores_utf8_whatever_the_terminal_speaks(trial, tmp_path, monkeypatch):
    if reason := postgres.missing():
        pytest.skip(reason)
    monkeypatch.setenv("PGCLIENTENCODING", "LATIN1")
    exported(tmp_path, "pgvector", trial.corpus, trial.queries)
    with postgres.server() as socket:
        scripts = ["-f", "schema.sql", "-f", "load.sql"]
        postgres.psql(socket, "postgres", tmp_path, *scripts)
        stored = "SELECT encode(convert_to(id, 'UTF8'), 'hex') FROM documents ORDER BY 1"
        names = postgres.psql(socket, "postgres", tmp_path, "-c", stored).split()
    assert [bytes.fromhex(name).decode() for name in names] == sorted(trial.blocks[0].ids, key=str.encode)


def test_postgresql_is_that_of_the_first_pg_config_and_says_what_it_lacks(tmp_path, monkeypatch):
    programs, extension = tmp_path / "14" / "bin", tmp_path / "share" / "extension"
    for folder in (programs, extension):
        folder.mkdir(parents=True)
    (programs / "initdb").touch()
    config = programs / "pg_config"
    config.write_text(f'#!/bin/sh\n[ "$1" = --bindir ] && echo {programs} || echo {tmp_path / "share"}\n')
    config.chmod(0o755)
    monkeypatch.setenv("PATH", str(programs), prepend=":")
    monkeypatch.setattr("os.geteuid", lambda: 1000)
    assert postgres.missing() == (
        f"PostgreSQL in {programs} has no pgvector: build it, or install the package of your system "
        "(Debian: apt-get install postgresql-14-pgvector)"
    )
    (extension / "vector.control").touch()
    assert postgres.missing() == ""


@pytest.mark.slow
def test_seismic_takes_its_large_index_for_a_large_vocabulary(tmp_path):
    """A token above 65,535 is found as itself: in the standard index it could not be."""
    pytest.importorskip("seismic", reason="pyseismic-lsr is not installed: pip install pyseismic-lsr")
    size, beyond = 70_000, 65_536
    # In 16 bits, the tokens of document a<i> would be those of b<i>.
    ids = [f"{letter}{i}" for i in range(20) for letter in "ab"]
    rows = [([i + (beyond if letter == "a" else 0)], [1.0]) for i in range(20) for letter in "ab"]
    block = Block(ids, csr(rows, size), [""] * 40)
    queries = Block(ids, block.vectors, [""] * 40)
    (loader,) = (loader for loader in LOADERS if loader.name.startswith("Seismic, all"))
    trial = Trial.made(made_corpus(block), queries, {})
    assert [found for found, _ in trial.exact["a3"]] == ["a3"]
    assert measure(loader, tmp_path / "export", trial).agreement.alike == 1.0
    assert "SeismicIndexLV" in (tmp_path / "export" / "build.py").read_text()


def test_the_table(trial):
    loader = Loader("Engine", "jsonl", "pytest", lambda folder, engine: None, True)  # type: ignore[arg-type]
    measured = Measured(loader, Agreement("Engine", 30, 0.98765, 0.5, 0.5, 0.49), 12_345_678, 1.26, 1234.5)
    assert line(measured) == (
        f"| Engine | pytest {version('pytest')} | 0.9877 | 50% | 0.4900 (0.5000) | 12.3 | 1.3 | 1,234 |"
    )
    assert (
        table([measured], trial.about).splitlines()[0].startswith("300 documents with 100 active dimensions each, 30 q")
    )
    assert table([measured], "about").splitlines()[-1] == line(measured)
