"""Documents and queries to export: random weights, and the names, ids and texts that formats stumble over."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from scipy import sparse

from harness.export.check import ExactSearch
from harness.export.documents import Block, Corpus, Lookup
from harness.export.engine import Engine
from harness.export.registry import ENGINES
from harness.export.writing import Order, write

TOKENS = ("[CLS]", "[SEP]", ".", "_", "a.b", "비밀", '"', "\\")
SPECIAL = frozenset({0, 1})
IDS = ("5.1", 'quoted "id"', "비밀/번호", "back\\slash", "a:b::c", "{1:2}/3", "%2F", "tab\\t")
TEXTS = (
    "line\nbreak",
    "tab\tand\rreturn",
    'quote " and \\ slash',
    "비밀번호를 잊었어요",
    "",
    "\\.",
    "\\N",
    "\u2028\u0085",
)


def made_block(rows: int, dimensions: int, seed: int, density: float = 0.2, prefix: str = "") -> Block:
    """Return documents with random weights below 2; the first ones have hostile ids and texts."""
    generator = np.random.default_rng(seed)
    vectors = sparse.random_array((rows, dimensions), density=density, rng=generator, dtype=np.float32, format="csr")
    vectors.data *= 2
    ids = [f"{prefix}{IDS[row]}" if row < len(IDS) else f"{prefix}d{row}" for row in range(rows)]
    texts = [TEXTS[row] if row < len(TEXTS) else f"text {row}" for row in range(rows)]
    return Block(ids, sparse.csr_array(vectors), texts)


def made_queries(rows: int, dimensions: int, seed: int = 1) -> Block:
    """Return queries with plain ids."""
    block = made_block(rows, dimensions, seed, 0.1)
    return Block([f"q{row}" for row in range(rows)], block.vectors, block.texts)


def made_corpus(*blocks: Block, lookup: Lookup | None = None) -> Corpus:
    """Return a corpus of these blocks, with hostile names of dimensions."""
    size = blocks[0].vectors.shape[1]
    tokens = [TOKENS[i] if i < len(TOKENS) else f"token{i}" for i in range(size)]
    return Corpus("made/encoder", tokens, SPECIAL, blocks, lookup)


def exported(folder: Path, name: str, corpus: Corpus, queries: Block | None = None, /, **options: object) -> Engine:
    """Write an export for an engine into a new folder."""
    folder.mkdir(exist_ok=True)
    return write(folder, Order(ENGINES[name], **options), corpus, queries)  # type: ignore[arg-type]


def exact_search(blocks: list[Block], queries: Block) -> ExactSearch:
    """Return the exact search of queries in these documents, done."""
    search = ExactSearch([name for block in blocks for name in block.ids], list(queries.ids), queries.vectors)
    for block in blocks:
        search.add(block.vectors)
    return search
