"""One tiny collection in every layout that published datasets have on the hub, as files for `hub_double`."""

from __future__ import annotations

import gzip
import io
import json
from dataclasses import dataclass
from typing import Any

DOCUMENTS = [(f"{n}#0", f"제목 {n}", f"본문 {n} 물\u2028길") for n in range(12)]
DOCUMENTS += [("20#1", "", "no title"), ("21#1", "only a title", ""), ("22#1", "", "the end")]
QUERIES = {"dev": [("7", "첫 질문"), ("3", "둘째 질문")], "train": [("100", "배움 하나"), ("101", "배움 둘")]}
JUDGED = {
    "dev": [("3", "20#1", 1), ("3", "4#0", 0), ("7", "2#0", 1)],
    "train": [("101", "22#1", 1), ("100", "5#0", 1), ("100", "6#0", 0)],
}
EXPECTED: dict[str, int] = {"documents": 15, "queries": 2, "judgements": 3, "relevant": 2, "train_pairs": 2}


@dataclass(frozen=True)
class Records:
    """documents  (id, title, text)
    queries    split (dev and train) -> (id, text)
    judged     split -> (query id, document id, score)
    """

    documents: list[tuple[str, str, str]]
    queries: dict[str, list[tuple[str, str]]]
    judged: dict[str, list[tuple[str, str, int]]]

    @property
    def counts(self) -> dict[str, int]:
        """Return the counts of a complete copy, under a catalog's names."""
        judged = self.judged["dev"]
        relevant = {split: sum(score > 0 for _, _, score in lines) for split, lines in self.judged.items()}
        counts = {"documents": len(self.documents), "queries": len({query for query, _, _ in judged})}
        return counts | {"judgements": len(judged), "relevant": relevant["dev"], "train_pairs": relevant["train"]}


TINY = Records(DOCUMENTS, QUERIES, JUDGED)


def miracl(language: str = "ko", of: Records = TINY) -> tuple[dict[str, bytes], dict[str, bytes]]:
    """Return miracl/miracl-corpus and miracl/miracl: documents, topics, judgments and loading scripts.

    There are eleven files of documents, so that file 10 has to come after file 2.
    """
    shards = [of.documents[i : i + 1] for i in range(10)] + [of.documents[10:]]
    corpus = {"README.md": b"# no head", "miracl-corpus.py": b"raise SystemExit"}
    for i, documents in enumerate(shards):
        content = lines({"docid": d, "title": title, "text": text} for d, title, text in documents)
        corpus[f"miracl-corpus-v1.0-{language}/docs-{i}.jsonl.gz"] = gzip.compress(content, mtime=0)
    judged: dict[str, bytes] = {}
    for split in ("train", "dev"):
        topics = "".join(f"{query}\t{text}\n" for query, text in of.queries[split])
        qrels = "".join(f"{query}\tQ0\t{document}\t{score}\n" for query, document, score in of.judged[split])
        judged[f"miracl-v1.0-{language}/topics/topics.miracl-v1.0-{language}-{split}.tsv"] = topics.encode()
        judged[f"miracl-v1.0-{language}/qrels/qrels.miracl-v1.0-{language}-{split}.tsv"] = qrels.encode()
    return corpus, judged | {"miracl.py": b"raise SystemExit"}


def mteb(
    identifier: str = "_id",
    split: str = "dev",
    language: str = "ko",
    shards: int = 2,
    of: Records = TINY,
    beside: str = "ru",
) -> dict[str, bytes]:
    """Return a Parquet copy with configs ko-corpus, ko-queries and ko-qrels, all of one split, and another language.

    It has no training pairs.
    """
    half, roles = len(of.documents) // shards, ("corpus", "queries", "qrels")
    files = {}
    for i in range(shards):
        shard = of.documents[i * half : (i + 1) * half if i < shards - 1 else None]
        records = [{identifier: d, "title": title, "text": text} for d, title, text in shard]
        files[f"{language}-corpus/{split}-{i:05d}-of-{shards:05d}.parquet"] = parquet(records)
    single = f"{split}-00000-of-00001.parquet"
    files[f"{language}-queries/{single}"] = parquet([{identifier: q, "text": text} for q, text in of.queries["dev"]])
    files[f"{language}-qrels/{single}"] = parquet(_judged(of, "dev", int))
    files[f"{language}-corpus/{split}-notes/{split}.parquet"] = b"not of the config: its pattern stays within a folder"
    other = {f"{beside}-{role}/{single}": parquet([{identifier: "x", "text": "y"}]) for role in roles}
    configs = {f"{name}-{role}": {split: f"{name}-{role}/{split}-*"} for name in (language, beside) for role in roles}
    return files | other | {"README.md": card(configs)}


