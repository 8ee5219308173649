"""Find the documents and the queries that options name: files, folders, parts of the pocket."""

from __future__ import annotations

from pathlib import Path

from harness.cli.inputs import Input, place
from harness.cli.messages import say
from harness.cli.refusal import RefusedError
from harness.collections import jsonl
from harness.collections.collection import CollectionError
from harness.collections.documents import Documents, find
from harness.store.store import StoreError


def find_documents(typed: str, store: Path) -> Documents:
    """Return the documents that --collection names; RefusedError if there are none."""
    try:
        return find(folder_of(typed, "--collection", store))
    except CollectionError as error:
        raise RefusedError(f"--collection: {error}") from None


def folder_of(typed: str, option: str, store: Path) -> Path:
    """Return the path that an option names; a part of the pocket is built into the store first."""
    if not typed.startswith("pocket:"):
        return Path(typed).expanduser()
    from harness.pocket.names import pocket_member

    try:
        item = Input(typed, pocket_member(typed.removeprefix("pocket:")))
        return Path(place("documents", item, store, say).path)
    except (ValueError, StoreError) as error:
        raise RefusedError(f"{option}: {error}") from None


def read_queries(path: Path) -> dict[str, str]:
    """Return query id -> text; RefusedError if there are none."""
    path = path / "queries.jsonl" if path.is_dir() else path
    if path.suffix not in (".jsonl", ".tsv"):
        raise RefusedError(
            f"--queries {str(path)!r} is neither .jsonl nor .tsv; give a queries.jsonl, or id, tab, text"
        )
    try:
        if path.suffix == ".jsonl":
            queries = {line.id: line.text for line in jsonl.queries(path)}
        else:
            queries = dict(_tabbed(path))
    except CollectionError as error:
        raise RefusedError(f"--queries: {error}") from None
    if not queries:
        raise RefusedError(f"--queries {str(path)!r} has no query with a text; add some")
    return queries


def _tabbed(path: Path) -> dict[str, str]:
    """Return the queries of lines of id, tab, text. Raises CollectionError."""
    queries: dict[str, str] = {}
    for number, line in jsonl.numbered(path):
        identifier, _, text = (part.strip() for part in line.partition("\t"))
        if "\t" not in line:
            raise jsonl.defect(path, number, "no tab: write id, tab, text")
        if identifier.split() != [identifier]:
            raise jsonl.defect(path, number, f"the id {identifier[:80]!r} is empty or has white space: give it another")
        if queries.setdefault(identifier, text) != text:
            problem = f"query id {identifier[:80]!r} occurs a second time, with another text"
            raise jsonl.defect(path, number, f"{problem}: remove or rename one of the two")
    return {identifier: text for identifier, text in queries.items() if text}
