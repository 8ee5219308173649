"""Ray's words about a kill for lack of memory become one line."""

import os

from harness.cluster.memory import explain_kill, killed_by_monitor, largest_processes

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


def test_who_used_the_memory_is_said_in_one_line():
    assert killed_by_monitor(RAY) and explain_kill(RAY) == LINE
    assert not killed_by_monitor("The process is killed by SIGKILL by OOM killer due to high memory usage")


def test_without_a_list_of_rays_this_machines_largest_processes_are_named():
    pids = [pid for pid, _, _ in largest_processes(10_000)]
    assert os.getpid() in pids
    line = explain_kill("")
    assert line.startswith("killed for lack of memory; most is used by ") and "\n" not in line
