"""Ray's words about a kill for lack of memory become one line, and a verdict."""

import os

from harness.cluster.memory import explain_kill, killed_by_monitor, largest_processes
from harness.run.retries import AGAIN, KILLED, MEMORY, Attempts, Outcome, explain_death, explain_error

# as Ray 2.60 says it, shortened
RAY = """2 worker(s) were killed due to the node running low on memory. Memory on the node (IP: 192.0.2.2) was \
22.41GB used / 23.54GB limit (0.951200)
OOM kill reason: Memory usage 7586705408B exceeded threshold of 7582953472B
Considered workers: [
Selected to kill: (Actor(71af): job ID=01000000, pid=27774, actual memory used=3.17GB, worker ID=a340)
]
Top 10 memory users: PID\tMEM(GB)\tCOMMAND
31000\t17.00\t/usr/bin/python other.py
27774\t3.17\tray::ImplicitFunc.train
27773\t2.77\tray::ImplicitFunc.train
27341\t0.30\t.venv/bin/python run_grid.py
Refer to the documentation on how to address the out of memory issue: https://docs.ray.io
"""
LINE = (
    "Ray killed 2 workers for lack of memory at 22.41 of 23.54 GB in use; most is used by /usr/bin/python other.py "
    "(process 31000, 17.0 GB), ray::ImplicitFunc.train (process 27774, 3.2 GB), ray::ImplicitFunc.train (process "
    "27773, 2.8 GB)"
)


class OutOfMemoryError(Exception):
    """Of ray.exceptions, which Tune wraps into a RuntimeError."""


def test_who_used_the_memory_is_said_in_one_line():
    assert killed_by_monitor(RAY) and explain_kill(RAY) == LINE
    assert not killed_by_monitor("The process is killed by SIGKILL by OOM killer due to high memory usage")


def test_without_a_list_of_rays_this_machines_largest_processes_are_named():
    pids = [pid for pid, _, _ in largest_processes(10_000)]
    assert os.getpid() in pids
    line = explain_kill("")
    assert line.startswith("killed for lack of memory; most is used by ") and "\n" not in line


def test_every_way_to_learn_of_a_kill_has_the_same_verdict():
    wrapped = RuntimeError(f"Caught unexpected exception: {RAY}")
    wrapped.__cause__ = OutOfMemoryError(RAY)
    assert explain_error(wrapped) == (LINE, KILLED)
    assert explain_error(RuntimeError(f"The actor died: {RAY}")) == (LINE, KILLED), "a worker of a training group"
    assert explain_death(f"ray.exceptions.OutOfMemoryError: {RAY}", 0) == (f"its process is gone: {LINE}", KILLED)
    assert explain_death("died", 1)[1] == KILLED and explain_death("died", 0)[1] == AGAIN


def test_what_is_too_much_at_a_time():
    """A kill at once; a lack that a piece finds itself when it comes back with smaller batches."""
    for verdict, batches, crowded in [(KILLED, True, [True]), (MEMORY, True, [False, True]), (MEMORY, False, [True])]:
        attempts = Attempts()
        for expected in crowded:
            attempts.record_failure("a", Outcome(error="x", verdict=verdict), batches)
            assert attempts.crowded is expected
