"""Write the page of a graph: what goes in and comes out, and the lines of Python that encode a text with it."""

from __future__ import annotations

import json

from harness.export.graph.facts import MODEL, OPSET, OUTPUT, QUERY_TOKENIZER, QUERY_WEIGHTS, TOKENIZER, GraphExport

_FORMULAS = {
    ("max", "relu"): "log(1 + max(0, logit)), its maximum over the positions of the text",
    ("max", "log1p_relu"): "log(1 + log(1 + max(0, logit))), its maximum over the positions of the text",
    ("sum", "relu"): "log(1 + max(0, logit)), its sum over the positions of the text",
    ("sum", "log1p_relu"): "log(1 + log(1 + max(0, logit))), its sum over the positions of the text",
}


def page(export: GraphExport) -> str:
    """Return the README.md of an export."""
    graph, lookup = export.graph, export.lookup
    inputs = ", ".join(f"`{name}`" for name in graph.inputs)
    reads = "documents and queries" if lookup is None else "documents; a query needs no model"
    types = " `token_type_ids` are 0 for a text on its own." if "token_type_ids" in graph.inputs else ""
    longest = "both of any size" if export.max_length is None else f"length up to {export.max_length:,}"
    limit = "" if export.max_length is None else f" cuts texts to {export.max_length:,} tokens and"
    lines = [
        f"# {export.encoder}: an ONNX graph from token ids to sparse vectors\n",
        f"`{MODEL}` (opset {OPSET}) reads {reads}. Encoder: `{export.encoder}`.\n",
        f"- Inputs: {inputs}, int64 [batch, length], {longest}. The mask is 1 for tokens and 0 for pads, which "
        f"change nothing.{types}",
        f"- Output: `{OUTPUT}`, float32 [batch, {graph.dimensions:,}]: for each dimension "
        f"{_FORMULAS[export.pooling, export.activation]}. The pooling is inside the graph: take its output as it is, "
        "and keep what is above 0.",
        "- `vocab.json` says which token each dimension stands for.",
        f"- `{TOKENIZER}`{limit} pads a batch to its longest text.",
        *_prompts(export),
        *_beside(graph.files),
        f"\n## Encode\n\n{_code(export)}",
        "## In a server\n",
        "A server that runs the graph has to take the output as the vector of the text. One that expects token "
        "embeddings or logits, [batch, length, ...], and pools them itself or reads one position, is not for this "
        "graph. Export the documents with `--to` and the name of the engine, and encode queries as above.",
    ]
    return "\n".join(lines) + "\n"


def _prompts(export: GraphExport) -> list[str]:
    """Return a line on what precedes texts; no line where nothing does."""
    shown = [f"every {side} by {json.dumps(text, ensure_ascii=False)}" for side, text in export.prompts.items() if text]
    return [f"- The encoder was made for texts with a prompt: precede {', '.join(shown)}."] if shown else []


def _beside(files: tuple[str, ...]) -> list[str]:
    """Return a line on weights that did not fit into the graph's file."""
    if len(files) == 1:
        return []
    return [f"- The weights are too large for one file of ONNX: `{files[1]}` has to lie beside `{files[0]}`."]


def _code(export: GraphExport) -> str:
    """Return Python that defines `document(text)` and `query(text)`: {dimension: weight} of what is not 0."""
    needs_types = "token_type_ids" in export.graph.inputs
    types = ', "token_type_ids": np.zeros_like(ids)' if needs_types else ""
    prompts = {side: json.dumps(text, ensure_ascii=False) for side, text in export.prompts.items()}
    before = {side: f"{shown} + text" if export.prompts[side] else "text" for side, shown in prompts.items()}
    lines = [
        "```python",
        *(["import json"] if export.lookup is not None else []),
        "import numpy as np",
        "import onnxruntime",
        "from tokenizers import Tokenizer",
        "",
        f'tokenizer = Tokenizer.from_file("{TOKENIZER}")',
        f'session = onnxruntime.InferenceSession("{MODEL}", providers=["CPUExecutionProvider"])',
        "",
        "def encode(texts):",
        "    batch = tokenizer.encode_batch(texts)",
        "    ids = np.array([text.ids for text in batch], dtype=np.int64)",
        "    if not ids.size:  # texts without a token",
        "        return [{} for text in texts]",
        "    mask = np.array([text.attention_mask for text in batch], dtype=np.int64)",
        f'    inputs = {{"input_ids": ids, "attention_mask": mask{types}}}',
        f'    (weights,) = session.run(["{OUTPUT}"], inputs)',
        "    return [{int(i): float(row[i]) for i in row.nonzero()[0]} for row in weights]",
        "",
        "def document(text):",
        f"    return encode([{before['document']}])[0]",
        "",
        *_query(export, before["query"]),
        "```",
        "",
    ]
    return "\n".join(lines)


def _query(export: GraphExport, text: str) -> list[str]:
    """Return the lines that encode a query: by the graph, or by looking its tokens up."""
    if export.lookup is None:
        return ["def query(text):", f"    return encode([{text}])[0]"]
    return [
        "# The encoder is inference-free: the tokens of a query are looked up, the graph does not read it.",
        f'query_tokenizer = Tokenizer.from_file("{QUERY_TOKENIZER}")',
        f'query_weights = {{int(i): weight for i, weight in json.load(open("{QUERY_WEIGHTS}")).items()}}',
        "",
        "def query(text):",
        f"    tokens = set(query_tokenizer.encode({text}, add_special_tokens=False).ids)",
        "    return {i: query_weights[i] for i in sorted(tokens) if i in query_weights}",
    ]
