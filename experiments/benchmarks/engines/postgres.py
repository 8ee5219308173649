"""A PostgreSQL of our own with pgvector, on a socket in a folder, for as long as a block lasts."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from experiments.benchmarks.engines.loaders import Found, Loaded
from harness.export.engine import Engine


def missing() -> str:
    """Return what is missing here to run pgvector; "" if nothing is."""
    programs = _programs()
    if programs is None or shutil.which("psql") is None:
        return "PostgreSQL is not installed: apt-get install postgresql"
    share = subprocess.run([programs / "pg_config", "--sharedir"], capture_output=True, text=True).stdout.strip()
    if not (Path(share) / "extension" / "vector.control").is_file():
        return "PostgreSQL has no pgvector: apt-get install postgresql-NN-pgvector, or build it"
    return ""


@contextmanager
def server(folder: Path) -> Iterator[Path]:
    """Run a server with its data in a folder, and yield the folder of its socket. As root it runs as `postgres`."""
    programs = _programs()
    assert programs is not None
    user = ["runuser", "-u", "postgres", "--"] if os.geteuid() == 0 else []
    data, socket = folder / "data", folder / "socket"
    socket.mkdir(parents=True)
    if user:
        shutil.chown(folder, "postgres")
        shutil.chown(socket, "postgres")
    quiet = {"check": True, "capture_output": True, "cwd": folder}
    subprocess.run([*user, programs / "initdb", "-D", data, "-U", "postgres", "-A", "trust"], **quiet)  # type: ignore[call-overload]
    options = f"-c listen_addresses='' -k {socket} -c fsync=off"
    control = [*user, programs / "pg_ctl", "-D", data, "-w", "-l", folder / "socket" / "log"]
    subprocess.run([*control, "-o", options, "start"], check=True, stdout=subprocess.DEVNULL, cwd=folder)
    try:
        yield socket
    finally:
        subprocess.run([*control, "-m", "immediate", "stop"], check=True, stdout=subprocess.DEVNULL, cwd=folder)


def load(folder: Path, engine: Engine, socket: Path) -> Loaded:
    """Run the scripts of an export; its searches are those of queries.sql."""

    def psql(*arguments: str) -> str:
        command = ["psql", "-h", str(socket), "-U", "postgres", "-X", "-q", "-t", "-A", "-F", "\t"]
        command += ["-v", "ON_ERROR_STOP=1", *arguments]
        return subprocess.run(command, cwd=folder, check=True, capture_output=True, text=True).stdout

    psql("-f", "schema.sql", "-f", "load.sql")

    def ask() -> Found:
        answers: dict[str, list[str]] = {}
        for line in psql("-f", "queries.sql").splitlines():
            if line.count("\t") == 2:
                query, document, _ = line.split("\t")
                answers.setdefault(query, []).append(document)
        return [answers.get(name, []) for name in json.loads((folder / "query-ids.json").read_text(encoding="utf-8"))]

    size = int(psql("-c", f"SELECT pg_total_relation_size('\"{engine.facts.name}\"')"))
    marker = folder / "relation-bytes"
    marker.write_bytes(b"")
    os.truncate(marker, size)  # sparse: it only has the size
    return Loaded(ask, [marker])


def _programs() -> Path | None:
    found = sorted(Path("/usr/lib/postgresql").glob("*/bin"), key=lambda path: int(path.parent.name), reverse=True)
    return found[0] if found else None
