"""What the compiler makes of the kernels, for cards that are not here."""

from __future__ import annotations

import json
import os
import subprocess
import sys

import pytest

from tests.helpers.paths import ROOT
from tests.helpers.triton_device import NEEDS_TRITON


@NEEDS_TRITON
@pytest.mark.slow
def test_kernels_compile_for_each_kind_of_card_without_spilling_registers_or_adding_atomically(tmp_path):
    environment = {**os.environ, "TRITON_INTERPRET": "0", "TRITON_CACHE_DIR": str(tmp_path)}
    command = [sys.executable, "-m", "tests.helpers.kernels_compiled"]
    done = subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr[-2000:]
    results = json.loads(done.stdout)
    assert len(results) == 3 + 7 + 7 + 2 + 4
    for name, result in results.items():
        assert not result["atomics"], name
        assert result["stack"] == 0 or name.endswith(" 100"), (name, result)  # there tuning may choose another one
    for capability, instruction in ((80, "mma.sync"), (90, "wgmma.mma_async"), (100, "tcgen05.mma")):
        names = [name for name in results if name.endswith(f"bf16 {capability}")]
        assert names and all(instruction in results[name]["products"] for name in names), capability
