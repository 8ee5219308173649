"""Run a program in a process that knows nothing of this one, without waiting for torch to be imported again.

A new interpreter takes seconds to import torch and sentence-transformers. Instead one process imports them, once, and
each program runs in a child of it: nothing of this project, of the tests or of another program is imported there. What
depends on the environment when it is imported (PYTHONHASHSEED, HF_HUB_OFFLINE), and what asks whether such a library is
imported at all, needs `subprocess`.
"""

from __future__ import annotations

import atexit
import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Mapping, Sequence
from functools import cache
from pathlib import Path


def run_fresh(
    arguments: Sequence[object], cwd: Path, environment: Mapping[str, str] | None = None
) -> subprocess.CompletedProcess[str]:
    """Run what follows `python` on a command line: -c PROGRAM or -m MODULE, and arguments.

    environment  as it is here, if None
    """
    given = [str(argument) for argument in arguments]
    process = _libraries()
    assert process.stdin and process.stdout
    with tempfile.TemporaryDirectory() as folder:
        streams = {name: f"{folder}/{name}" for name in ("stdout", "stderr")}
        request = {"arguments": given, "cwd": str(cwd), "environment": dict(environment or os.environ)} | streams
        process.stdin.write(json.dumps(request) + "\n")
        process.stdin.flush()
        code = int(process.stdout.readline())
        written = {name: Path(path).read_text(encoding="utf-8") for name, path in streams.items()}
    return subprocess.CompletedProcess(given, code, **written)


@cache
def _libraries() -> subprocess.Popen[str]:
    command = [sys.executable, str(Path(__file__).with_name("process_with_libraries.py"))]
    # Sums are cut by the number of threads, and threads do not survive a fork.
    environment = {**os.environ, "OMP_NUM_THREADS": "1", "PYTHONIOENCODING": "utf-8"}
    process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, env=environment)
    atexit.register(process.kill)
    return process
