"""Write an encoder as a folder that needs no torch: its graph, tokenizer, vocabulary, and a page on how to encode."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from tokenizers import Tokenizer

from harness.export import sources
from harness.export.graph.conversion import convert
from harness.export.graph.facts import OPSET, OUTPUT, QUERY_TOKENIZER, QUERY_WEIGHTS, TOKENIZER, GraphExport
from harness.export.graph.page import page
from harness.export.writing import MANIFEST, write_query_weights, write_vocabulary
from harness.files.atomic import write_json
from sembridge.encoder.head import reading_options
from sembridge.encoder.modules import SIDES, side_prompt, splade_modules


def write(folder: Path, encoder: Any, name: str, max_length: int | None = None) -> GraphExport:
    """Write an encoder into an empty folder.

    name        of the encoder, for the page
    max_length  tokens kept of each text; None: what the encoder allows

    Raises ValueError for a model that torch cannot convert.
    """
    modules = splade_modules(encoder)
    graph = convert(encoder, folder)
    limit = reading_options(encoder, "document", max_length).get("max_length")
    _tokenizer(modules.tokenizer, limit).save(str(folder / TOKENIZER))
    tokens, _ = sources.vocabulary(encoder, graph.dimensions)
    write_vocabulary(folder / "vocab.json", tokens)
    lookup = sources.lookup(encoder, max_length)
    if lookup is not None:
        write_query_weights(folder / QUERY_WEIGHTS, lookup)
        (folder / QUERY_TOKENIZER).write_text(lookup.tokenizer, encoding="utf-8")
    prompts = {side: side_prompt(encoder, side) for side in SIDES}
    pooling = modules.pooling
    written = GraphExport(name, graph, prompts, limit, pooling.pooling_strategy, pooling.activation_function, lookup)
    write_json(folder / MANIFEST, _manifest(written))
    (folder / "README.md").write_text(page(written), encoding="utf-8")
    return written


def _tokenizer(tokenizer: Any, limit: int | None) -> Tokenizer:
    """Return the tokenizer of the graph; it cuts and pads as the encoder does."""
    backend = Tokenizer.from_str(tokenizer.backend_tokenizer.to_str())
    backend.enable_padding(pad_id=tokenizer.pad_token_id, pad_token=tokenizer.pad_token)
    backend.no_truncation()
    if limit is not None:
        backend.enable_truncation(limit, direction=tokenizer.truncation_side)
    return backend


def _manifest(written: GraphExport) -> dict[str, object]:
    return {
        "format": "onnx",
        "format_version": f"opset {OPSET}",
        "encoder": written.encoder,
        "dimensions": written.graph.dimensions,
        "files": list(written.graph.files),
        "inputs": list(written.graph.inputs),
        "output": OUTPUT,
        "pooling": written.pooling,
        "activation": written.activation,
        "max_length": written.max_length,
        "prompts": written.prompts,
        "query_side": "symmetrical" if written.lookup is None else "inference-free",
    }
