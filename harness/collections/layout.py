"""Where a dataset repository keeps corpus, queries and judgements: by the configs of its card, by the names of its files, or as MIRACL does."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any, NamedTuple

from harness.collections.collection import CollectionError
from harness.collections.repository import Repository
from sembridge.nearest import nearest

Splits = dict[str, list[str]]
"""Split -> paths in a repository, in their order."""

_SUFFIXES = re.compile(r"\.(parquet|jsonl|jsonl\.gz|tsv)$")
_MIRACL = {
    "corpus": "miracl-corpus-v1.0-{config}/docs-*.jsonl.gz",
    "queries": "miracl-v1.0-{config}/topics/topics.miracl-v1.0-{config}-{split}.tsv",
    "judgements": "miracl-v1.0-{config}/qrels/qrels.miracl-v1.0-{config}-{split}.tsv",
}


class File(NamedTuple):
    """A file of a repository."""

    repository: Repository
    path: str


@dataclass(frozen=True)
class Layout:
    """The files of one collection; `train` may be empty."""

    corpus: list[File]
    queries: list[File]
    test: list[File]
    train: list[File]


def beir_layout(parameters: Mapping[str, Any]) -> Layout:
    """Of a repository with a table each for corpus, queries and judgements, as configs of its card or by the names of its files."""
    repository = Repository(parameters["hub"], parameters["revision"])
    other = _other(parameters) or repository
    config, split = parameters["config"], parameters.get("split")
    corpus, queries = _role(repository, config, ["corpus"]), _role(repository, config, ["queries"])
    judgements = _role(other, config, ["qrels", "default", ""])
    test = _test_split(other, judgements, split)
    train = parameters.get("train", "train")
    if "train" in parameters and train not in judgements:
        raise CollectionError(
            f"hub dataset {other.name!r}: no judgements for the split {train!r}; {nearest(train, judgements)}"
        )
    if len(corpus) > 1 and test not in corpus:
        raise CollectionError(
            f"hub dataset {repository.name!r}: the corpus has the splits {', '.join(corpus)}, none of them {test!r}; choose a split"
        )
    asked = [name for name in (test, train) if name in queries] or list(queries)
    return Layout(
        [File(repository, path) for path in (corpus[test] if test in corpus else next(iter(corpus.values())))],
        [File(repository, path) for name in asked for path in queries[name]],
        [File(other, path) for path in judgements[test]],
        [File(other, path) for path in judgements.get(train, [])] if train != test else [],
    )


def miracl_layout(parameters: Mapping[str, Any]) -> Layout:
    """Of MIRACL's raw files: the corpus in one repository, topics and judgements in another."""
    repository, other = Repository(parameters["hub"], parameters["revision"]), _other(parameters)
    assert other is not None
    split, train = parameters.get("split", "dev"), parameters.get("train", "train")

    def found(of: Repository, role: str, name: str, needed: bool) -> list[File]:
        pattern = _MIRACL[role].format(config=parameters["config"], split=name)
        paths = _matching(of, pattern)
        if needed and not paths:
            raise CollectionError(
                f"hub dataset {of.name!r} has no file {pattern}: check config {parameters['config']!r} and split {name!r}"
            )
        return [File(of, path) for path in paths]

    judged = found(other, "judgements", train, "train" in parameters) if train != split else []
    topics = found(other, "queries", split, True) + (found(other, "queries", train, True) if judged else [])
    return Layout(found(repository, "corpus", split, True), topics, found(other, "judgements", split, True), judged)


LAYOUTS = {"beir": beir_layout, "miracl": miracl_layout}
"""Kind, as presets call it -> how to find the files."""


def _other(parameters: Mapping[str, Any]) -> Repository | None:
    given = parameters.get("judgements")
    return Repository(given["hub"], given["revision"]) if given else None


def _role(repository: Repository, config: str, roles: list[str]) -> Splits:
    """The splits of the first of these roles that the repository has."""
    configs = _configs(repository)
    names = [f"{config}-{role}".strip("-") if config else role for role in roles]
    for name in names:
        if name in configs:
            return configs[name]
    for role in roles if not configs else ():
        splits = _by_name(repository, config, role)
        if splits:
            return splits
    if repository.script is not None:
        raise CollectionError(
            f"hub dataset {repository.name!r} is a loading script ({repository.script}), and scripts are not run: use a copy in Parquet "
            f"(mteb/... has most of them), its id in ir_datasets, or, for MIRACL, kind: miracl"
        )
    known = f"config {names[0]!r}; {nearest(names[0], configs)}" if configs else f"files called {names[0]}"
    raise CollectionError(f"hub dataset {repository.name!r} has no {known}")


