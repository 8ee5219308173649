"""The process behind `fresh_process`: it imports libraries, and runs each program that it is told of in a child.

A request is a line of JSON on stdin; the answer is the child's exit code. It knows nothing of this project.
"""

from __future__ import annotations

import gc
import json
import os
import runpy
import sys
from typing import Any

LIBRARIES = ("numpy", "scipy.sparse", "torch", "transformers", "sentence_transformers")


def become(request: dict[str, Any]) -> None:
    """Turn this child into the process that was asked for: its folder, environment, streams, arguments and path."""
    os.chdir(request["cwd"])
    os.environ.clear()
    os.environ.update(request["environment"])
    for number, path in enumerate((os.devnull, request["stdout"], request["stderr"])):
        os.dup2(os.open(path, os.O_RDWR | os.O_CREAT | os.O_TRUNC, 0o600), number)
    extra = os.environ.get("PYTHONPATH", "")
    sys.path[:0] = ["", *filter(None, extra.split(os.pathsep))]


def run(kind: str, program: str, arguments: list[str]) -> None:
    sys.argv = [kind, *arguments]
    if kind == "-m":
        runpy.run_module(program, run_name="__main__", alter_sys=True)
    else:
        exec(compile(program, "<string>", "exec"), {"__name__": "__main__"})


def serve() -> dict[str, Any] | None:
    """Return, in a child, what it is to run; None at the end of the requests."""
    for line in sys.stdin:
        request = json.loads(line)
        child = os.fork()
        if not child:
            become(request)
            return request
        print(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]), flush=True)
    return None


if __name__ == "__main__":
    for name in LIBRARIES:
        __import__(name)
    gc.freeze()  # children need not look through the libraries for garbage
    del sys.path[0]  # the folder of this file
    if asked := serve():
        kind, program, *arguments = asked["arguments"]
        run(kind, program, arguments)
