"""Turn what was typed into readable inputs: folders, files, hub models with a pinned revision, parts of the pocket."""

from __future__ import annotations

import codecs
import re
import sys
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from harness.cli.refusal import RefusedError
from harness.collections.collection import CollectionError
from harness.plan.model_checks import check_contents, check_encoder_folder, check_model, check_tokenizer
from harness.plan.preset import PresetError
from harness.store.artifact import Artifact, Hub, Local, Location, Member, Source
from harness.store.store import Store, StoreError
from sembridge.extras import MissingExtraError
from sembridge.model_card.license import hub_license, stated_license
from sembridge.model_card.recipe import Ingredient
from sembridge.search.manifest import IndexFolderError

_LANGUAGE = re.compile(r"[a-z]{2,3}(-[A-Za-z0-9]+)*")
_SENTENCES = (MissingExtraError, CollectionError, IndexFolderError)  # a sentence for a person already
_LOOK = 1 << 20  # bytes of a file that are checked before the work begins


@dataclass(frozen=True)
class Input:
    """Hold an input: as typed, and what it stands for."""

    typed: str
    source: Source

    @property
    def name(self) -> str:
        """Return its name for readers of records and cards: never a path."""
        return self.path.name if isinstance(self.source, Local) else self.typed

    @property
    def path(self) -> Path:
        """Return the path of a file or folder."""
        assert isinstance(self.source, Local)
        return self.source.path

    def ingredient(self) -> Ingredient:
        """Return its entry in the record, with the license that its own card states."""
        match self.source:
            case Local(path=path):
                return Ingredient(self.name, license=stated_license(path / "README.md"))
            case Hub(_, revision):
                return Ingredient(self.name, revision, hub_license(self.name, revision))
        return Ingredient(self.name)


def encoder(name: str, revision: str | None, option: str = "SOURCE") -> Input:
    """Return a sparse encoder; RefusedError if a folder is not a masked LM in safetensors."""
    source = _model(option, name, revision, "--revision")
    return Input(name, _check(check_model, option, source))


def tokenizer(name: str, revision: str | None, how: str = "") -> Input:
    """Return the tokenizer; RefusedError if a folder has no tokenizer.json or no pad token.

    how  a revision is given, for the message, if not by an option of its own
    """
    source = _model("--tokenizer", name, revision, "--tokenizer-revision", how)
    return Input(name, _check(check_tokenizer, "--tokenizer", source))


def bridge(name: str, revision: str | None, how: str = "") -> Input:
    """Return the bridge; RefusedError if a folder is not a model of sentence-transformers or transformers.

    how  as for `tokenizer`
    """
    source = _model("--bridge", name, revision, "--bridge-revision", how)
    files = ("modules.json", "config.json")
    if isinstance(source, Local) and not any((source.path / file).is_file() for file in files):
        raise RefusedError(f"--bridge {name!r} has no modules.json; give the folder of a SentenceTransformer")
    return Input(name, source)


def model(option: str, typed: str) -> Input:
    """Return an encoder of any kind, a hub model with its revision in the name; RefusedError if a folder is none."""
    name, revision = split_revision(typed)
    source = _model(option, name, revision, option, f"as {name}@COMMIT")
    return Input(name, _check(check_encoder_folder, option, source))


def split_revision(typed: str) -> tuple[str, str | None]:
    """Return (name, revision) of OWNER/NAME@COMMIT; (typed, None) for a folder and for a name alone."""
    if Path(typed).expanduser().exists():
        return typed, None
    name, _, revision = typed.partition("@")
    return name, revision or None


def check_language(code: str | None) -> None:
    """Refuse what is not the code of a language; None: it was not given."""
    if code is not None and not _LANGUAGE.fullmatch(code):
        raise RefusedError(f"--language {code!r} is not a language code; give one like ko, zh or pt-BR")


def check_files(option: str, kind: str, item: Input) -> None:
    """Refuse a folder whose tokenizer is not used as its files say, or that lacks weights; imports transformers.

    kind  encoder | tokenizer | bridge | donor
    """
    _check(lambda option, source: check_contents(option, kind, source), option, item.source)


