"""Declare once, for grid and command line, what a method may need besides the transfer.

Needs are registered in the entry-point group `sembridge.needs`, by this project and by other packages. A module that
declares one imports nothing heavy at its top: `sembridge-bench transfer --help` shows its options.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass, field
from functools import cache
from importlib.metadata import EntryPoint, entry_points
from pathlib import Path
from types import MappingProxyType
from typing import Any

from harness.store.artifact import Local, Location, Source
from sembridge.extras import require
from sembridge.nearest import nearest

ENTRY_POINTS = "sembridge.needs"
TOKENIZER_FILES = (
    "tokenizer.json", "tokenizer_config.json", "special_tokens_map.json", "added_tokens.json",
    "vocab.txt", "vocab.json", "merges.txt",
)  # fmt: skip

logger = logging.getLogger(__name__)


@dataclass(frozen=True)
class Option:
    """Declare a file that needs read: `--source-text FILE` of `transfer`, `source_text: FILE` in a preset.

    name      of words joined by underscores
    help      what it is, with its article: "a bilingual dictionary"
    note      what the help adds in brackets
    is_text   the file is UTF-8 text
    is_model  it is no file but an encoder: a folder, a part of the pocket, or OWNER/NAME@COMMIT on the hub
    extra     the extra of this project whose packages read the file; empty: none
    check     raises ValueError for a file of another form; called before anything is computed
    """

    name: str
    help: str
    note: str = ""
    is_text: bool = True
    is_model: bool = False
    check: Callable[[Path], object] | None = None
    extra: str = ""

    def __post_init__(self) -> None:
        if not self.name.isidentifier():
            raise ValueError(f"option {self.name!r} is not a name; use letters, digits and underscores")

    @property
    def flag(self) -> str:
        return f"--{self.name.replace('_', '-')}"

    @property
    def kind(self) -> str:
        """Return what stands for the value in messages."""
        return "MODEL" if self.is_model else "FILE"


@dataclass(frozen=True)
class OnRequest:
    """Declare an option that a need reads too, where it is at hand and a field of the method asks for it.

    field, value  the field, and what it holds then
    without       what happens where the option is asked for and not at hand, for the progress line
    """

    option: Option
    field: str
    value: str
    without: str

    def is_asked(self, fields: Mapping[str, Any]) -> bool:
        """Return whether a method asks for it, by the values of its fields."""
        return fields.get(self.field) == self.value


BRIDGE = Option("bridge", "a multilingual sentence encoder", "default: the method's own")
"""In presets `bridges`, an axis of the grid."""
TEXT = Option(
    "text", "text of the new language, one passage a line", "focus, wechsel, signet; ofa with --bridge; pieces=words"
)
"""In a grid the documents of the collection stand in for it."""


@dataclass(frozen=True)
class Materials:
    """Hold what the inputs of a need are made from.

    encoder, tokenizer  the source encoder, the tokenizer of the new language
    sources             option -> what it names, for one option of each group and those on request
    training            settings of the need's stage that the user set
    prompt              prefix of every text that the bridge embeds; None: its own
    language            code of the new language; empty if unknown
    profile             fixed | compat
    """

    encoder: Source
    tokenizer: Source
    sources: Mapping[str, Source]
    training: Mapping[str, Any] = field(default_factory=dict)
    prompt: str | None = ""
    language: str = ""
    profile: str = "fixed"

    @property
    def source_tokenizer(self) -> Source:
        """Return the encoder's tokenizer, keyed by its own files: encoders of one vocabulary share artifacts."""
        from sembridge.encoder.loading import masked_lm_folder

        encoder = self.encoder
        if isinstance(encoder, Local) and encoder.path.is_dir():
            return Local(masked_lm_folder(encoder.path), TOKENIZER_FILES)
        return encoder


