"""Compile every kernel for cards that are not here, and print what the assembler says: `python -m` this, as JSON.

It needs Triton, which brings the assembler, and no GPU. TRITON_INTERPRET must not be set.
"""

from __future__ import annotations

import json
import re
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

import triton
from triton.backends.compiler import GPUTarget
from triton.compiler import ASTSource

from sembridge.encoder import triton_kernels as kernels
from sembridge.search.device_kernels import score_documents

CUOBJDUMP = Path(triton.__file__).parent / "backends" / "nvidia" / "bin" / "cuobjdump"
LARGEST = {"bias": "*fp32", "mask": "*i8", "starts": "*i32", "ends": "*i32", "largest": "*fp32", "token": "*i16",
           "texts": "i32", "length": "i32", "bucket": "i32", "size": "i32", "width": "i32"}  # fmt: skip
OTHERS = {
    "weight_gradient": (kernels.weight_gradient, {"gradient": "*fp32", "token": "*i16", "hidden": "*bf16",
        "result": "*fp32", "texts": "i32", "length": "i32", "size": "i32", "width": "i32"},
        {"BLOCK_V": 16, "BLOCK_D": 256}),
    "piece_sums": (kernels.piece_sums, {"values": "*fp32", "output": "*i32", "weight": "*bf16", "starts": "*i64",
        "ends": "*i64", "partial": "*fp32", "width": "i32"}, {"ROWS": 16, "BLOCK_D": 256}),
    "token_sums": (kernels.token_sums, {"partial": "*fp32", "firsts": "*i64", "counts": "*i64", "result": "*bf16",
        "width": "i32"}, {"BLOCK_D": 256}),
    "score_documents": (score_documents, {"indptr": "*i64", "dimensions": "*i64", "weights": "*fp64",
        "documents": "*fp32", "scores": "*fp64", "count": "i32"}, {"BLOCK": 1024}),
}  # fmt: skip


def compiled(function: Any, types: dict[str, str], constants: dict[str, Any], capability: int, **options: int) -> Any:
    """Return the bytes of stack that the code needs, which are spilled registers, and its matrix instructions."""
    aligned = [n for n, kind in types.items() if kind.startswith("*") or n == "width"]  # as tensors of torch are
    types = {name: types.get(name, "constexpr") for name in [*types, *constants]}
    names = list(types)
    attributes = {(names.index(name),): [["tt.divisibility", 16]] for name in aligned}
    source = ASTSource(fn=function, signature=types, constexprs=constants, attrs=attributes)
    code = triton.compile(source, target=GPUTarget("cuda", capability, 32), options=options)
    with tempfile.NamedTemporaryFile(suffix=".cubin") as file:
        file.write(code.asm["cubin"])
        file.flush()
        usage = subprocess.run([CUOBJDUMP, "-res-usage", file.name], capture_output=True, text=True, check=True).stdout
    ptx = code.asm["ptx"]
    instructions = [name for name in ("wgmma.mma_async", "tcgen05.mma", "mma.sync") if name in ptx]
    return {"stack": int(re.findall(r"STACK:(\d+)", usage)[0]), "products": instructions, "atomics": "atom." in ptx}


def largest_logits(config: Any, capability: int, kind: str, described: bool) -> Any:
    blocks = config.kwargs
    tables = {
        "hidden": f"tensordesc<{kind}[1,{blocks['BLOCK_L']},{blocks['BLOCK_D']}]>" if described else f"*{kind}",
        "weight": f"tensordesc<{kind}[{blocks['BLOCK_V']},{blocks['BLOCK_D']}]>" if described else f"*{kind}",
    }
    constants = {"HAS_BIAS": True, "WITH_TOKENS": True, "PRECISION": "ieee" if kind == "fp32" else "tf32",
                 "DESCRIPTORS": described, "GROUP": kernels.GROUP, **blocks}  # fmt: skip
    options = {"num_warps": config.num_warps, "num_stages": config.num_stages}
    return compiled(kernels.largest_logits.fn, {**tables, **LARGEST}, constants, capability, **options)


def main() -> None:
    results = {}
    for capability, configs, kind in (
        (80, kernels.BY_POINTERS, "bf16"), (90, kernels.BY_DESCRIPTORS, "bf16"), (100, kernels.BY_DESCRIPTORS, "bf16"),
        (80, kernels.SINGLE, "fp32"), (90, kernels.SINGLE, "fp32"),
    ):  # fmt: skip
        for number, config in enumerate(configs):
            name = f"largest_logits {number} {kind} {capability}"
            results[name] = largest_logits(config, capability, kind, capability >= 90)
    for name, (function, types, constants) in OTHERS.items():
        results[name] = compiled(function, types, constants, 80, num_warps=4)
    json.dump(results, sys.stdout)


if __name__ == "__main__":
    main()
