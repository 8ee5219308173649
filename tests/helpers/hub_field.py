"""All models and collections of the paper's presets, tiny, under their catalog ids on the hub's double."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from harness.catalog.catalog import load_catalog
from tests.helpers import hub_models
from tests.helpers import hub_repositories as real
from tests.helpers.hub_double import Hub

# splade-v3 is stored whole, splade-pp as a masked LM alone, granite is a RoBERTa. opensearch's v1 is a BERT; here it is
# a Router like its sibling doc-v1, so that an inference-free encoder comes from the hub too.
ENCODERS = {"splade-v3": "saved", "splade-pp": "plain", "opensearch-v1": "router", "granite-30m": "roberta"}
OTHER_ENCODERS = {
    "opensearch-v2-distill": "distilbert",
    "opensearch-doc-v2-mini": "router",
    "opensearch-doc-v3-distill": "router",
}
WEBFAQ, PARQUET, RAW = "PaDaS-Lab/webfaq-retrieval", "mteb/MIRACLRetrieval", ("miracl/miracl-corpus", "miracl/miracl")
OLDER = ("ru", "ar")  # their tokenizers are published as vocab.txt


def records(language: str, collection: str) -> real.Records:
    """Return 60 documents, of which the first 40 answer a query each: 16 for evaluation, 24 for training.

    The documents of webfaq and of miracl are different ones.
    """
    texts = hub_models.texts(language, 120)[:60] if collection == "webfaq" else hub_models.texts(language, 120)[60:]
    queries = [(f"q{number}", " ".join(text.split()[:3])) for number, text in enumerate(texts[:40])]
    judged = [(f"q{number}", f"{number}#0", 1) for number in range(40)]
    documents = [(f"{number}#0", text.split()[-2] if number % 3 else "", text) for number, text in enumerate(texts)]
    splits = {"dev": slice(16), "train": slice(16, None)}
    by_split = ({name: lines[part] for name, part in splits.items()} for lines in (queries, judged))
    return real.Records(documents, *by_split)


def serve_models(
    hub: Hub, folder: Path, languages: list[str], bridges: list[str]
) -> dict[str, dict[str, dict[str, Any]]]:
    """Serve the paper's encoders, tokenizers of `languages` and `bridges`; return catalog entries with revisions."""
    catalog = load_catalog()
    entries: dict[str, dict[str, dict[str, Any]]] = {"encoders": {}, "tokenizers": {}, "bridges": {}}

    def serve(kind: str, name: str, files: dict[str, bytes]) -> None:
        entry = getattr(catalog, kind)[name]
        commit = hub.add(entry.id, files, "models", gated=entry.gated)
        entries[kind][name] = entry.model_dump() | {"revision": commit}

    for name, layout in ENCODERS.items():
        serve("encoders", name, hub_models.encoder(folder / name, layout))
    for language in languages:
        path = folder / f"tokenizer-{language}"
        serve("tokenizers", language, hub_models.tokenizer(path, language, fast=language not in OLDER))
    for seed, name in enumerate(bridges):
        serve("bridges", name, hub_models.bridge(folder / name, catalog.bridges[name].pooling, languages, seed))
    return entries


def serve_collections(hub: Hub, languages: list[str], copies: bool = False) -> dict[str, dict[str, Any]]:
    """Serve WebFAQ and MIRACL; return catalog entries with their commits and counts.

    copies  serve WebFAQ's old splits (the repository moves on) and MIRACL in Parquet, instead of WebFAQ's new splits
    and
            MIRACL's raw files
    """
    codes = load_catalog().collections["webfaq"].source["codes"]
    faq, passages = ({language: records(language, name) for language in languages} for name in ("webfaq", "miracl"))
    files = [real.webfaq(old=copies, code=codes[language], of=of) for language, of in faq.items()]
    commit = hub.add(WEBFAQ, real.merged(*files))
    webfaq = {"hub": WEBFAQ, "revision": commit, "config": "{language}", "codes": codes}
    if copies:
        files = [real.mteb(language=language, of=of, beside="en") for language, of in passages.items()]
        parquet = hub.add(PARQUET, real.merged(*files))
        miracl: dict[str, Any] = {"hub": PARQUET, "revision": parquet, "config": "{language}", "split": "dev"}
    else:
        raw = zip(*(real.miracl(language, of) for language, of in passages.items()), strict=True)
        corpus, judged = (
            hub.add(name, {path: content for files in repository for path, content in files.items()})
            for name, repository in zip(RAW, raw, strict=True)
        )
        miracl = {"hub": RAW[0], "revision": corpus, "kind": "miracl", "config": "{language}"}
        miracl["judgements"] = {"hub": RAW[1], "revision": judged}
    counts = {language: of.counts for language, of in faq.items()}
    passage_counts = {language: _counts(of, copies) for language, of in passages.items()}
    return {
        "webfaq": {"source": webfaq, "license": "CC-BY-4.0", "counts": counts},
        "miracl": {"source": miracl, "license": "Apache-2.0", "counts": passage_counts},
    }


def _counts(of: real.Records, copy: bool) -> dict[str, int]:
    """Return the counts of a source; the Parquet copy has no training pairs."""
    return {name: count for name, count in of.counts.items() if not (copy and name == "train_pairs")}