@dataclass(frozen=True)
class Need:
    """Declare a need.

    name        as in a method's `needs`
    field       the field of the method that it fills
    options     groups of options; the first available one of each group is read
    on_request  options that are read where they are available and a field of the method asks for them
    inputs      the artifacts and files that the field is made of, by name; they become inputs of the initialization.
                Names and parameters are part of artifacts' keys
    load        returns what fills the field, read into memory from the locations of these inputs
    makes       what is made of the files, for the progress line: "token vectors trained on it"
    training    settings of the need's stage (not of the method), with their defaults
    stand_in    what the field holds while the grid is planned, where the method's label depends on it; takes the
                preset's files by option, and the profile
    sides       (source [S, K], target [T, K]) vectors of what fills the field, where both vocabularies lie in one
                space; they tell how near donors are
    measure     the name of that nearness: "by the word vectors"
    dimensions  K of the vectors that a method compares, for estimates; takes inputs and `harness.estimate.sizes.Sizes`
    extra       the extra of this project whose packages its stages import, whatever they read; empty: none
    """

    name: str
    field: str
    options: tuple[tuple[Option, ...], ...]
    inputs: Callable[[Materials], Mapping[str, Source]]
    load: Callable[[Mapping[str, Location]], Any]
    on_request: tuple[OnRequest, ...] = ()
    makes: str = "read"
    training: Callable[[], Mapping[str, Any]] = dict
    stand_in: Callable[[Mapping[str, str], str], Any] | None = None
    sides: Callable[[Any], tuple[Any, Any]] | None = None
    measure: str = ""
    dimensions: Callable[[Mapping[str, Source], Any], int | None] | None = None
    extra: str = ""

    def require(self, read: Collection[Option], initializer: str) -> None:
        """Check that the packages are installed that the options and the stages need; MissingExtraError if not."""
        for extra in sorted({self.extra, *(option.extra for option in read)} - {""}):
            require(extra, f"initializer {initializer!r}")

    def choose(
        self,
        available: Collection[str],
        initializer: str,
        spell: Callable[[Option], str],
        fields: Mapping[str, Any] = MappingProxyType({}),
    ) -> list[Option]:
        """Return the options to read, each once: the first available one of each group, and those on request.

        fields  of the method, with their values

        Raises ValueError if a group has none; `spell` returns how an option is written.
        """
        chosen: dict[str, Option] = {}
        for group in self.options:
            option = next((option for option in group if option.name in available), None)
            if option is None:
                kinds = " or ".join(option.help for option in group)
                ways = " or ".join(spell(option) for option in group)
                raise ValueError(f"initializer {initializer!r} needs {kinds}: add {ways}")
            chosen[option.name] = option
        asked = (request.option for request in self.on_request if request.is_asked(fields))
        chosen |= {option.name: option for option in asked if option.name in available}
        return list(chosen.values())

    def unavailable(self, read: Collection[Option], fields: Mapping[str, Any]) -> list[OnRequest]:
        """Return what the method asks for and is not among the options that are read."""
        return [request for request in self.on_request if request.is_asked(fields) and request.option not in read]


def needs_of(initializer: Any) -> list[Need]:
    """Return the needs of an initializer's class; ValueError for a need that no package declares."""
    return [_need(name, initializer.name) for name in initializer.needs]


def options() -> dict[str, Option]:
    """Return the options of all registered needs by name; a need that cannot be loaded is left out with a warning."""
    by_name: dict[str, Option] = {}
    for name in _entries():
        try:
            need = _load(name)
        except ValueError as error:
            logger.warning("%s", error)
            continue
        for group in (*need.options, [request.option for request in need.on_request]):
            by_name |= {option.name: option for option in group if option.name not in by_name}
    return by_name


def _need(name: str, initializer: str) -> Need:
    if name not in _entries():
        problem = f"initializer {initializer!r} needs {name!r}, which no package declares under {ENTRY_POINTS}"
        raise ValueError(f"{problem}; {nearest(name, _entries())}")
    return _load(name)


@cache
def _entries() -> Mapping[str, EntryPoint]:
    return {entry.name: entry for entry in entry_points(group=ENTRY_POINTS)}


@cache
def _load(name: str) -> Need:
    entry = _entries()[name]
    try:
        need = entry.load()
    except Exception as error:  # code of other packages
        reason = f"{type(error).__name__}: {error}"
    else:
        if isinstance(need, Need) and need.name == name:
            return need
        reason = f"it is not a Need called {name!r}"
    package = entry.dist.name if entry.dist else "its package"
    raise ValueError(f"need {name!r} cannot be loaded from {entry.value} ({reason}); repair or remove {package}")
