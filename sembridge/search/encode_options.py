"""The options of encoding texts, for every kind of encoder."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

PRECISIONS = ("auto", "bfloat16", "float32")
WINDOW = 512  # consecutive texts that are encoded together: which texts share a batch depends on the texts alone


@dataclass(frozen=True)
class EncodeOptions:
    """The options of an encoding.

    max_length     tokens kept of each text, special tokens included; None: what the encoder allows
    precision      auto | float32 | bfloat16, see `sembridge.encoder.head.arithmetic`
    batch_divisor  divides the usual batch size, after a failure for lack of memory; changes the last bits of weights
    """

    max_length: int | None = None
    precision: str = "auto"
    batch_divisor: int = 1

    @classmethod
    def of(cls, parameters: Mapping[str, Any], batch_divisor: int = 1) -> EncodeOptions:
        """Take the options from the parameters of a stage."""
        return cls(parameters["max_length"], parameters["precision"], batch_divisor)
