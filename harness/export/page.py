"""Write the page of an export: what the files are, how they are loaded, and how a query becomes a request."""

from __future__ import annotations

import json

from harness.export.documents import Corpus
from harness.export.engine import Engine


def page(engine: Engine, corpus: Corpus, drop: frozenset[int], most: int | None = None) -> str:
    """Return the README.md of an export. most: dimensions that a query keeps; None: all."""
    facts = engine.facts
    counts = (
        f"{facts.documents.number:,} documents, {facts.documents.mean_active:.0f} active dimensions each on average"
    )
    lines = [
        f"# {facts.name}: sparse vectors for {engine.title}\n",
        f"{counts} (at most {facts.documents.most_active:,}) of {facts.dimensions:,}. Encoder: `{facts.encoder}`. "
        f"Format: {engine.title} {engine.version}. The dimensions are named by number; `vocab.json` says which token "
        "each stands for.\n",
        *(f"> {note}\n" for note in notes(engine, corpus, drop)),
        f"## Load\n\n{engine.load()}",
        f"## A query becomes a request\n\n{query_side(corpus, drop, most)}\n```python\n{engine.request()}```\n",
        f"## Search\n\n{engine.search()}",
    ]
    return "\n".join(lines)


def notes(engine: Engine, corpus: Corpus, drop: frozenset[int]) -> list[str]:
    """Return what a person has to know, one sentence each; the command prints the same."""
    facts, found = engine.facts, list[str]()
    if facts.documents.empty:
        found.append(f"{facts.documents.empty:,} documents have no active dimension: no query finds them")
    special = facts.documents.special
    if special and not drop:
        heaviest = ", ".join(f"{corpus.tokens[i]} in {count:,}" for i, count in special.most_common(3))
        found.append(
            f"special tokens are dimensions like any other: {heaviest} of {facts.documents.number:,} documents; leave "
            "them out with --drop-special"
        )
    if drop:
        found.append(f"{len(drop)} special tokens are left out of documents; queries have to leave them out too")
    for tally, what in ((facts.documents, "documents"), (facts.queries, "queries")):
        if tally is not None and tally.cut:
            cut = f"{tally.cut:,} of {tally.number:,} {what} lost their lightest dimensions"
            found.append(f"{cut}, beyond {tally.most_active:,}")
    return found + engine.warnings()


def query_side(corpus: Corpus, drop: frozenset[int], most: int | None) -> str:
    """Return how a text becomes {dimension: weight}: by the encoder, or by looking its tokens up."""
    left_out = f"LEFT_OUT = {sorted(drop)}\n" if drop else ""
    heaviest = "" if most is None else f"    pairs = sorted(pairs, key=lambda pair: (-pair[1], pair[0]))[:{most}]\n"
    if corpus.lookup is None:
        kept = " and dimension not in LEFT_OUT" if drop else ""
        return (
            "The encoder reads queries as it reads documents:\n\n"
            "```python\n"
            "from sentence_transformers import SparseEncoder\n\n"
            f'encoder = SparseEncoder("{corpus.encoder}")\n{left_out}\n'
            "def vector(text):\n"
            "    row = encoder.encode_query(text).coalesce()\n"
            "    pairs = zip(row.indices()[-1].tolist(), row.values().tolist())\n"
            f"    pairs = [(dimension, weight) for dimension, weight in pairs if weight > 0{kept}]\n"
            f"{heaviest}"
            "    return dict(sorted(pairs))\n"
            "```\n"
        )
    before = f"{json.dumps(corpus.lookup.prompt)} + " if corpus.lookup.prompt else ""
    return (
        "The encoder is inference-free: no model reads a query. Its tokens are looked up in `query-weights.json`"
        f"{', which has no special tokens' if drop else ''}:\n\n"
        "```python\n"
        "import json\n"
        "from tokenizers import Tokenizer\n\n"
        'tokenizer = Tokenizer.from_file("tokenizer.json")\n'
        'weights = {int(dimension): weight for dimension, weight in json.load(open("query-weights.json")).items()}\n\n'
        "def vector(text):\n"
        f"    tokens = set(tokenizer.encode({before}text, add_special_tokens=False).ids)\n"
        "    pairs = [(token, weights[token]) for token in tokens if token in weights]\n"
        f"{heaviest}"
        "    return dict(sorted(pairs))\n"
        "```\n"
    )


def sending(url: str) -> str:
    """Return Python that sends `request` of a question to an engine, in Markdown."""
    return (
        "```python\n"
        "import json, urllib.request\n\n"
        f'url = "{url}"\n'
        'body = json.dumps(request(vector("your question"))).encode()\n'
        'call = urllib.request.Request(url, body, {"Content-Type": "application/json"})\n'
        "print(json.load(urllib.request.urlopen(call)))\n"
        "```\n"
    )
