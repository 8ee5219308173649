"""What formats of JSON share: objects that end in a vector, and vectors as objects from dimensions to weights."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping

from harness.export.documents import Document
from harness.export.engine import Pair
from harness.export.weights import shortest


def ending_in(head: Mapping[str, object], key: str, content: str) -> str:
    """Return an object of JSON: `head`, which is not empty, then `key` with `content`, which is JSON already."""
    return f"{json.dumps(head, ensure_ascii=False)[:-1]}, {json.dumps(key)}: {content}}}"


def vector(document: Document) -> str:
    """Return {"17": 0.4, ...} as JSON, the weights with the digits that give back the same float32."""
    pairs = zip(document.dimensions.tolist(), shortest(document.weights), strict=True)
    return "{" + ", ".join(f'"{dimension}": {weight}' for dimension, weight in pairs) + "}"


def pair(content: Mapping[str, float]) -> Pair:
    """Return the dimensions and weights of such an object."""
    return [int(dimension) for dimension in content], list(content.values())


def records(lines: Iterable[str], name: str, key: str) -> Iterator[tuple[str, Pair]]:
    """Yield (id, (dimensions, weights)) of lines that hold the id under `name` and the vector under `key`."""
    for content in map(json.loads, lines):
        yield content[name], pair(content[key])
