"""`python -m experiments.benchmarks.without_avx512`: measure as on a processor without AVX-512, by disabling it.

Environment variables keep PyTorch, oneDNN, MKL, OpenBLAS and numba from AVX-512; they are read when a library is
loaded, so the benchmarks run in a child process. Two things differ from a processor that has no AVX-512: MKL ignores
its variable on processors that are not Intel's (it uses AVX2 there anyway), and PyTorch's choice of a bfloat16 kernel
goes by the processor itself; oneDNN then computes it without AVX-512.
"""

from __future__ import annotations

import os
import subprocess
import sys

from experiments.benchmarks.__main__ import ROOT

VARIABLES = {
    "ATEN_CPU_CAPABILITY": "avx2",
    "MKL_ENABLE_INSTRUCTIONS": "AVX2",
    "NUMBA_CPU_FEATURES": "",  # those of NUMBA_CPU_NAME, not of the processor
    "NUMBA_CPU_NAME": "haswell",
    "ONEDNN_MAX_CPU_ISA": "AVX2",
    "OPENBLAS_CORETYPE": "Haswell",
}


def main() -> int:
    command = [sys.executable, "-m", "experiments.benchmarks", *sys.argv[1:]]
    return subprocess.run(command, cwd=ROOT, env=os.environ | VARIABLES, check=False).returncode


if __name__ == "__main__":
    sys.exit(main())
