"""What went wrong with a piece of work, and whether it is worth another attempt.

Wrong input stays wrong: a ValueError is the last word on a piece, and so are a full disk and a gated model, until somebody makes room or asks for
access. Everything else gets ATTEMPTS in all. Who ran out of memory comes back with batches SMALLER times smaller.
"""

from __future__ import annotations

import errno
import re
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

from harness.hub.gated import gate

ATTEMPTS = 3
SMALLER = 4

FINAL, AGAIN, MEMORY, ELSEWHERE = "final", "again", "memory", "elsewhere"
_MEMORY_SAID = re.compile(
    "OutOfMemoryError|MemoryError|can't allocate memory|not enough memory|CUDA out of memory|std::bad_alloc"
    "|could not create a primitive(?! descriptor)"  # all that oneDNN says; what it cannot do at all, it has no descriptor for
)
_KILLED_FOR_MEMORY = (
    "running low on memory",
    "NODE_OUT_OF_MEMORY",
)  # Ray's monitor; of any other death Ray says that it may have been the kernel
_REPOSITORY = re.compile(
    r"https?://[^/\s]+/(\S+?)/resolve/"
)  # in what the hub's client says of a file that it may not have
_NO_SPACE = (errno.ENOSPC, errno.EDQUOT)


class Outcome(NamedTuple):
    """How a piece of work ended in its worker. computed: there, and not found in the store; error: empty if it went well; verdict: whether another
    attempt is worth it; notes: what the log should say besides."""

    computed: bool = False
    seconds: float = 0.0
    error: str = ""
    verdict: str = FINAL
    notes: tuple[str, ...] = ()


def raised(error: BaseException) -> tuple[str, str]:
    """(one line, verdict) of an exception in a worker."""
    chain = list(_chain(error))
    line = f"{type(error).__name__}: {' '.join(str(error).split())}"
    said = " ".join(f"{type(one).__name__}: {one}" for one in chain)
    if any(isinstance(one, OSError) and one.errno in _NO_SPACE for one in chain) or "No space left on device" in said:
        return f"no space left on the device ({line}); make room, and the same command goes on", FINAL
    gated = next((one for one in chain if type(one).__name__ == "GatedRepoError"), None)
    if gated is not None:
        found = _REPOSITORY.search(str(gated))
        name = found[1] if found else "a model"
        return (
            f"{name} is gated, and you have no access: {gate(f'https://huggingface.co/{name}' if found else 'its page')}",
            FINAL,
        )
    if any(isinstance(one, MemoryError) for one in chain) or _MEMORY_SAID.search(said):
        return f"out of memory ({line})", MEMORY
    return line, FINAL if isinstance(chain[-1], ValueError) else AGAIN


def died(said: str, oom_kills: int) -> tuple[str, str]:
    """(one line, verdict) of a worker that ended without a word of its own.

    said       what Ray says of it
    oom_kills  processes that the kernel has killed for lack of memory meanwhile
    """
    if "NodeLeaves" in said:
        return "its node will be taken away", ELSEWHERE
    if oom_kills or any(text in said for text in _KILLED_FOR_MEMORY):
        return "its process was killed for lack of memory", MEMORY
    first = next((line.strip() for line in said.splitlines() if line.strip()), "no cause is known")
    return f"its process died ({first if len(first) <= 120 else first[:117] + '...'})", AGAIN


def oom_kills() -> int:
    """Processes that the kernel of this machine has killed for lack of memory so far; 0 where it does not tell."""
    try:
        lines = Path("/proc/vmstat").read_text(encoding="ascii").splitlines()
    except OSError:
        return 0
    return next((int(line.split()[1]) for line in lines if line.startswith("oom_kill ")), 0)


class Attempts:
    """How often each piece was tried, and how small its batches have become."""

    def __init__(self) -> None:
        self._failed: Counter[str] = Counter()
        self._batch_divisors: dict[str, int] = {}

    def batch_divisor(self, key: str) -> int:
        return self._batch_divisors.get(key, 1)

    def failed(self, key: str, outcome: Outcome, batches: bool = True) -> tuple[bool, str]:
        """(whether to try it again, what to say) after a failed attempt of a piece that has batches to make smaller, or has none."""
        if outcome.verdict == ELSEWHERE:  # no fault of the piece's
            return True, f"not begun: {outcome.error}; once more elsewhere"
        self._failed[key] += 1
        if outcome.verdict == FINAL:
            return False, outcome.error
        if self._failed[key] == ATTEMPTS:
            return False, f"failed {ATTEMPTS} times: {outcome.error}"
        how = ""
        if outcome.verdict == MEMORY and batches:
            self._batch_divisors[key] = self.batch_divisor(key) * SMALLER
            how = f" with batches {self._batch_divisors[key]} times smaller"
        return True, f"attempt {self._failed[key]} of {ATTEMPTS} failed: {outcome.error}; once more{how}"


def _chain(error: BaseException) -> Iterator[BaseException]:
    """An exception and what it was raised from, the workers' own ones of a Ray Train run included; the innermost comes last."""
    one: BaseException | None = error
    while one is not None:
        yield one
        inside: Any = next(iter(getattr(one, "worker_failures", {}).values()), None)
        one = inside or one.__cause__
