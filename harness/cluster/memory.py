"""Name who used a machine's memory when a worker was killed for lack of it: in Ray's words, or by /proc."""

from __future__ import annotations

import re
import time
from collections.abc import Callable
from pathlib import Path

from harness.files.units import amount

# words of Ray's memory monitor; of every other death Ray says that the kernel's OOM killer may have been the cause
_KILLED_FOR_MEMORY = ("running low on memory", "NODE_OUT_OF_MEMORY")
_WORKERS = re.compile(r"(\d+) worker\(s\) were killed")
_USED = re.compile(r"was ([\d.]+)GB used / ([\d.]+)GB")
_USER = re.compile(r"^(\d+)\t([\d.]+)\t(.+)$", re.MULTILINE)  # a line of Ray's list: pid, GB, command
PAUSE_SECONDS = 20.0
SHOWN = 3  # of the largest processes
_LONGEST = 60  # characters of a command


def killed_by_monitor(text: str) -> bool:
    """Return whether an error of Ray's says that its memory monitor killed a worker."""
    return any(words in text for words in _KILLED_FOR_MEMORY)


def explain_kill(text: str) -> str:
    """Return one line about a kill for lack of memory: how much was used, and by whom most.

    text  what Ray says of it; where that names nobody, as after a kill by the kernel, this machine's largest processes
          are named as they are now
    """
    workers, used = _WORKERS.search(text), _USED.search(text)
    users = [(int(pid), float(size) * 1e9, command) for pid, size, command in _USER.findall(text)][:SHOWN]
    who = ", ".join(_describe(*user) for user in users or largest_processes())
    count = f"Ray killed {workers[1]} worker{'s' if workers[1] != '1' else ''}" if workers else "killed"
    state = f" at {used[1]} of {used[2]} GB in use" if used else ""
    return f"{count} for lack of memory{state}{f'; most is used by {who}' if who else ''}"


def largest_processes(count: int = SHOWN) -> list[tuple[int, float, str]]:
    """Return (pid, resident bytes, command) of this machine's largest processes; [] on systems without /proc."""
    processes = []
    for status in Path("/proc").glob("[0-9]*/status"):
        try:
            text = status.read_text(encoding="utf-8", errors="replace")
            command = status.with_name("cmdline").read_bytes().replace(b"\0", b" ").decode("utf-8", "replace")
        except OSError:  # it has ended
            continue
        resident = re.search(r"^VmRSS:\s+(\d+) kB", text, re.MULTILINE)
        if resident:
            processes.append((int(status.parent.name), int(resident[1]) * 1024.0, command))
    return sorted(processes, key=lambda process: -process[1])[:count]


def wait_for_memory(say: Callable[[str], None]) -> None:
    """Wait a while, so that three attempts are not over before another program can have given memory back."""
    say(f"waiting {PAUSE_SECONDS:.0f} s for memory")
    time.sleep(PAUSE_SECONDS)


def _describe(pid: int, size: float, command: str) -> str:
    command = " ".join(command.split())
    short = command if len(command) <= _LONGEST else f"{command[: _LONGEST - 3]}..."
    return f"{short} (process {pid}, {amount(size)})"
