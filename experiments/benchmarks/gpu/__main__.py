"""`python -m experiments.benchmarks.gpu`: run the GPU tests on this machine's card, and measure the GPU table.

It needs PyTorch for CUDA with Triton, transformers and sentence-transformers, and not Ray. Every line is printed as
soon as it is measured. A part that fails is reported as failed, the others still run, and the exit code is 1.
"""

from __future__ import annotations

import argparse
import importlib.metadata
import os
import subprocess
import sys
import tempfile
import time
import traceback
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

SHARES = {"tests": 0.3, "head": 0.3, "step": 0.25}  # of the seconds, at most; other parts a fifth each
ROOT = Path(__file__).resolve().parents[2]


def main() -> int:
    args = _parser().parse_args()
    if args.rehearse:
        os.environ["TRITON_INTERPRET"] = "1"  # before anything imports Triton
        os.environ["CUDA_VISIBLE_DEVICES"] = ""
    import torch

    from experiments.benchmarks.gpu.sizes import FULL, QUICK, REHEARSAL
    from experiments.benchmarks.gpu.timing import ceilings

    if not args.rehearse and not torch.cuda.is_available():
        print("no GPU that torch can use, so nothing was measured; run this on a machine with one, or --rehearse it")
        return 1
    sizes = REHEARSAL if args.rehearse else QUICK if args.quick else FULL
    page, started, failed = Page(args.output), time.perf_counter(), []
    page.write("A rehearsal on the processor: no figure here means anything." if args.rehearse else f"On {machine()}:")
    page.write("")
    if not args.rehearse:
        product, copy = ceilings()
        page.write(f"A large product in bfloat16 reaches {product:.0f} TFLOP/s here, a copy {copy:.2f} TB/s.", "")
    for name in args.parts or PARTS:
        at = time.perf_counter()
        left = args.seconds - (at - started)
        try:
            if left <= 0:
                raise TimeoutError(f"not started, because the {args.seconds} seconds were used up")
            for line in PARTS[name](sizes, at + min(left, args.seconds * SHARES.get(name, 0.2))):
                page.write(line)
        except Exception as error:
            traceback.print_exc()
            first = (str(error).splitlines() or [""])[0][:200]
            page.write("", f"**{name} failed: {type(error).__name__}: {first}**")
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


def tests(sizes: Any, end: float) -> Iterator[str]:
    """Run the tests marked gpu in a process of their own."""
    command = [sys.executable, "-m", "pytest", "-q", "-m", "gpu", "-p", "no:cacheprovider", "--durations=5", *TESTS]
    with tempfile.TemporaryFile("w+") as output:
        try:
            timeout = end - time.perf_counter()
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


def _part(name: str) -> Callable[[Any, float], Iterator[str]]:
    def run(sizes: Any, end: float) -> Iterator[str]:
        from experiments.benchmarks.gpu import parts

        rows: Callable[[Any, float], Iterator[str]] = getattr(parts, name)
        return rows(sizes, end)

    return run


PARTS: dict[str, Callable[[Any, float], Iterator[str]]] = {
    "tests": tests,
    **{name: _part(name) for name in ("head", "profile", "step", "batch", "search", "encode", "mixture")},
}


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m experiments.benchmarks.gpu", description=__doc__)
    parser.add_argument("parts", nargs="*", metavar="PART", help=f"{', '.join(PARTS)}; none: all", type=_known)
    parser.add_argument("--output", type=Path, metavar="FILE", help="write the tables there too, as Markdown")
    parser.add_argument("--seconds", type=int, default=480, help="no part starts later (default 480)")
    parser.add_argument("--quick", action="store_true", help="few shapes and rounds, to see that everything runs")
    rehearse = "tiny shapes on the processor, in Triton's interpreter, to see that the script works without a GPU"
    parser.add_argument("--rehearse", action="store_true", help=rehearse)
    return parser


def _known(name: str) -> Any:
    if name not in PARTS:
        from sembridge.nearest import nearest

        raise argparse.ArgumentTypeError(f"part {name!r} is unknown; {nearest(name, PARTS)}")
    return name


if __name__ == "__main__":
    sys.exit(main())
