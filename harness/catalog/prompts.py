"""Find the prompts that a bridge expects: in its own files, or in the catalog."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any, NamedTuple

from harness.catalog.catalog import load_catalog
from harness.files import json_data
from harness.hub.model_files import find
from sembridge.prompt import own_prompt

CONFIG = "config_sentence_transformers.json"
_E5 = re.compile(r"(^|[-_./])e5([-_./]|$)")


def prompt_of_hub_model(name: str) -> str | None:
    """Return the catalog's prompt of a hub id; None if the catalog does not know the id, or no prompt of it."""
    entry = next((entry for entry in load_catalog().bridges.values() if entry.id == name), None)
    return entry.prompt or None if entry else None


def prompt_of_folder(folder: Path) -> str:
    """Return the prompt that a folder's config_sentence_transformers.json declares for tokens (`own_prompt`)."""
    return own_prompt(*_declared(folder))


def prompt_of_model(name: str, revision: str | None) -> str:
    """Return the prompt of a hub model: the catalog's, or else that of its config_sentence_transformers.json."""
    known = prompt_of_hub_model(name)
    path = find(name, revision, CONFIG) if known is None else None
    return known or (prompt_of_folder(path.parent) if path else "")


def doubt(option: str, flag: str, model: str, folder: Path | None, prompt: str) -> str:
    """Return a warning if a bridge is read without the prompt that it was trained with, "" if all seems well.

    option  how the bridge was named; `flag` sets its prompt
    model   hub id or path; `folder` where it lies, if it does
    prompt  what will precede every token
    """
    declared = prompt_of_folder(folder) if folder else prompt_of_hub_model(model) or ""
    if declared:
        if prompt == declared:
            return ""
        source = f"its {CONFIG}" if folder else "the catalog"
        problem = f"{option}: {model} is read with the prompt {prompt!r}, but {source} names {declared!r}"
        return f"{problem}; leave {flag.rpartition(' ')[2]} out to use that"
    if prompt or (family := _prefixed(model, folder)) is None:
        return ""
    return f"{option}: {model} seems to be {family.name}, which expects {family.query!r} before a text; " + _add(
        flag, family.query
    )


def doubt_as_retriever(option: str, model: str, folder: Path | None, query: str | None, document: str | None) -> str:
    """Return a warning if a bridge retrieves (`dense`) without the prompts that it was trained with, "" if all is well.

    option, model, folder  as for `doubt`
    query, document        what will precede each of them; None: what the model declares
    """
    family = _prefixed(model, folder)
    if family is None:
        return ""
    declared = _declared(folder)[0] if folder else {}
    own = declared.get("query"), next(filter(None, map(declared.get, ("document", "passage", "corpus"))), "")
    used = {"query": own[0] if query is None else query, "document": own[1] if document is None else document}
    expected = {"query": family.query, "document": family.document}
    lacking = [(side, expected[side]) for side, text in used.items() if not text]
    if not lacking:
        return ""
    expects = " and ".join(f"{text!r} before a {side}" for side, text in lacking)
    advice = " ".join(f"--set '{option}.{side}_prompt={text}'" for side, text in lacking)
    return f"{option}: {model} seems to be {family.name}, which expects {expects} (row dense); add {advice}"


class _Prefixed(NamedTuple):
    """A kind of bridges that were trained with a prefix before every text, and the prefixes."""

    name: str
    query: str
    document: str


def _prefixed(model: str, folder: Path | None) -> _Prefixed | None:
    """Return which kind of bridges with prefixes this one seems to be, by its names; None for another bridge."""
    names = [Path(model).name.lower(), *_names_within(folder)]
    for entry in load_catalog().bridges.values():
        tail = entry.id.rpartition("/")[2].lower()
        if entry.prompt and any(name.endswith(tail) for name in names):
            return _Prefixed(entry.id, entry.prompt, entry.document_prompt)
    if any(_E5.search(name) and "instruct" not in name for name in names):
        return _Prefixed("of the e5 family", "query: ", "passage: ")
    return None


def _add(flag: str, prompt: str) -> str:
    command, _, name = flag.rpartition(" ")
    return f"add {command} '{name}={prompt}'" if command else f"add {flag} '{prompt}'"


def _declared(folder: Path) -> tuple[dict[str, str], str | None]:
    """Return the prompts that a folder declares, by name, and the name of the default one."""
    settings = _json(folder / CONFIG)
    prompts, default = settings.get("prompts"), settings.get("default_prompt_name")
    texts = {str(name): text for name, text in prompts.items()} if isinstance(prompts, dict) else {}
    valid = {name: text for name, text in texts.items() if isinstance(text, str)}
    return valid, default if isinstance(default, str) else None


def _names_within(folder: Path | None) -> list[str]:
    """Return the names that a folder's files give to the model: where it was loaded from when it was saved."""
    name = _json(folder / "config.json").get("_name_or_path") if folder else None
    return [name.rstrip("/").lower()] if isinstance(name, str) else []


def _json(path: Path) -> dict[str, Any]:
    """Return the object in a file; {} if there is none: others check the files, and name their defects."""
    try:
        content = json_data.read(path)
    except (OSError, json_data.JsonError):
        return {}
    return content if isinstance(content, dict) else {}
