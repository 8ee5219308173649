"""`python -m experiments.benchmarks.gpu`: run the GPU tests on this machine's card, and measure the GPU table.

It needs PyTorch for CUDA with Triton, transformers and sentence-transformers, and not Ray. Every line is printed as
soon as it is measured. A part that fails is reported as failed, the others still run, and the exit code is 1.
"""

from __future__ import annotations

import argparse
import importlib.metadata
import subprocess
import sys
import tempfile
import time
import traceback
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

LONGEST_TESTS = 150  # seconds
ROOT = Path(__file__).resolve().parents[2]


def main() -> int:
    args = _parser().parse_args()
    import torch

    if not torch.cuda.is_available():
        print("no GPU that torch can use: nothing was measured; run this on a machine with a CUDA device")
        return 1
    page, started, failed = Page(args.output), time.perf_counter(), []
    page.write(f"On {machine()}:", "")
    for name in args.parts or PARTS:
        left = args.seconds - (time.perf_counter() - started)
        if left <= 0:
            page.write(f"**{name}: not run, the {args.seconds} seconds were used up.**", "")
            failed.append(name)
            continue
        at = time.perf_counter()
        try:
            for line in PARTS[name](args.quick, left):
                page.write(line)
        except Exception as error:
            traceback.print_exc()
            page.write("", f"**{name}: failed, {type(error).__name__}: {str(error).splitlines()[0][:200]}**")
            failed.append(name)
        page.write("")
        print(f"({name} took {time.perf_counter() - at:.0f} s)", flush=True)
    print(f"failed: {', '.join(failed)}" if failed else "every part ran", flush=True)
    return 1 if failed else 0


class Page:
    """Lines on the screen and, if a file is given, in it."""

    def __init__(self, file: Path | None):
        self._file = file
        if file:
            file.write_text("", encoding="utf-8")

    def write(self, *lines: str) -> None:
        for line in lines:
            print(line, flush=True)
            if self._file:
                with self._file.open("a", encoding="utf-8") as stream:
                    stream.write(line + "\n")


def machine() -> str:
    """Return one line: card, driver, versions."""
    import torch

    query = ["nvidia-smi", "--query-gpu=driver_version", "--format=csv,noheader"]
    asked = subprocess.run(query, capture_output=True, text=True, check=False)
    driver = asked.stdout.split("\n")[0].strip() or "unknown"
    card = torch.cuda.get_device_properties(0)
    names = ("triton", "transformers", "sentence-transformers")
    versions = ", ".join(f"{name} {importlib.metadata.version(name)}" for name in names)
    memory = f"{card.total_memory / 2**30:.0f} GiB"
    return f"{card.name} ({memory}), driver {driver}; torch {torch.__version__}, {versions}"


def tests(quick: bool, left: float) -> Iterator[str]:
    """Run the tests marked gpu in a process of their own."""
    command = [sys.executable, "-m", "pytest", "-q", "-m", "gpu", "-p", "no:cacheprovider", "--durations=5", *TESTS]
    with tempfile.TemporaryFile("w+") as output:
        try:
            timeout = min(left, LONGEST_TESTS)
            code = subprocess.run(
                command, cwd=ROOT, timeout=timeout, stdout=output, stderr=subprocess.STDOUT
            ).returncode
        except subprocess.TimeoutExpired:
            code = -1
        output.seek(0)
        text = output.read().strip()
    print(text[-6000:], flush=True)
    last = (text.splitlines() or ["no output"])[-1].strip("= ")
    if code:
        raise RuntimeError(f"pytest {'took too long' if code < 0 else f'ended with {code}'}: {last}")
    yield f"Tests marked `gpu`: {last}."


TESTS = [
    "tests/sembridge/encoder/test_triton_head.py", "tests/sembridge/encoder/test_max_logits.py",
    "tests/sembridge/mixture/test_mixture.py", "tests/retrieval/test_search.py", "tests/retrieval/test_encode.py",
    "tests/training/test_checkpoint.py",
]  # fmt: skip


def _part(name: str) -> Callable[[bool, float], Iterator[str]]:
    def run(quick: bool, left: float) -> Iterator[str]:
        from experiments.benchmarks import gpu_parts

        rows: Callable[[bool, float], Iterator[str]] = getattr(gpu_parts, name)
        return rows(quick, left)

    return run


PARTS: dict[str, Callable[[bool, float], Iterator[str]]] = {
    "tests": tests,
    **{name: _part(name) for name in ("head", "step", "batch", "search", "encode", "mixture")},
}


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m experiments.benchmarks.gpu", description=__doc__)
    parser.add_argument("parts", nargs="*", metavar="PART", help=f"{', '.join(PARTS)}; none: all", type=_known)
    parser.add_argument("--output", type=Path, metavar="FILE", help="write the tables there too, as Markdown")
    parser.add_argument("--seconds", type=int, default=480, help="no part starts later than this (default 480)")
    parser.add_argument("--quick", action="store_true", help="few shapes and rounds, to see that everything runs")
    return parser


def _known(name: str) -> Any:
    if name not in PARTS:
        from sembridge.nearest import nearest

        raise argparse.ArgumentTypeError(f"part {name!r} is unknown; {nearest(name, PARTS)}")
    return name


if __name__ == "__main__":
    sys.exit(main())
