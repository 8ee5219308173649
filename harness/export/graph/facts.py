"""What is known of an encoder that was exported as a graph, and how its files are called."""

from __future__ import annotations

from dataclasses import dataclass

from harness.export.documents import Lookup

MODEL, OUTPUT = "model.onnx", "weights"
OPSET = 18
"""Version of ONNX's operations: of 2022, so that the runtimes of servers have it."""
TOKENIZER, QUERY_TOKENIZER, QUERY_WEIGHTS = "tokenizer.json", "query-tokenizer.json", "query-weights.json"


@dataclass(frozen=True)
class Graph:
    """A graph on disk.

    files       the graph, and a second file with the weights if they are too large for it
    inputs      names of the inputs, int64 [batch, length] each
    dimensions  V: the output OUTPUT is float32 [batch, V]
    """

    files: tuple[str, ...]
    inputs: tuple[str, ...]
    dimensions: int


@dataclass(frozen=True)
class GraphExport:
    """A graph, and what else it takes to encode a text.

    encoder     its name, for pages that people read
    prompts     what precedes every text, by side
    max_length  tokens of a text that the graph reads, special tokens included; None: no limit
    pooling, activation   of the encoder, as sentence-transformers calls them
    lookup      how queries are read without a model; None where the graph reads them
    """

    encoder: str
    graph: Graph
    prompts: dict[str, str]
    max_length: int | None
    pooling: str
    activation: str
    lookup: Lookup | None
