"""Locate corpus, queries and judgements in a dataset repository: by its card, its file names, or as in MIRACL."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any, NamedTuple

from harness.collections.collection import CollectionError
from harness.collections.repository import Repository
from sembridge.nearest import nearest

Splits = dict[str, list[str]]
"""Split -> paths in a repository, in natural order."""

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
    """Locate one table each for corpus, queries and judgements, by the card's configs or by file names."""
    repository = Repository(parameters["hub"], parameters["revision"])
    judge = _judgement_repository(parameters) or repository
    config, split = parameters["config"], parameters.get("split")
    corpus, queries = _find_splits(repository, config, ["corpus"]), _find_splits(repository, config, ["queries"])
    judgements = _find_splits(judge, config, ["qrels", "default", ""])
    test = _choose_test_split(judge, judgements, split)
    train = parameters.get("train", "train")
    if "train" in parameters and train not in judgements:
        raise _missing_judgements(judge, train, judgements)
    if len(corpus) > 1 and test not in corpus:
        problem = f"the corpus has the splits {', '.join(corpus)}, none of them {test!r}"
        raise CollectionError(f"hub dataset {repository.name!r}: {problem}; choose a split")
    query_splits = [name for name in (test, train) if name in queries] or list(queries)
    return Layout(
        [File(repository, path) for path in (corpus[test] if test in corpus else next(iter(corpus.values())))],
        [File(repository, path) for name in query_splits for path in queries[name]],
        [File(judge, path) for path in judgements[test]],
        [File(judge, path) for path in judgements.get(train, [])] if train != test else [],
    )


def miracl_layout(parameters: Mapping[str, Any]) -> Layout:
    """Locate MIRACL's raw files: the corpus in one repository, topics and judgements in another."""
    repository, judge = Repository(parameters["hub"], parameters["revision"]), _judgement_repository(parameters)
    assert judge is not None
    config, split, train = parameters["config"], parameters.get("split", "dev"), parameters.get("train", "train")

    def find(repository: Repository, role: str, split: str, required: bool = True) -> list[File]:
        pattern = _MIRACL[role].format(config=config, split=split)
        paths = _matching(repository, pattern)
        if required and not paths:
            advice = f"check config {config!r} and split {split!r}"
            raise CollectionError(f"hub dataset {repository.name!r} has no file {pattern}: {advice}")
        return [File(repository, path) for path in paths]

    judged = find(judge, "judgements", train, "train" in parameters) if train != split else []
    topics = find(judge, "queries", split) + (find(judge, "queries", train) if judged else [])
    return Layout(find(repository, "corpus", split), topics, find(judge, "judgements", split), judged)


LAYOUTS = {"beir": beir_layout, "miracl": miracl_layout}
"""A preset's `kind` -> the function that locates the files."""


def _judgement_repository(parameters: Mapping[str, Any]) -> Repository | None:
    source = parameters.get("judgements")
    return Repository(source["hub"], source["revision"]) if source else None


def _find_splits(repository: Repository, config: str, roles: list[str]) -> Splits:
    """Return the splits of the first of these roles that the repository has."""
    configs = _configs(repository)
    names = [f"{config}-{role}".strip("-") if config else role for role in roles]
    for name in names:
        if name in configs:
            return configs[name]
    for role in roles if not configs else ():
        splits = _splits_by_name(repository, config, role)
        if splits:
            return splits
    if repository.script is not None:
        problem = f"is a loading script ({repository.script}), and scripts are not run"
        advice = (
            "use a copy in Parquet (mteb/... has most of them), its id in ir_datasets, or, for MIRACL, kind: miracl"
        )
        raise CollectionError(f"hub dataset {repository.name!r} {problem}: {advice}")
    missing = f"config {names[0]!r}; {nearest(names[0], configs)}" if configs else f"files called {names[0]}"
    raise CollectionError(f"hub dataset {repository.name!r} has no {missing}")


def _configs(repository: Repository) -> dict[str, Splits]:
    """Return the configs of the card: name -> split -> paths."""
    try:
        declared = [pattern for config in repository.card.get("configs") or [] for pattern in _patterns(config)]
    except (AttributeError, KeyError, TypeError):
        problem = "the configs of its card are not a list of names with files"
        raise CollectionError(f"hub dataset {repository.name!r}: {problem}: choose another revision") from None
    configs: dict[str, Splits] = {}
    for name, split, pattern in declared:
        earlier = configs.get(name, {}).get(split, [])
        paths = [path for path in _matching(repository, pattern) if path not in earlier]
        if paths:
            configs.setdefault(name, {})[split] = earlier + paths
    return configs


def _patterns(config: Mapping[str, Any]) -> list[tuple[str, str, str]]:
    """Return (name, split, pattern) of each file pattern in a config of a card."""
    entries = config.get("data_files") or []
    folder = f"{config['data_dir'].strip('/')}/" if config.get("data_dir") else ""
    declared = []
    for entry in entries if isinstance(entries, list) else [entries]:
        split, patterns = (entry.get("split", "train"), entry["path"]) if isinstance(entry, dict) else ("train", entry)
        for pattern in patterns if isinstance(patterns, list) else [patterns]:
            declared.append((str(config["config_name"]), str(split), folder + pattern))
    return declared


def _splits_by_name(repository: Repository, config: str, role: str) -> Splits:
    """Return the splits of a role by file names, for a repository without configs.

    Examples: corpus.jsonl, qrels/test.tsv, ko-corpus/test-00000-of-00001.parquet, ko/corpus.jsonl.gz, and test.tsv for
    the role "".
    """
    starts = [f"{config}-{role}", f"{config}/{role}"] if config else [role]
    splits: Splits = {}
    for path in _ordered(repository.files):
        stem = _SUFFIXES.sub("", path)
        for start in starts:
            rest = stem.removeprefix(start)
            if stem == path or not stem.startswith(start):
                continue
            if "/" in rest.strip("/") or (start and rest and rest[0] != "/"):
                continue
            splits.setdefault(re.split(r"[-.]", rest.strip("/"))[0] or role, []).append(path)
            break
    return splits


def _choose_test_split(repository: Repository, judgements: Splits, split: str | None) -> str:
    candidates = [split] if split is not None else ["test", "dev"]
    for name in candidates:
        if name in judgements:
            return name
    raise _missing_judgements(repository, candidates[0], judgements)


def _missing_judgements(repository: Repository, split: str, judgements: Splits) -> CollectionError:
    problem = f"no judgements for the split {split!r}"
    return CollectionError(f"hub dataset {repository.name!r}: {problem}; {nearest(split, judgements)}")


def _matching(repository: Repository, pattern: str) -> list[str]:
    """Return the paths that match a card's pattern: * stays within a folder, ** does not."""
    parts = [part for part in re.split(r"(\*\*/|\*\*|\*|\?)", pattern) if part]
    return _ordered(path for path in repository.files if _fits(path, parts))


def _fits(path: str, parts: list[str]) -> bool:
    """Return whether a path matches the parts of a pattern.

    Track all positions reachable after each part: a regular expression would backtrack, for years on a hostile pattern.
    """
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
    """Sort naturally: docs-2 before docs-10."""
    return sorted(paths, key=lambda path: [int(part) if part.isdigit() else part for part in re.split(r"(\d+)", path)])