def _configs(repository: Repository) -> dict[str, Splits]:
    """The configs of the card: name -> split -> paths."""
    card = repository.card
    try:
        stated = [pattern for config in card.get("configs") or [] for pattern in _patterns(config)]
    except (AttributeError, KeyError, TypeError):
        raise CollectionError(
            f"hub dataset {repository.name!r}: the configs of its card are no list of names with files: choose another revision"
        ) from None
    found: dict[str, Splits] = {}
    for name, split, pattern in stated:
        known = found.get(name, {}).get(split, [])
        paths = [path for path in _matching(repository, pattern) if path not in known]
        if paths:
            found.setdefault(name, {})[split] = known + paths
    return found


def _patterns(config: Mapping[str, Any]) -> list[tuple[str, str, str]]:
    """(name, split, pattern) of each file that a config of a card has."""
    given = config.get("data_files") or []
    folder = f"{config['data_dir'].strip('/')}/" if config.get("data_dir") else ""
    found = []
    for entry in given if isinstance(given, list) else [given]:
        split, patterns = (entry.get("split", "train"), entry["path"]) if isinstance(entry, dict) else ("train", entry)
        for pattern in patterns if isinstance(patterns, list) else [patterns]:
            found.append((str(config["config_name"]), str(split), folder + pattern))
    return found


def _by_name(repository: Repository, config: str, role: str) -> Splits:
    """Without configs: corpus.jsonl, qrels/test.tsv, ko-corpus/test-00000-of-00001.parquet, ko/corpus.jsonl.gz, test.tsv (role "")."""
    starts = [f"{config}-{role}", f"{config}/{role}"] if config else [role]
    splits: Splits = {}
    for path in _ordered(repository.files):
        stem = _SUFFIXES.sub("", path)
        for start in starts:
            rest = stem.removeprefix(start)
            if (
                stem == path
                or not stem.startswith(start)
                or "/" in rest.strip("/")
                or (start and rest and rest[0] != "/")
            ):
                continue
            splits.setdefault(re.split(r"[-.]", rest.strip("/"))[0] or role, []).append(path)
            break
    return splits


def _test_split(repository: Repository, judgements: Splits, split: str | None) -> str:
    wanted = [split] if split is not None else ["test", "dev"]
    for name in wanted:
        if name in judgements:
            return name
    raise CollectionError(
        f"hub dataset {repository.name!r}: no judgements for the split {wanted[0]!r}; {nearest(wanted[0], judgements)}"
    )


def _matching(repository: Repository, pattern: str) -> list[str]:
    """As cards mean it: * stays within a folder, ** does not."""
    parts = [part for part in re.split(r"(\*\*/|\*\*|\*|\?)", pattern) if part]
    return _ordered(path for path in repository.files if _fits(path, parts))


def _fits(path: str, parts: list[str]) -> bool:
    """All places a path can be at after each part: a regular expression would try them one after the other, for years if a card wants it."""
    places = {0}
    for part in parts:
        if part == "**/":
            places |= {place + 1 for place in range(min(places, default=len(path)), len(path)) if path[place] == "/"}
        elif part == "**":
            places = set(range(min(places, default=len(path) + 1), len(path) + 1))
        elif part == "*":
            ends = (path.find("/", place) for place in places)
            reached = ((place, end if end >= 0 else len(path)) for place, end in zip(places, ends, strict=True))
            places = {place for start, end in reached for place in range(start, end + 1)}
        elif part == "?":
            places = {place + 1 for place in places if place < len(path) and path[place] != "/"}
        else:
            places = {place + len(part) for place in places if path.startswith(part, place)}
    return len(path) in places


def _ordered(paths: Iterable[str]) -> list[str]:
    """docs-2 before docs-10."""
    return sorted(paths, key=lambda path: [int(part) if part.isdigit() else part for part in re.split(r"(\d+)", path)])
