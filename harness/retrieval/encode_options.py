"""How texts are encoded, wherever that happens."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True)
class EncodeOptions:
    """Describe an encoding.

    max_length     tokens kept of each text, special tokens included; None: what the encoder allows
    precision      auto | float32 | bfloat16, see `sembridge.encoder.head.arithmetic`
    batch_divisor  how many times smaller than usual batches are, for lack of memory; weights then differ in their last bits
    """

    max_length: int | None = None
    precision: str = "auto"
    batch_divisor: int = 1

    @classmethod
    def of(cls, parameters: Mapping[str, Any], batch_divisor: int = 1) -> EncodeOptions:
        """Take the options from the parameters of a stage."""
        return cls(parameters["max_length"], parameters["precision"], batch_divisor)
