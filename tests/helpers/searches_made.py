"""Searches of a known size, and manifests that say how long they took, for estimates."""

from __future__ import annotations

import json

from harness.collections.stage import COLLECTION
from harness.references.bm25 import BM25
from harness.store.artifact import Artifact
from harness.store.store import Store, _described


def bm25(documents: int, queries: int) -> Artifact:
    """A search of so many pairs, whose collection comes from a hub."""
    expected = {"documents": documents, "queries": queries}
    return Artifact(BM25, {}, {"collection": Artifact(COLLECTION, {"hub": "a/faq", "expected": expected})})


def publish(store: Store, artifact: Artifact, seconds: float) -> None:
    """Leave the manifests of an artifact and of what it is made from, as a store writes them."""
    for needed in artifact.needed:
        publish(store, needed, 1)
    manifest = {
        "stage": artifact.stage.name,
        "version": artifact.stage.version,
        "parameters": dict(artifact.parameters),
        "inputs": {name: _described(source) for name, source in artifact.inputs.items()},
        "seconds": seconds,
    }
    store.path(artifact).mkdir(parents=True, exist_ok=True)
    (store.path(artifact) / "MANIFEST.json").write_text(json.dumps(manifest))
