"""Share what the seed of a grid does not change: rows of methods that sample only where they find no donors.

Whether such a method has sampled is known once it has made its rows, so a plan has an initialization for each seed.
`settle` replaces those of later seeds by that of the first one as soon as the store shows that nothing was sampled.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import replace

from harness.initialization.initialization import INITIALIZATION
from harness.plan.plan import Cell
from harness.store.artifact import Artifact, Member, Source
from harness.store.store import Store


def settle(cells: Sequence[Cell], store: Store, first: int | None = None) -> list[Cell]:
    """Return the cells, those of later seeds made from the rows of the first seed where these have nothing sampled.

    Zero-shot cells become the artifact of the first seed; fine-tuned ones keep their seed, which shuffles the training.

    first  the grid's first seed; None: that of the first cell
    """
    shared = {key: twin for key, twin in _twins(cells, first).items() if store.has(twin) and _sampled(store, twin) == 0}
    if not shared:
        return list(cells)
    rebuilt: dict[str, Artifact] = {}
    return [replace(cell, artifact=_substituted(cell.artifact, shared, rebuilt)) for cell in cells]


def possible_keys(cells: Sequence[Cell], first: int | None = None) -> set[str]:
    """Return the keys of all artifacts that a run of these cells may read or make, however their seeds settle."""
    twins, rebuilt = _twins(cells, first), dict[str, Artifact]()
    roots = [root for cell in cells for root in cell.roots]
    roots += [_substituted(cell.artifact, twins, rebuilt) for cell in cells]
    return {artifact.key for root in dict.fromkeys(roots) for artifact in root.walk()}


def undecided(cells: Sequence[Cell], store: Store, first: int | None = None) -> set[str]:
    """Return the keys of the initializations that may turn out to be those of the first seed, which is not made yet."""
    return {key for key, twin in _twins(cells, first).items() if not store.has(twin)}


def _twins(cells: Sequence[Cell], first: int | None) -> dict[str, Artifact]:
    """Return by key the initialization of the first seed for those of later seeds of methods that sample at need."""
    from sembridge.initializer import FALLBACK, samples_of
    from sembridge.registry import initializer_class

    twins: dict[str, Artifact] = {}
    if not cells:
        return twins
    first, seen = cells[0].identity.seed if first is None else first, set[str]()
    for cell in cells:
        if cell.identity.seed == first:
            continue
        for artifact in cell.artifact.walk():
            if artifact.key in seen or artifact.stage.name != INITIALIZATION.name:
                continue
            seen.add(artifact.key)
            parameters = artifact.parameters
            if parameters["seed"] != first and samples_of(initializer_class(parameters["initializer"])) == FALLBACK:
                twins[artifact.key] = replace(artifact, parameters={**parameters, "seed": first})
    return twins


def _sampled(store: Store, initialization: Artifact) -> int | None:
    """Return how many rows were sampled; None if the description cannot be read, which a run repairs."""
    try:
        about = json.loads((store.path(initialization) / "about.json").read_bytes())
        return about["statistics"]["sampled"]
    except (OSError, ValueError, LookupError, TypeError):
        return None


def _substituted(artifact: Artifact, shared: dict[str, Artifact], rebuilt: dict[str, Artifact]) -> Artifact:
    """Return the artifact with the initializations of `shared` replaced wherever it is made from one."""
    if artifact.key in shared:
        return shared[artifact.key]
    if artifact.key not in rebuilt:
        inputs: dict[str, Source] = {}
        for name, source in artifact.inputs.items():
            match source:
                case Artifact():
                    source = _substituted(source, shared, rebuilt)
                case Member(inner, path):
                    source = Member(_substituted(inner, shared, rebuilt), path)
            inputs[name] = source
        changed = any(inputs[name].key != source.key for name, source in artifact.inputs.items())
        rebuilt[artifact.key] = replace(artifact, inputs=inputs) if changed else artifact
    return rebuilt[artifact.key]
