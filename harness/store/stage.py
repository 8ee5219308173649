"""A stage: a pure function that writes one artifact, with the version that is part of the artifact's key.

Every stage is declared beside its function. `build(out, parameters, inputs)` writes one folder from parameters and
input locations. It may take two more arguments, which the store recognizes in its signature:

    scratch        a folder that survives a kill, so that the stage can continue from what it left there
    batch_divisor  how many times smaller than usual its batches must be, after an out-of-memory failure
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from inspect import signature


@dataclass(frozen=True)
class Stage:
    """Declare a stage.

    name     names the stage's folder in a store
    version  rises whenever the stage would write something else for the same inputs; old artifacts are then ignored
    seconds  a first guess for estimates, replaced by measured times as soon as a store has some
    build    the function, at module level: worker processes find it by its name
    shared   several cells may need the same artifact, so it is scheduled once, before the cells
    light    neither torch nor sentence-transformers is imported for it, so it can be made while other processes do
    """

    name: str
    version: int
    seconds: float
    build: Callable[..., None]
    shared: bool = True
    light: bool = False

    def __str__(self) -> str:
        return self.name

    @property
    def has_scratch(self) -> bool:
        """Return whether the stage can continue from where it was killed."""
        return "scratch" in signature(self.build).parameters

    @property
    def has_batches(self) -> bool:
        """Return whether the stage has batches that can be made smaller."""
        return "batch_divisor" in signature(self.build).parameters
