"""Explain why a piece of work failed, and decide whether it is worth another attempt.

Wrong input stays wrong: a ValueError is final, and so are a full disk and a gated model, until somebody makes room or
requests access. Everything else gets ATTEMPTS in all. After an out-of-memory failure a piece is retried with batches
that are SMALLER times smaller; if that comes back, or a process was killed for it, fewer pieces run at a time.
"""

from __future__ import annotations

import errno
import re
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

from harness.cluster.draining import lost_node, was_announced
from harness.cluster.memory import explain_kill, killed_by_monitor
from harness.hub.gated import gate

ATTEMPTS = 3
SMALLER = 4

# MEMORY: the piece itself found too little; KILLED: a process was killed because the whole machine had too little
FINAL, AGAIN, MEMORY, KILLED, ELSEWHERE = "final", "again", "memory", "killed", "elsewhere"
_OUT_OF_MEMORY = re.compile(
    "OutOfMemoryError|MemoryError|can't allocate memory|not enough memory|CUDA out of memory|std::bad_alloc"
    # all that oneDNN says; for what it cannot do at all it lacks a "primitive descriptor"
    "|could not create a primitive(?! descriptor)"
)
# the repository in the hub client's message about a file that it was denied
_REPOSITORY = re.compile(r"https?://[^/\s]+/(\S+?)/resolve/")
_NO_SPACE = (errno.ENOSPC, errno.EDQUOT)


class Outcome(NamedTuple):
    """How a piece of work ended in its worker.

    computed  False if the store had the artifact already
    error     one line; empty if the piece succeeded
    verdict   whether another attempt is worth it
    notes     further lines for the log
    """

    computed: bool = False
    seconds: float = 0.0
    error: str = ""
    verdict: str = FINAL
    notes: tuple[str, ...] = ()


def explain_error(error: BaseException) -> tuple[str, str]:
    """Return (one line, verdict) for an exception in a worker."""
    chain = list(_chain(error))
    line = f"{type(error).__name__}: {' '.join(str(error).split())}"
    text = " ".join(f"{type(cause).__name__}: {cause}" for cause in chain)
    no_space = any(isinstance(cause, OSError) and cause.errno in _NO_SPACE for cause in chain)
    if no_space or "No space left on device" in text:
        return f"no space left on the device ({line}); make room, and the same command goes on", FINAL
    gated = next((cause for cause in chain if type(cause).__name__ == "GatedRepoError"), None)
    if gated is not None:
        match = _REPOSITORY.search(str(gated))
        name, page = (match[1], f"https://huggingface.co/{match[1]}") if match else ("a model", "its page")
        return f"{name} is gated, and you have no access: {gate(page)}", FINAL
    if killed_by_monitor(text):
        return explain_kill(text), KILLED
    if any(isinstance(cause, MemoryError) for cause in chain) or _OUT_OF_MEMORY.search(text):
        return f"out of memory ({line})", MEMORY
    return line, FINAL if isinstance(chain[-1], ValueError) else AGAIN


def explain_death(message: str, oom_kills: int) -> tuple[str, str]:
    """Return (one line, verdict) for a worker that ended without reporting an outcome.

    message    what Ray says about it
    oom_kills  processes that the kernel has killed for lack of memory meanwhile
    """
    if "NodeLeaves" in message:
        return "not begun: its node will be taken away", ELSEWHERE
    if oom_kills or killed_by_monitor(message):
        return f"its process is gone: {explain_kill(message)}", KILLED
    if node := lost_node(message):
        return ("its node was taken away", ELSEWHERE) if was_announced(node) else ("its node is gone", AGAIN)
    first = next((line.strip() for line in message.splitlines() if line.strip()), "the cause is unknown")
    return f"its process died ({first if len(first) <= 120 else first[:117] + '...'})", AGAIN


def oom_kills() -> int:
    """Return how many processes this machine's kernel has killed for lack of memory so far; 0 if it does not count."""
    try:
        lines = Path("/proc/vmstat").read_text(encoding="ascii").splitlines()
    except OSError:
        return 0
    return next((int(line.split()[1]) for line in lines if line.startswith("oom_kill ")), 0)


def fewer(slots: int) -> int:
    """Return how many pieces run at a time after as many as `slots` took too much memory."""
    return max(1, slots // 2)


class Attempts:
    """How often each piece failed, and how small its batches have become.

    crowded  whether too much memory was used for as many pieces at a time; the caller resets it
    """

    def __init__(self) -> None:
        self.crowded = False
        self._failures: Counter[str] = Counter()
        self._batch_divisors: dict[str, int] = {}

    def batch_divisor(self, key: str) -> int:
        return self._batch_divisors.get(key, 1)

    def record_failure(self, key: str, outcome: Outcome, has_batches: bool = True) -> tuple[bool, str]:
        """Return (whether to try the piece again, what to report). has_batches: the piece's batches can be smaller."""
        if outcome.verdict == ELSEWHERE:  # this does not count against the piece
            return True, f"{outcome.error}; trying again elsewhere"
        self._failures[key] += 1
        lack = outcome.verdict in (MEMORY, KILLED)
        if outcome.verdict == KILLED or (lack and (self.batch_divisor(key) > 1 or not has_batches)):
            self.crowded = True
        if outcome.verdict == FINAL:
            return False, outcome.error
        if self._failures[key] == ATTEMPTS:
            return False, f"failed {ATTEMPTS} times: {outcome.error}"
        change = ""
        if lack and has_batches:
            self._batch_divisors[key] = self.batch_divisor(key) * SMALLER
            change = f" with batches {self._batch_divisors[key]} times smaller"
        return True, f"attempt {self._failures[key]} of {ATTEMPTS} failed: {outcome.error}; trying again{change}"


def _chain(error: BaseException) -> Iterator[BaseException]:
    """Yield an exception and its causes, innermost last; a Ray Train error is caused by its first worker's error."""
    cause: BaseException | None = error
    while cause is not None:
        yield cause
        worker_error: Any = next(iter(getattr(cause, "worker_failures", {}).values()), None)
        cause = worker_error or cause.__cause__
