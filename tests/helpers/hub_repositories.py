"""One tiny collection in every layout that datasets of the field have on the hub, as files for `hub_double`."""

from __future__ import annotations

import gzip
import io
import json
from dataclasses import dataclass
from typing import Any

DOCUMENTS = [
    *[(f"{n}#0", f"제목 {n}", f"본문 {n} 물\u2028길") for n in range(12)],
    ("20#1", "", "no title"), ("21#1", "only a title", ""), ("22#1", "", "the end"),
]  # fmt: skip
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
    judged     split -> (query id, document id, score)"""

    documents: list[tuple[str, str, str]]
    queries: dict[str, list[tuple[str, str]]]
    judged: dict[str, list[tuple[str, str, int]]]

    @property
    def counts(self) -> dict[str, int]:
        """What a complete copy holds, in the words of a catalog."""
        judged = self.judged["dev"]
        relevant = {split: sum(score > 0 for _, _, score in lines) for split, lines in self.judged.items()}
        counts = {
            "documents": len(self.documents),
            "queries": len({query for query, _, _ in judged}),
            "judgements": len(judged),
        }
        return counts | {"relevant": relevant["dev"], "train_pairs": relevant["train"]}


TINY = Records(DOCUMENTS, QUERIES, JUDGED)


def miracl(language: str = "ko", of: Records = TINY) -> tuple[dict[str, bytes], dict[str, bytes]]:
    """miracl/miracl-corpus and miracl/miracl: eleven files of documents (so that 10 has to come after 2), topics, judgements, loading scripts."""
    share = [of.documents[i : i + 1] for i in range(10)] + [of.documents[10:]]
    corpus = {
        f"miracl-corpus-v1.0-{language}/docs-{i}.jsonl.gz": gzip.compress(
            lines({"docid": d, "title": title, "text": text} for d, title, text in documents), mtime=0
        )
        for i, documents in enumerate(share)
    }
    judged: dict[str, bytes] = {}
    for split in ("train", "dev"):
        topics = "".join(f"{query}\t{text}\n" for query, text in of.queries[split])
        qrels = "".join(f"{query}\tQ0\t{document}\t{score}\n" for query, document, score in of.judged[split])
        judged[f"miracl-v1.0-{language}/topics/topics.miracl-v1.0-{language}-{split}.tsv"] = topics.encode()
        judged[f"miracl-v1.0-{language}/qrels/qrels.miracl-v1.0-{language}-{split}.tsv"] = qrels.encode()
    return corpus | {"README.md": b"# no head", "miracl-corpus.py": b"raise SystemExit"}, judged | {
        "miracl.py": b"raise SystemExit"
    }


def mteb(identifier: str = "_id", split: str = "dev", language: str = "ko", shards: int = 2, of: Records = TINY,
         beside: str = "ru") -> dict[str, bytes]:  # fmt: skip
    """A Parquet copy with configs ko-corpus, ko-queries, ko-qrels, all of one split, no training pairs; another language beside it."""
    half = len(of.documents) // shards
    files = {
        f"{language}-corpus/{split}-{i:05d}-of-{shards:05d}.parquet": parquet(
            [
                {identifier: d, "title": title, "text": text}
                for d, title, text in of.documents[i * half : (i + 1) * half if i < shards - 1 else len(of.documents)]
            ]
        )
        for i in range(shards)
    }
    files[f"{language}-queries/{split}-00000-of-00001.parquet"] = parquet(
        [{identifier: q, "text": text} for q, text in of.queries["dev"]]
    )
    files[f"{language}-qrels/{split}-00000-of-00001.parquet"] = parquet(_judged(of, "dev", int))
    files[f"{language}-corpus/{split}-notes/{split}.parquet"] = b"not of the config: its pattern stays within a folder"
    other = {
        f"{beside}-{role}/{split}-00000-of-00001.parquet": parquet([{identifier: "x", "text": "y"}])
        for role in ("corpus", "queries", "qrels")
    }
    configs = {
        f"{name}-{role}": {split: f"{name}-{role}/{split}-*"}
        for name in (language, beside)
        for role in ("corpus", "queries", "qrels")
    }
    return files | other | {"README.md": card(configs)}


def webfaq(old: bool = False, code: str = "kor", of: Records = TINY) -> dict[str, bytes]:
    """JSON lines with splits train and test; in old revisions the queries are one split."""
    documents = [{"_id": d, "title": title, "text": text} for d, title, text in of.documents]
    files = {f"{code}/corpus.jsonl": lines(documents)}
    files |= {
        f"{code}/qrels/{name}.jsonl": lines(_judged(of, split, float))
        for name, split in (("test", "dev"), ("train", "train"))
    }
    queries = {
        name: [{"_id": q, "text": text} for q, text in of.queries[split]]
        for name, split in (("train", "train"), ("test", "dev"))
    }
    splits = (
        {"queries": f"{code}/queries.jsonl"}
        if old
        else {name: f"{code}/queries/{name}.jsonl" for name in ("train", "test")}
    )
    if old:
        files[f"{code}/queries.jsonl"] = lines(queries["test"] + queries["train"])
    else:
        files |= {f"{code}/queries/{name}.jsonl": lines(queries[name]) for name in ("train", "test")}
    configs = {
        f"{code}-corpus": {"corpus": f"{code}/corpus.jsonl"},
        f"{code}-queries": splits,
        f"{code}-qrels": {name: f"{code}/qrels/{name}.jsonl" for name in ("train", "test")},
    }
    return files | {"README.md": card(configs)}


def plain() -> tuple[dict[str, bytes], dict[str, bytes]]:
    """BeIR's own pair of repositories: zipped lines without a card, and judgements beside it."""
    documents = ({"_id": d, "title": title, "text": text} for d, title, text in DOCUMENTS)
    queries = ({"_id": q, "text": text} for split in ("dev", "train") for q, text in QUERIES[split])
    tables = {
        f"{name}.tsv": (
            "query-id\tcorpus-id\tscore\n" + "".join(f"{q}\t{d}\t{s}\n" for q, d, s in JUDGED[split])
        ).encode()
        for name, split in (("test", "dev"), ("train", "train"))
    }
    return {
        "corpus.jsonl.gz": gzip.compress(lines(documents)),
        "queries.jsonl.gz": gzip.compress(lines(queries)),
    }, tables


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
    """Several languages in one repository: all files, and a card with all configs."""
    import yaml

    heads = [yaml.safe_load(files["README.md"].decode().split("---")[1])["configs"] for files in repositories]
    configs = {
        entry["config_name"]: {file["split"]: file["path"] for file in entry["data_files"]}
        for head in heads
        for entry in head
    }
    return {path: content for files in repositories for path, content in files.items()} | {"README.md": card(configs)}


def _judged(of: Records, split: str, score: Any) -> list[dict]:
    return [{"query-id": q, "corpus-id": d, "score": score(s)} for q, d, s in of.judged[split]]
