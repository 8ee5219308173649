"""Artifacts and where they come from: a graph of named inputs whose keys are known before anything is computed."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from functools import cache, cached_property
from pathlib import Path
from typing import Any, NamedTuple

from harness.store.stage import Stage


class Location(NamedTuple):
    """Name the place where an input can be read: a path or a hub id, and the hub revision (None for paths)."""

    name: str
    revision: str | None = None

    @property
    def path(self) -> Path:
        return Path(self.name)


@dataclass(frozen=True)
class Local:
    """A file or folder of the user, identified by the hash of its content, or by that of the files named in `only`."""

    path: Path
    only: tuple[str, ...] = ()

    @cached_property
    def key(self) -> str:
        if not self.only:
            return content_digest(self.path)
        return _digest([[name, content_digest(self.path / name)] for name in self.only if (self.path / name).is_file()])


@dataclass(frozen=True)
class Hub:
    """A model on the hub, identified by its id and revision."""

    name: str
    revision: str

    @property
    def key(self) -> str:
        return _digest(["hub", self.name, self.revision])


@dataclass(frozen=True)
class Artifact:
    """The result of one stage: a folder in the store, identified by stage, version, parameters and keys of inputs."""

    stage: Stage
    parameters: Mapping[str, Any]
    inputs: Mapping[str, Source] = field(default_factory=dict)

    def __hash__(self) -> int:
        return hash(self.key)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Artifact) and self.key == other.key

    @cached_property
    def key(self) -> str:
        inputs = {name: source.key for name, source in self.inputs.items()}
        return _digest([self.stage.name, self.stage.version, self.parameters, inputs])[:32]

    @cached_property
    def needed(self) -> tuple[Artifact, ...]:
        """Return the artifacts that this one reads directly."""
        sources = (source.artifact if isinstance(source, Member) else source for source in self.inputs.values())
        return tuple(dict.fromkeys(source for source in sources if isinstance(source, Artifact)))

    def walk(self) -> Iterator[Artifact]:
        """Yield this artifact and everything below it, inputs first, each once."""
        seen: set[str] = set()
        stack: list[tuple[Artifact, bool]] = [(self, False)]
        while stack:
            node, expanded = stack.pop()
            if node.key in seen:
                continue
            if expanded:
                seen.add(node.key)
                yield node
            else:
                stack.append((node, True))
                stack.extend((child, False) for child in reversed(node.needed))


@dataclass(frozen=True)
class Member:
    """A file or folder inside an artifact."""

    artifact: Artifact
    path: str

    @property
    def key(self) -> str:
        return _digest([self.artifact.key, self.path])


Source = Local | Hub | Artifact | Member


def _digest(content: Any) -> str:
    return hashlib.sha256(json.dumps(content, sort_keys=True, ensure_ascii=False).encode()).hexdigest()


@cache
def content_digest(path: Path) -> str:
    """Return the sha256 of a file, or of the names and contents of a folder's files (hidden ones are left out)."""
    if path.is_file():
        with path.open("rb") as file:
            return hashlib.file_digest(file, "sha256").hexdigest()
    names = sorted(p.relative_to(path).as_posix() for p in path.rglob("*") if p.is_file())
    names = [name for name in names if not any(part.startswith(".") for part in name.split("/"))]
    return _digest([[name, content_digest(path / name)] for name in names])