def file(option: str, path: Path, *, is_text: bool = True) -> Input:
    """Return a file; RefusedError if it is missing, empty, or text that is not UTF-8."""
    path = path.expanduser()
    if not path.is_file():
        raise RefusedError(f"{option} {str(path)!r} is not a file; check the path")
    if path.stat().st_size == 0:
        raise RefusedError(f"{option} {str(path)!r} is empty; give a file with something in it")
    if is_text:
        try:
            with path.open("rb") as opened:
                start, is_whole = opened.read(_LOOK), not opened.read(1)
            codecs.getincrementaldecoder("utf-8")().decode(start, final=is_whole)
        except UnicodeDecodeError as error:
            problem = f"{option} {str(path)!r} is not UTF-8 text (byte {error.start})"
            raise RefusedError(f"{problem}; convert it, e.g. with iconv -t UTF-8") from None
    return Input(str(path), Local(path.resolve()))


def check_store(store: Path, items: Iterable[Input]) -> None:
    """Refuse a store that cannot be used, if one of the inputs is a part of the pocket, which is built there."""
    if any(isinstance(item.source, (Artifact, Member)) for item in items):
        try:
            Store(store)
        except StoreError as error:
            raise RefusedError(str(error)) from None


@contextmanager
def reading(inputs: Mapping[str, Input]) -> Iterator[None]:
    """Raise failures inside as a ValueError that names these inputs, by option: loaders fail on damage in many ways."""
    try:
        yield
    except Exception as error:
        if type(error) is ValueError or isinstance(error, _SENTENCES):
            raise
        reason = (str(error).strip().splitlines() or [""])[0]
        names = ", ".join(f"{option} {item.typed!r}" for option, item in inputs.items())
        raise ValueError(f"{names} cannot be read ({type(error).__name__}: {reason})") from error


def place(role: str, item: Input, store: Path, say: Callable[[str, str], None]) -> Location:
    """Return where to read an input; a part of the pocket is built into the store first.

    Raises StoreError for a store that cannot be used.
    """
    match item.source:
        case Local(path=path):
            return Location(str(path))
        case Hub(name, revision):
            return Location(name, revision)
    from harness.pocket.names import pocket_folder

    artifact = item.source.artifact if isinstance(item.source, Member) else item.source
    if not Store(store).has(artifact):
        say(role, f"{item.typed} is built for the store {str(store)!r}, once; this takes a minute or two")
    return Location(str(pocket_folder(item.typed.removeprefix("pocket:"), store)))


def _model(option: str, name: str, revision: str | None, revision_option: str, how: str = "") -> Source:
    """Return the folder, hub model or part of the pocket that a name stands for.

    how  a revision is given, if not by `revision_option`
    """
    path, is_pocket = Path(name).expanduser(), name.startswith("pocket:")
    if revision is not None and (is_pocket or path.exists()):
        reason = f"{option} {name!r} is not a hub model"
        raise RefusedError(f"{revision_option} {revision!r} has no effect: {reason}; leave it out")
    if is_pocket:
        from harness.pocket.names import pocket_member

        try:
            return pocket_member(name.removeprefix("pocket:"))
        except ValueError as error:
            raise RefusedError(f"{option}: {error}") from None
    if path.is_dir():
        return Local(path.resolve())
    if path.exists():
        raise RefusedError(f"{option} {name!r} is a file; give the folder of a model")
    problem = f"{option} {name!r} does not exist here"
    if name.count("/") != 1 or name.startswith((".", "~", "/")):
        raise RefusedError(f"{problem}; check the path, or give a hub id as OWNER/NAME")
    if revision is None:
        how = how or f"with {revision_option} COMMIT"
        raise RefusedError(f"{problem}; if it is a hub model, add its pinned revision {how}")
    return Hub(name, revision)


def _check(check: Callable[[str, Source], None], option: str, source: Source) -> Source:
    try:
        check(option, source)
    except PresetError as error:
        raise RefusedError(str(error)) from None
    return source


def bridge_prompt(typed: str | None, item: Input, location: Location) -> str:
    """Return what precedes every text that a bridge embeds; warns if that seems wrong."""
    from harness.catalog.prompts import doubt, prompt_of_folder, prompt_of_model

    folder = location.path if location.revision is None else None
    prompt = typed
    if prompt is None:
        prompt = prompt_of_folder(folder) if folder else prompt_of_model(*location)
    if warning := doubt("--bridge", "--bridge-prompt", item.name, folder, prompt):
        print(f"warning: {warning}", file=sys.stderr)
    return prompt
