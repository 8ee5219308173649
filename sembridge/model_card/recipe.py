"""Describe how an encoder was made: ingredients and parameters, never paths, so that a recipe may be published."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any


@dataclass(frozen=True)
class Ingredient:
    """One thing a transfer was made from.

    name      hub id, or the last part of the path of a folder or file
    revision  of a hub model; None for what lies on disk
    license   as its own card states it; None where the card states none
    """

    name: str
    revision: str | None = None
    license: str | None = None


@dataclass(frozen=True)
class Recipe:
    """Everything that decides the result of a transfer.

    source, tokenizer  the encoder that was transplanted, and the source of its new vocabulary
    initializer        the registered name of the method
    label              the name of the method in tables ("ofa (own word vectors)")
    inputs             further inputs of the method: bridge, text, words, ...
    parameters         the method's other fields
    options            of the transplant: overlap, bias, seed, ...
    versions           of the libraries in use
    """

    source: Ingredient
    tokenizer: Ingredient
    initializer: str
    label: str
    inputs: Mapping[str, Ingredient] = field(default_factory=dict)
    parameters: Mapping[str, Any] = field(default_factory=dict)
    options: Mapping[str, Any] = field(default_factory=dict)
    versions: Mapping[str, str] = field(default_factory=dict)

    @property
    def ingredients(self) -> dict[str, Ingredient]:
        """Return role -> ingredient, the source first."""
        return {"source": self.source, "tokenizer": self.tokenizer, **self.inputs}

    @classmethod
    def from_dict(cls, content: Mapping[str, Any]) -> Recipe:
        """Read the result of `dataclasses.asdict`."""
        named = {key: _ingredient(content[key]) for key in ("source", "tokenizer")}
        inputs = {key: _ingredient(value) for key, value in content["inputs"].items()}
        return cls(**{**content, **named, "inputs": inputs})


def library_versions() -> dict[str, str]:
    """Return the versions of the libraries that decide the bits of a transfer."""
    from importlib.metadata import version

    return {name: version(name) for name in ("sembridge-bench", "sentence-transformers", "transformers", "torch")}


def _ingredient(content: Mapping[str, Any]) -> Ingredient:
    """Read an ingredient; records written before version 0.2 spell its license the British way."""
    return Ingredient(content["name"], content["revision"], content.get("license", content.get("licence")))
