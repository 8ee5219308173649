"""The stages of a cell, as data: where each function lives, its version, and how long it takes before anything was measured.

A stage is a pure function `build(out, parameters, inputs)`: it writes one folder from the given parameters and input locations. Its version
goes up whenever it would write something else for the same inputs; old artefacts then simply are no longer asked for.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from importlib import import_module


@dataclass(frozen=True)
class Stage:
    """function: "module:name"; seconds: a first guess for estimates, replaced by measured times as soon as a store has some;
    shared: several cells may need the same artefact, so it is scheduled once, before the cells; scratch: the stage takes a folder that survives a
    kill, to go on from what it left there; batches: the stage takes `divided`, how many times smaller its batches are to be than usual, for one that
    ran out of memory."""

    function: str
    version: int
    seconds: float
    shared: bool = True
    scratch: bool = False
    batches: bool = False

    def load(self) -> Callable[..., None]:
        module, name = self.function.split(":")
        return getattr(import_module(module), name)


STAGES: dict[str, Stage] = {
    "pocket-text": Stage("harness.pocket.texts:build", 2, 5),
    "pocket-dictionary": Stage("harness.pocket.dictionary:build", 1, 1),
    "pocket-tokenizers": Stage("harness.pocket.tokenizers:build", 1, 5),
    "pocket-encoder": Stage("harness.pocket.encoder:build", 1, 90),
    "pocket-bridge": Stage("harness.pocket.bridge:build", 1, 40),
    "collection": Stage("harness.collections.stage:build", 1, 120),
    "bridge-vectors": Stage("harness.initialization.bridge_vectors:build", 3, 2, batches=True),
    "auxiliary-vectors": Stage("harness.initialization.auxiliary_vectors:build", 1, 5),
    "subword-vectors": Stage("harness.initialization.subword_vectors:build", 1, 3, batches=True),
    "fasttext": Stage("harness.initialization.aligned_vectors:build_fasttext", 1, 60),
    "aligned-vectors": Stage("harness.initialization.aligned_vectors:build", 1, 10),
    "query-weights": Stage("harness.initialization.query_weights:build", 1, 3),
    "initialization": Stage("harness.initialization.initialization:build", 4, 2),
    "trained-encoder": Stage("harness.training.stage:build", 5, 8, shared=False, scratch=True, batches=True),
    "evaluation-share": Stage("harness.evaluation.shards:build", 2, 3, batches=True),
    "evaluation": Stage("harness.evaluation.stage:build", 3, 3, shared=False, batches=True),
    "dense": Stage("harness.references.dense:build", 2, 3, shared=False, batches=True),
    "reference": Stage("harness.references.sparse_models:build", 2, 10, shared=False, batches=True),
    "bm25": Stage("harness.references.bm25:build_bm25", 2, 2, shared=False),
}
