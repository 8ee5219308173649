"""A PostgreSQL of our own with pgvector, on a socket in a folder, for as long as a block lasts."""

from __future__ import annotations

import json
import os
import pwd
import shutil
import subprocess
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from experiments.benchmarks.engines.loaders import Found, Loaded, Loader
from harness.export.engine import Engine

EF_SEARCH = 200


def missing() -> str:
    """Return what is missing here to run pgvector; "" if nothing is."""
    programs = _programs()
    if programs is None:
        return "PostgreSQL is not installed: apt-get install postgresql"
    share = _run([programs / "pg_config", "--sharedir"], programs).strip()
    if not (Path(share) / "extension" / "vector.control").is_file():
        folder = programs.parent.name
        package = f"postgresql-{folder if folder.isdecimal() else 'NN'}-pgvector"
        return (
            f"PostgreSQL in {programs} has no pgvector: build it, or install the package of your system "
            f"(Debian: apt-get install {package})"
        )
    if os.geteuid() == 0 and not _is_user("postgres"):
        return "PostgreSQL does not run as root, and there is no user 'postgres' to run it"
    return ""


@contextmanager
def server() -> Iterator[Path]:
    """Run a server with its data in a folder of its own, and yield the folder of its socket.

    Root starts it as the user `postgres`, who has to reach the folder: so it lies in the system's temporary folder,
    not in one that only root may enter, and its short path fits the name of a socket.
    """
    programs = _programs()
    assert programs is not None
    with tempfile.TemporaryDirectory(prefix="pgvector-") as made:
        folder = Path(made)
        user: list[str | Path] = []
        if os.geteuid() == 0:
            user = ["runuser", "-u", "postgres", "--"]
            shutil.chown(folder, "postgres")
        data, log = folder / "data", folder / "log"
        initdb = [programs / "initdb", "-D", data, "-U", "postgres", "-A", "trust", "-E", "UTF8", "--locale=C"]
        _run([*user, *initdb], folder)
        control = [*user, programs / "pg_ctl", "-D", data, "-w"]
        options = f"-c listen_addresses='' -k {folder} -c fsync=off"
        _run([*control, "-l", log, "-o", options, "start"], folder)
        try:
            yield folder
        finally:
            _run([*control, "-m", "immediate", "stop"], folder)


def psql(socket: Path, database: str, folder: Path, *arguments: str) -> str:
    """Run psql in a folder with scripts, and return what it prints: rows of columns between tabs."""
    programs = _programs()
    assert programs is not None
    command = [programs / "psql", "-h", socket, "-U", "postgres", "-d", database, "-X", "-q", "-t", "-A", "-F", "\t"]
    return _run([*command, "-v", "ON_ERROR_STOP=1", *arguments], folder)


def loaders(socket: Path) -> tuple[Loader, Loader]:
    """Return how a server is tried, exactly and with an HNSW index. Each has a database of its own."""
    server = psql(socket, "postgres", socket, "-c", "SHOW server_version").split()[0]
    offered = "SELECT default_version FROM pg_available_extensions WHERE name = 'vector'"
    release = f"{psql(socket, 'postgres', socket, '-c', offered).strip()}, PostgreSQL {server}"

    def exact(folder: Path, engine: Engine) -> Loaded:
        return load(folder, engine, socket, "exact", ["schema.sql", "load.sql"], [])

    def hnsw(folder: Path, engine: Engine) -> Loaded:
        # A planner that is free to choose reads a small table from end to end, which would measure no index.
        asked = ["-c", f"SET hnsw.ef_search = {EF_SEARCH}", "-c", "SET enable_seqscan = off"]
        return load(folder, engine, socket, "hnsw", ["schema.sql", "load.sql", "index.sql"], asked)

    return (
        Loader("pgvector, no index", "pgvector", "pgvector", exact, True, release),
        Loader(f"pgvector, HNSW, ef_search {EF_SEARCH}", "pgvector", "pgvector", hnsw, False, release),
    )


def load(
    folder: Path, engine: Engine, socket: Path, database: str, scripts: Sequence[str], asked: Sequence[str]
) -> Loaded:
    """Run scripts of an export in a new database. Its searches are those of queries.sql, after the options `asked`."""
    psql(socket, "postgres", folder, "-c", f"CREATE DATABASE {database}")
    psql(socket, database, folder, *(option for script in scripts for option in ("-f", script)))

    def ask() -> Found:
        answers: dict[str, list[str]] = {}
        for line in psql(socket, database, folder, *asked, "-f", "queries.sql").splitlines():
            if line.count("\t") == 2:
                query, document, _ = line.split("\t")
                answers.setdefault(query, []).append(document)
        return [answers.get(name, []) for name in json.loads((folder / "query-ids.json").read_text(encoding="utf-8"))]

    size = int(psql(socket, database, folder, "-c", f"SELECT pg_total_relation_size('\"{engine.facts.name}\"')"))
    marker = folder / "relation-bytes"
    marker.write_bytes(b"")
    os.truncate(marker, size)  # sparse: it only has the size
    return Loaded(ask, [marker])


def _programs() -> Path | None:
    """Return the folder of a server's programs: of the first `pg_config` on PATH, or Debian's newest."""
    named = []
    if config := shutil.which("pg_config"):
        answer = subprocess.run([config, "--bindir"], capture_output=True, text=True).stdout.strip()
        named = [Path(answer)] if answer else []
    debian = sorted(Path("/usr/lib/postgresql").glob("*/bin"), key=lambda path: int(path.parent.name), reverse=True)
    return next((folder for folder in [*named, *debian] if (folder / "initdb").is_file()), None)


def _run(command: Sequence[str | Path], folder: Path) -> str:
    """Return what a program prints. Raises RuntimeError with its complaint."""
    # Files, not pipes: a server that pg_ctl starts would keep a pipe open, and we would wait for its end.
    with (
        tempfile.TemporaryFile("w+", encoding="utf-8") as out,
        tempfile.TemporaryFile("w+", encoding="utf-8") as errors,
    ):
        done = subprocess.run(command, cwd=folder, stdout=out, stderr=errors)
        out.seek(0)
        errors.seek(0)
        if done.returncode:
            raise RuntimeError(f"{' '.join(map(str, command))}: {(errors.read() + out.read()).strip()}")
        return out.read()


def _is_user(name: str) -> bool:
    try:
        pwd.getpwnam(name)
    except KeyError:
        return False
    return True
