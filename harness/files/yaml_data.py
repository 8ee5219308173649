"""YAML as data: plain values, every key once, aliases that stay small. What else YAML can say is refused in one line."""

from __future__ import annotations

from collections.abc import Hashable
from pathlib import Path
from typing import Any, ClassVar

import yaml

from harness.files.bounded import OversizedError, text

BYTES = 1 << 20
"""Of a file. The parser is written in Python: this much keeps it busy for ten seconds."""

VALUES = 100_000
"""Values, each counted as often as aliases repeat it: a file of a few lines can otherwise stand for more than any memory holds."""

DEPTH = 100

_STANDARD = "tag:yaml.org,2002:"
_KINDS = ("str", "int", "float", "bool", "null", "map", "seq", "merge")


class YamlError(ValueError):
    """What is wrong, on one line, without the name of the file."""


def read(path: Path) -> Any:
    """The content of a file. YamlError; OSError if it cannot be read."""
    try:
        return load(text(path, BYTES))
    except UnicodeDecodeError as error:
        raise YamlError(f"byte {error.start + 1} is not UTF-8") from None
    except OversizedError as error:
        raise YamlError(str(error)) from None


def load(content: str) -> Any:
    """The value of a text. YamlError."""
    try:
        loader = _Plain(content)
        try:
            node = loader.get_single_node()
            if node is None:
                return None
            _size(node, {}, ())
            return loader.construct_document(node)
        finally:
            loader.dispose()
    except yaml.YAMLError as error:
        raise YamlError(" ".join(str(error).split()).replace('in "<unicode string>", ', "in ")) from None
    except RecursionError:
        raise YamlError(f"nested more than {DEPTH} deep") from None


def _size(node: yaml.Node, known: dict[int, int], above: tuple[int, ...]) -> int:
    """How many values a node is when its aliases are written out."""
    if id(node) in above:
        raise YamlError("an alias stands for what it is part of")
    if len(above) > DEPTH:
        raise YamlError(f"nested more than {DEPTH} deep")
    if id(node) not in known:
        below: list[yaml.Node] = []
        if isinstance(node, yaml.MappingNode):
            below = [part for pair in node.value for part in pair]
        elif isinstance(node, yaml.SequenceNode):
            below = node.value
        else:
            _check_characters(node.value)
        size = 1 + sum(_size(part, known, (*above, id(node))) for part in below)
        if size > VALUES:
            raise YamlError(f"more than {VALUES:,} values, aliases written out")
        known[id(node)] = size
    return known[id(node)]


def _check_characters(value: str) -> None:
    r"""YAML can spell "\ud800" and "\0", which no file, path or tokenizer can hold."""
    if any("\ud800" <= character <= "\udfff" or character == "\0" for character in value):
        raise YamlError(f"{value[:40]!r} has half a surrogate pair or a NUL in it, which is no character")


class _Plain(yaml.SafeLoader):
    """Text, numbers, yes and no, null, lists and mappings. A date stays the text it is.

    A key given twice is an error: the first of two entries would be lost without a word.
    """

    yaml_implicit_resolvers: ClassVar = {
        first: [(tag, form) for tag, form in resolvers if tag != f"{_STANDARD}timestamp"]
        for first, resolvers in yaml.SafeLoader.yaml_implicit_resolvers.items()
    }

    def construct_object(self, node: yaml.Node, deep: bool = False) -> Any:
        kind = node.tag.removeprefix(_STANDARD)
        try:
            if kind not in _KINDS:
                raise TypeError
            return super().construct_object(node, deep)
        except (
            TypeError,
            ValueError,
            LookupError,
            ArithmeticError,
        ):  # constructors fail in as many ways as there are kinds
            shown = repr(node.value[:40]) if isinstance(node.value, str) else "a list or a mapping"
            raise YamlError(
                f"{shown} in line {node.start_mark.line + 1} is not read as {kind[:40]!r}; put text in quotes"
            ) from None

    def construct_mapping(self, node: yaml.MappingNode, deep: bool = False) -> dict[Any, Any]:
        seen: set[Any] = set()
        for key, _ in node.value if isinstance(node, yaml.MappingNode) else ():
            if key.tag == f"{_STANDARD}merge":
                continue
            name = self.construct_object(key, deep=True)
            if not isinstance(name, Hashable):
                raise yaml.constructor.ConstructorError(None, None, "a key is a list or a mapping", key.start_mark)
            if name in seen:
                raise yaml.constructor.ConstructorError(None, None, f"{name!r} is there twice", key.start_mark)
            seen.add(name)
        return super().construct_mapping(node, deep)
