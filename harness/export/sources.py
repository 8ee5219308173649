"""Where the documents of an export come from: an index, or an encoder that reads a file of documents."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import islice
from typing import Any

from harness.collections.documents import Documents
from harness.export.documents import Block, Corpus, Lookup
from sembridge.encoder.head import reading_options
from sembridge.encoder.modules import side_prompt, splade_modules
from sembridge.search.encode import encode, encode_all
from sembridge.search.encode_options import WINDOW, EncodeOptions
from sembridge.search.index import Index
from sembridge.vocabulary.vocabulary import Vocabulary


def of_index(index: Index, name: str) -> Corpus:
    """Return the documents of an index; its encoder is loaded for the vocabulary. name: of the encoder, for the page.

    Raises IndexFolderError if the index is damaged, or its encoder is not there.
    """
    blocks = (Block(block.ids, block.vectors, block.texts) for block in index.blocks())
    size, longest = index.manifest["dimensions"], index.manifest["max_length"]
    return Corpus(name, *vocabulary(index.encoder, size), blocks, lookup(index.encoder, longest))


def of_encoder(encoder: Any, name: str, documents: Documents) -> Corpus:
    """Return documents, encoded as they stream by; check them before."""
    size = int(splade_modules(encoder).model.get_output_embeddings().weight.shape[0])
    return Corpus(name, *vocabulary(encoder, size), _encoded(encoder, documents), lookup(encoder))


def ids_of_index(index: Index) -> list[str]:
    """Return the ids of all documents, in their order."""
    return [name for block in index.blocks() for name in block.ids]


def queries(encoder: Any, ids: Sequence[str], texts: Sequence[str], options: EncodeOptions) -> Block:
    """Return the queries with their vectors."""
    return Block(ids, encode_all(encoder, texts, "query", options), texts)


def vocabulary(encoder: Any, size: int) -> tuple[list[str | None], frozenset[int]]:
    """Return the tokens by dimension, and the dimensions of special tokens."""
    known = Vocabulary.from_tokenizer(splade_modules(encoder).tokenizer)
    tokens = [*known.tokens, *[None] * size][:size]
    special = (place for place, role in enumerate(known.roles[:size]) if role is not None)
    return tokens, frozenset(special)


def lookup(encoder: Any, max_length: int | None = None) -> Lookup | None:
    """Return how queries are read without a model; None for an encoder whose model reads them.

    max_length  tokens kept of a query; None: what the encoder allows
    """
    query = splade_modules(encoder).query
    if query is None:
        return None
    from tokenizers import Tokenizer

    tokenizer = Tokenizer.from_str(query.tokenizer.backend_tokenizer.to_str())
    tokenizer.no_padding()
    tokenizer.no_truncation()
    limit = reading_options(encoder, "query", max_length).get("max_length")
    if limit is not None:
        tokenizer.enable_truncation(limit, direction=query.tokenizer.truncation_side)
    prompt = side_prompt(encoder, "query")
    return Lookup(query.weight.detach().cpu().float().numpy(), tokenizer.to_str(), prompt)


def _encoded(encoder: Any, documents: Documents) -> Iterator[Block]:
    stream = documents.stream()
    while window := list(islice(stream, WINDOW)):
        ids, texts = ([record[part] for record in window] for part in (0, 1))
        (vectors,) = encode(encoder, texts, "document")
        yield Block(ids, vectors, texts)
