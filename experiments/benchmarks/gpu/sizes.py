"""How much each part of the GPU table does: all of it, a little to see that it runs, or a rehearsal without a GPU."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class HeadSize:
    """texts of `length` tokens, D, V, the share of outputs that fire, and whether torch.compile takes part."""

    texts: int
    length: int
    width: int
    size: int
    active: float = 1.0
    compiled: bool = False


@dataclass(frozen=True)
class StepSize:
    """pairs of texts of `length` tokens, V, and whether torch.compile takes part."""

    pairs: int
    length: int
    size: int
    compiled: bool = False


@dataclass(frozen=True)
class Sizes:
    """The sizes of all parts.

    small      the body of the model has 2 layers of 128 instead of 12 of 768
    most       pairs of the largest batch that is tried
    passages   (number, V) encoded
    ks         documents kept per query
    """

    heads: tuple[HeadSize, ...]
    steps: tuple[StepSize, ...]
    small: bool
    most: int
    documents: int
    queries: int
    ks: tuple[int, ...]
    passages: tuple[tuple[int, int], ...]
    targets: int
    sources: int
    alphas: tuple[float, ...]
    rounds: int


VOCABULARIES = (30_522, 119_547, 250_000)
FULL = Sizes(
    heads=(
        *(HeadSize(32, 256, 768, size, compiled=True) for size in VOCABULARIES),
        HeadSize(32, 256, 768, 250_000, active=0.02),
        *(HeadSize(64, 512, 768, size) for size in VOCABULARIES),
        HeadSize(64, 512, 384, 30_522),
    ),
    steps=(StepSize(32, 256, 30_522, True), StepSize(32, 256, 250_000, True), StepSize(32, 256, 119_547)),
    small=False, most=4096, documents=200_000, queries=1_000, ks=(100, 1000),
    passages=((2048, 30_522), (2048, 119_547)), targets=19_924, sources=30_522, alphas=(4.0, 2.0, 1.5), rounds=5,
)  # fmt: skip
QUICK = Sizes(
    heads=(HeadSize(32, 256, 768, 30_522),), steps=(StepSize(8, 64, 30_522),), small=True, most=64,
    documents=20_000, queries=100, ks=(100,), passages=((128, 30_522),), targets=2_048, sources=8_192, alphas=(4.0,),
    rounds=2,
)  # fmt: skip
REHEARSAL = Sizes(
    heads=(HeadSize(2, 5, 16, 40, active=0.5),), steps=(StepSize(2, 4, 40),), small=True, most=4,
    documents=60, queries=4, ks=(10,), passages=((12, 60),), targets=40, sources=70, alphas=(4.0,), rounds=1,
)  # fmt: skip
