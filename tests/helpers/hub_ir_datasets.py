"""ir_datasets with the hub's double: the package's MIRACL classes and download code, with other addresses and md5s."""

from __future__ import annotations

import gzip
import hashlib
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from tests.helpers import hub_repositories as real
from tests.helpers.hub_double import Hub

NO_LOGIN = "macavaney/miracl-noauth"


def serve_miracl(
    hub: Hub, home: Path, monkeypatch: Any, of: Iterable[tuple[str, real.Records]] = (("ko", real.TINY),)
) -> dict[str, dict[str, bytes]]:
    """Register the package's miracl/* again with the double's files; return the files of the two repositories."""
    import ir_datasets
    from ir_datasets.util.download import DownloadConfig

    contents = DownloadConfig.contents()["miracl"]
    repositories: dict[str, dict[str, bytes]] = {"miracl/miracl-corpus": {}, NO_LOGIN: {}}
    for language, records in of:
        corpus, judged = real.miracl(language, records)
        folder = f"miracl-corpus-v1.0-{language}"
        named = {entry["url"].rsplit("/", 1)[1] for entry in contents.values() if f"/{folder}/" in entry["url"]}
        parts = [corpus[f"{folder}/docs-{i}.jsonl.gz"] for i in range(11)]
        for i in range(len(named)):  # the package expects that many files
            shard = parts[i * 11 // len(named) : (i + 1) * 11 // len(named)]
            repositories["miracl/miracl-corpus"][f"{folder}/docs-{i}.jsonl.gz"] = b"".join(shard) or gzip.compress(b"")
        repositories[NO_LOGIN] |= judged
    for name, files in repositories.items():
        hub.add(name, files)
    downloads = {}
    for key, entry in contents.items():
        repository, _, path = entry["url"].removeprefix("https://huggingface.co/datasets/").partition("/resolve/main/")
        content = repositories[repository].get(path)
        md5 = hashlib.md5(content).hexdigest() if content is not None else entry["expected_md5"]
        url = entry["url"].replace("https://huggingface.co", hub.url)
        downloads[key] = entry | {"url": url, "expected_md5": md5}
    monkeypatch.setenv("IR_DATASETS_HOME", str(home))
    monkeypatch.setitem(DownloadConfig.contents(), "miracl", downloads)
    monkeypatch.setattr(ir_datasets, "registry", type(ir_datasets.registry)())
    ir_datasets.datasets.miracl._init()
    return repositories
