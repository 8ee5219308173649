"""Settings of what becomes of vectors before they are searched: an axis of the grid for rows with sparse vectors."""

from __future__ import annotations

from collections.abc import Callable
from itertools import product
from typing import Annotated, Any

from pydantic import BaseModel, BeforeValidator, ConfigDict

from harness.files.shown import shown
from harness.retrieval.vector_options import VectorOptions


def _values(is_valid: Callable[[Any], bool], advice: str) -> BeforeValidator:
    """Return a validator that makes a list of one value, or of several different ones, all of them valid."""

    def read(value: Any) -> list[Any]:
        values = value if isinstance(value, list) else [value]
        for number, each in enumerate(values):
            word = str(each).lower() if isinstance(each, bool) else "null" if each is None else shown(each)
            if not is_valid(each):
                raise ValueError(f"{word} is not valid; give {advice}")
            if each in values[:number]:
                raise ValueError(f"{word} is given twice; give each value once")
        if not values:
            raise ValueError(f"a list of no values; give {advice}")
        return values

    return BeforeValidator(read)


def _is_whole(value: Any) -> bool:
    return isinstance(value, int) and not isinstance(value, bool)


_SWITCH = _values(lambda value: isinstance(value, bool), "true, false, or [false, true] for a row of each")
_BUDGET = _values(
    lambda value: value is None or (_is_whole(value) and value >= 1),
    "a whole number from 1 on, null for all dimensions, or a list for a row of each",
)
_MASS = _values(
    lambda value: value is None or (isinstance(value, float) and 0 < value < 1),
    "a share between 0 and 1, null for all of it, or a list for a row of each",
)
_BITS = _values(
    lambda value: value is None or (_is_whole(value) and value == 8),
    "8, null for 32-bit numbers, or [null, 8] for a row of each",
)


class VectorSettings(BaseModel):
    """The values of each of `VectorOptions`, one or a list; every row with sparse vectors has all combinations."""

    model_config = ConfigDict(extra="forbid", frozen=True, allow_inf_nan=False)

    query_idf: Annotated[list[bool], _SWITCH] = [False]
    max_active_query: Annotated[list[int | None], _BUDGET] = [None]
    max_active_document: Annotated[list[int | None], _BUDGET] = [None]
    mass_query: Annotated[list[float | None], _MASS] = [None]
    mass_document: Annotated[list[float | None], _MASS] = [None]
    weight_bits: Annotated[list[int | None], _BITS] = [None]

    @property
    def vector_options(self) -> list[VectorOptions]:
        """Return every combination of the values, in their order."""
        names = list(VectorSettings.model_fields)
        return [
            VectorOptions(**dict(zip(names, values, strict=True)))
            for values in product(*(getattr(self, name) for name in names))
        ]