def webfaq(old: bool = False, code: str = "kor", of: Records = TINY) -> dict[str, bytes]:
    """Return JSON lines with splits train and test; in old revisions the queries are one split."""
    documents = [{"_id": d, "title": title, "text": text} for d, title, text in of.documents]
    files, queries = {f"{code}/corpus.jsonl": lines(documents)}, {}
    for name, split in (("test", "dev"), ("train", "train")):
        files[f"{code}/qrels/{name}.jsonl"] = lines(_judged(of, split, float))
        queries[name] = [{"_id": q, "text": text} for q, text in of.queries[split]]
    splits = {name: f"{code}/queries/{name}.jsonl" for name in ("train", "test")}
    if old:
        splits = {"queries": f"{code}/queries.jsonl"}
        files[f"{code}/queries.jsonl"] = lines(queries["test"] + queries["train"])
    else:
        files |= {path: lines(queries[name]) for name, path in splits.items()}
    configs = {
        f"{code}-corpus": {"corpus": f"{code}/corpus.jsonl"},
        f"{code}-queries": splits,
        f"{code}-qrels": {name: f"{code}/qrels/{name}.jsonl" for name in ("train", "test")},
    }
    return files | {"README.md": card(configs)}


def plain() -> tuple[dict[str, bytes], dict[str, bytes]]:
    """Return BeIR's own pair of repositories: zipped lines without a card, and their judgments."""
    documents = ({"_id": d, "title": title, "text": text} for d, title, text in DOCUMENTS)
    queries = ({"_id": q, "text": text} for split in ("dev", "train") for q, text in QUERIES[split])
    tables = {}
    for name, split in (("test", "dev"), ("train", "train")):
        rows = "".join(f"{q}\t{d}\t{s}\n" for q, d, s in JUDGED[split])
        tables[f"{name}.tsv"] = f"query-id\tcorpus-id\tscore\n{rows}".encode()
    files = {"corpus.jsonl.gz": lines(documents), "queries.jsonl.gz": lines(queries)}
    return {name: gzip.compress(content) for name, content in files.items()}, tables


def card(configs: dict[str, dict[str, str]]) -> bytes:
    import yaml

    entries = [
        {"config_name": name, "data_files": [{"split": split, "path": path} for split, path in splits.items()]}
        for name, splits in configs.items()
    ]
    return f"---\n{yaml.safe_dump({'license': 'cc-by-4.0', 'configs': entries})}---\n# A card\n".encode()


def lines(records) -> bytes:
    return "".join(json.dumps(record, ensure_ascii=False) + "\n" for record in records).encode()


def parquet(records: list[dict]) -> bytes:
    import pyarrow
    import pyarrow.parquet

    file = io.BytesIO()
    pyarrow.parquet.write_table(pyarrow.Table.from_pylist(records), file)
    return file.getvalue()


def merged(*repositories: dict[str, bytes]) -> dict[str, bytes]:
    """Return several languages in one repository: all files, and a card with all configs."""
    import yaml

    cards = [yaml.safe_load(files["README.md"].decode().split("---")[1]) for files in repositories]
    configs = {
        entry["config_name"]: {file["split"]: file["path"] for file in entry["data_files"]}
        for head in cards
        for entry in head["configs"]
    }
    return {path: content for files in repositories for path, content in files.items()} | {"README.md": card(configs)}


def _judged(of: Records, split: str, score: Any) -> list[dict]:
    return [{"query-id": q, "corpus-id": d, "score": score(s)} for q, d, s in of.judged[split]]
