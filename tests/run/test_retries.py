"""What is tried again, how often, and with which batches."""

import errno

import pytest
import torch

from harness.run.retries import AGAIN, FINAL, KILLED, MEMORY, Attempts, Outcome, explain_death, explain_error, oom_kills
from tests.cluster.test_memory import LINE, RAY


def caused(outer, inner):
    outer.__cause__ = inner
    return outer


class OfTheGroup(Exception):
    """As Ray Train raises it: workers' errors by rank."""

    def __init__(self, inner):
        super().__init__("training failed")
        self.worker_failures = {0: inner}


@pytest.mark.parametrize(
    ("error", "verdict", "said"),
    [(ValueError("wrong\n input"), FINAL, "ValueError: wrong input"),
     (RuntimeError("who knows"), AGAIN, "RuntimeError: who knows"),
     (caused(RuntimeError("outer"), ValueError("wrong input")), FINAL, "RuntimeError: outer"),
     (OfTheGroup(ValueError("wrong input")), FINAL, "OfTheGroup: training failed"),
     (OSError(errno.EIO, "Input/output error"), AGAIN, "OSError: "),
     (OSError(errno.ENOSPC, "No space left on device", "f"), FINAL, "no space left on the device (OSError: [Errno 28]"),
     (caused(RuntimeError("x"), OSError(errno.EDQUOT, "Disk quota exceeded")), FINAL, "no space left on the device"),
     (RuntimeError("I/O error: No space left on device (os error 28)"), FINAL, "no space left on the device"),
     (MemoryError(), MEMORY, "out of memory (MemoryError: )"),
     (torch.OutOfMemoryError("CUDA out of memory. Tried to"), MEMORY, "out of memory (OutOfMemoryError: CUDA"),
     (OfTheGroup(torch.OutOfMemoryError("x")), MEMORY, "out of memory"),
     (RuntimeError("alloc_cpu.cpp:121] . DefaultCPUAllocator: can't allocate memory"), MEMORY, "out of memory"),
     (RuntimeError("std::bad_alloc"), MEMORY, "out of memory"),
     (RuntimeError("could not create a primitive"), MEMORY, "out of memory"),
     (RuntimeError("could not create a primitive descriptor for the matmul"), AGAIN, "RuntimeError: could not")],
)  # fmt: skip
def test_verdicts(error, verdict, said):
    line, actual = explain_error(error)
    assert actual == verdict and line.startswith(said) and "\n" not in line


def test_an_allocation_that_really_fails_is_lack_of_memory():
    with pytest.raises(RuntimeError) as failed:
        torch.empty(2**52, dtype=torch.uint8)
    assert explain_error(failed.value)[1] == MEMORY


def test_deaths():
    from ray.exceptions import WorkerCrashedError

    blamed = (
        "The worker died.\nThere are some potential root causes. (1) The process is killed by SIGKILL by OOM killer"
    )
    assert explain_death(blamed, 0) == ("its process died (The worker died.)", AGAIN), "Ray says so of every death"
    assert explain_death(blamed, 1)[1] == KILLED and explain_death("", 0) == (
        "its process died (the cause is unknown)",
        AGAIN,
    )
    line, verdict = explain_death(str(WorkerCrashedError()), 0)
    assert verdict == AGAIN and len(line) < 150 and "\n" not in line
    assert explain_death("x\nTask was killed due to the node running low on memory.", 0)[1] == KILLED
    assert oom_kills() >= 0


def test_a_node_that_leaves_costs_no_attempt():
    outcome = Outcome(
        False, 0.0, *explain_death("ray::ImplicitFunc.train() NodeLeaves: its node will be taken away", 0)
    )
    attempts = Attempts()
    for _ in range(5):
        assert attempts.record_failure("a", outcome) == (
            True,
            "not begun: its node will be taken away; trying again elsewhere",
        )
    assert attempts.record_failure("a", Outcome(error="x", verdict=AGAIN))[1].startswith("attempt 1 of 3")


def test_three_attempts_with_ever_smaller_batches():
    attempts, lack = Attempts(), Outcome(error="out of memory", verdict=MEMORY)
    assert attempts.batch_divisor("a") == 1
    assert attempts.record_failure("a", lack) == (
        True,
        "attempt 1 of 3 failed: out of memory; trying again with batches 4 times smaller",
    )
    assert attempts.record_failure("a", Outcome(error="x", verdict=AGAIN)) == (
        True,
        "attempt 2 of 3 failed: x; trying again",
    )
    assert (attempts.batch_divisor("a"), attempts.batch_divisor("b")) == (4, 1)
    assert attempts.record_failure("a", lack) == (False, "failed 3 times: out of memory")
    assert (
        attempts.record_failure("b", lack)[0]
        and attempts.record_failure("b", lack)[0]
        and attempts.batch_divisor("b") == 16
    )
    report = "attempt 1 of 3 failed: out of memory; trying again"
    assert attempts.record_failure("d", lack, has_batches=False) == (True, report) and attempts.batch_divisor("d") == 1
    assert attempts.record_failure("c", Outcome(error="wrong input", verdict=FINAL)) == (False, "wrong input")


def test_a_gated_model_is_named_in_one_line_with_what_to_do(hub):
    """Whatever the libraries between the hub and a stage make of the refusal."""
    from transformers import AutoConfig, AutoTokenizer

    from sembridge.bridge import load_bridge

    revision = hub.add("org/shy", {"config.json": "{}", "tokenizer.json": "{}"}, "models", gated=True)
    loads = [
        lambda kind=kind: kind.from_pretrained("org/shy", revision=revision) for kind in (AutoConfig, AutoTokenizer)
    ]
    for load in [*loads, lambda: load_bridge("org/shy", revision)]:
        with pytest.raises(OSError, match="gated") as refused:
            load()
        line, verdict = explain_error(refused.value)
        assert verdict == FINAL and line == (
            "org/shy is gated, and you have no access: open https://huggingface.co/org/shy, log in and accept its "
            "conditions, then set HF_TOKEN to a read token of that account"
        )


class OutOfMemoryError(Exception):
    """Of ray.exceptions, which Tune wraps into a RuntimeError."""


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
