"""What is exported: documents as sparse vectors with ids and texts, in blocks, so that they are never all in memory."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from scipy import sparse


@dataclass(frozen=True)
class Block:
    """A block of documents, or all queries.

    ids      [B]
    vectors  csr [B, V] float32
    texts    [B], or None where no texts are kept
    """

    ids: Sequence[str]
    vectors: sparse.csr_array
    texts: Sequence[str] | None = None


@dataclass(frozen=True)
class Lookup:
    """How a query becomes a vector without a model, for an inference-free encoder.

    weights    [V] float32: the weight of each token
    tokenizer  the tokenizer of queries, as the text of a tokenizer.json
    prompt     what precedes every query
    """

    weights: np.ndarray
    tokenizer: str
    prompt: str = ""


@dataclass(frozen=True)
class Corpus:
    """The documents of an export, and the vocabulary that names their dimensions.

    encoder   name of the encoder, for pages that people read
    tokens    [V] the token that each dimension stands for; None where there is none
    special   dimensions of special tokens, such as [CLS] and [SEP]
    blocks    streams the documents
    lookup    how queries are read without a model; None where the encoder's model reads them
    """

    encoder: str
    tokens: Sequence[str | None]
    special: frozenset[int]
    blocks: Iterable[Block]
    lookup: Lookup | None = None


class Document(NamedTuple):
    """One document, or one query, without zeros: dimensions ascend, weights are float32."""

    position: int
    id: str
    text: str | None
    dimensions: np.ndarray
    weights: np.ndarray

    def named(self, name: str) -> dict[str, str]:
        """Return its id under `name`, and its text under `text` if there is one."""
        return {name: self.id} | ({} if self.text is None else {"text": self.text})


def documents(block: Block, first: int) -> Iterator[Document]:
    """Yield the rows of a block without zeros, see `pruning.canonical`, at positions from `first` on.

    Raises ValueError for a weight that is negative or not finite: no engine holds it.
    """
    vectors = block.vectors
    bad = np.flatnonzero(~(np.isfinite(vectors.data) & (vectors.data > 0)))
    if len(bad):
        row = int(np.searchsorted(vectors.indptr, bad[0], side="right")) - 1
        problem = f"{block.ids[row]!r} has a weight that is negative or not finite"
        raise ValueError(f"{problem}; engines hold positive weights only: check the encoder")
    for row, name in enumerate(block.ids):
        start, end = vectors.indptr[row], vectors.indptr[row + 1]
        text = None if block.texts is None else block.texts[row]
        yield Document(first + row, name, text, vectors.indices[start:end], vectors.data[start:end])


def without(block: Block, dimensions: frozenset[int]) -> Block:
    """Return the block with these dimensions at zero."""
    if not dimensions:
        return block
    kept = np.ones(block.vectors.shape[1], dtype=bool)
    kept[sorted(dimensions)] = False
    vectors = sparse.csr_array(block.vectors, copy=True)
    vectors.data[~kept[vectors.indices]] = 0
    vectors.eliminate_zeros()
    return Block(block.ids, vectors, block.texts)
