"""Read YAML as data: plain values, every key once, aliases that stay small. Other YAML is refused in one line."""

from __future__ import annotations

from collections.abc import Hashable
from pathlib import Path
from typing import Any, ClassVar

import yaml

from harness.files.bounded import OversizedError, text

BYTES = 1 << 20
"""Of a file. The parser is written in Python: it takes ten seconds for this much."""

VALUES = 100_000
"""Values, counted as often as aliases repeat them: a few lines can otherwise stand for more than fits in memory."""

DEPTH = 100

_STANDARD = "tag:yaml.org,2002:"
_KINDS = ("str", "int", "float", "bool", "null", "map", "seq", "merge")


class YamlError(ValueError):
    """The content is refused; one line without the file name."""


def read(path: Path) -> Any:
    """Return the content of a file. Raises YamlError, and OSError if it cannot be read."""
    try:
        return load(text(path, BYTES))
    except UnicodeDecodeError as error:
        raise YamlError(f"byte {error.start + 1} is not UTF-8") from None
    except OversizedError as error:
        raise YamlError(str(error)) from None


def load(content: str) -> Any:
    """Return the value of a text. Raises YamlError."""
    try:
        loader = _Plain(content)
        try:
            node = loader.get_single_node()
            if node is None:
                return None
            _count_values(node, {}, ())
            return loader.construct_document(node)
        finally:
            loader.dispose()
    except yaml.YAMLError as error:
        raise YamlError(" ".join(str(error).split()).replace('in "<unicode string>", ', "in ")) from None
    except RecursionError:
        raise YamlError(f"nested more than {DEPTH} deep") from None


def _count_values(node: yaml.Node, counts: dict[int, int], above: tuple[int, ...]) -> int:
    """Return how many values a node stands for, with its aliases written out."""
    if id(node) in above:
        raise YamlError("an alias refers to a value that contains it")
    if len(above) > DEPTH:
        raise YamlError(f"nested more than {DEPTH} deep")
    if id(node) not in counts:
        below: list[yaml.Node] = []
        if isinstance(node, yaml.MappingNode):
            below = [part for pair in node.value for part in pair]
        elif isinstance(node, yaml.SequenceNode):
            below = node.value
        else:
            _check_characters(node.value)
        count = 1 + sum(_count_values(part, counts, (*above, id(node))) for part in below)
        if count > VALUES:
            raise YamlError(f"more than {VALUES:,} values, aliases written out")
        counts[id(node)] = count
    return counts[id(node)]


def _check_characters(value: str) -> None:
    r"""Refuse "\ud800" and "\0", which YAML can spell, but which files, paths and tokenizers cannot contain."""
    if any("\ud800" <= character <= "\udfff" or character == "\0" for character in value):
        raise YamlError(f"{value[:40]!r} contains half a surrogate pair or a NUL, which is not text")


class _Plain(yaml.SafeLoader):
    """Load text, numbers, yes and no, null, lists and mappings. A date stays text.

    A repeated key is an error: the first of two entries would be lost silently.
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
        except (TypeError, ValueError, LookupError, ArithmeticError):  # each constructor fails in its own way
            value = repr(node.value[:40]) if isinstance(node.value, str) else "a list or a mapping"
            place = f"in line {node.start_mark.line + 1}"
            raise YamlError(f"{value} {place} is not read as {kind[:40]!r}; put text in quotes") from None

    def construct_mapping(self, node: yaml.MappingNode, deep: bool = False) -> dict[Any, Any]:
        seen: set[Any] = set()
        for key, _ in node.value if isinstance(node, yaml.MappingNode) else ():
            if key.tag == f"{_STANDARD}merge":
                continue
            name = self.construct_object(key, deep=True)
            if not isinstance(name, Hashable):
                raise yaml.constructor.ConstructorError(None, None, "a key is a list or a mapping", key.start_mark)
            if name in seen:
                raise yaml.constructor.ConstructorError(None, None, f"{name!r} is repeated", key.start_mark)
            seen.add(name)
        return super().construct_mapping(node, deep)
