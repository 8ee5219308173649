"""Stage: the bridge itself as a dense retriever, a yardstick for what is transferred through it.

sentence-transformers loads nearly anything as a dense model: it mean-pools the hidden states of a sparse encoder or a
bare masked LM, with plausible but meaningless scores. So a model must declare that it is a dense encoder.
"""

from __future__ import annotations

import math
import time
from collections.abc import Iterable, Iterator, Mapping
from itertools import islice
from pathlib import Path
from typing import Any

import numpy as np

from harness.files.headway import counting_rows
from harness.hub.model_files import module_types, read_json
from harness.store.artifact import Location
from harness.store.stage import Stage
from sembridge.search.encode_options import WINDOW, EncodeOptions
from sembridge.search.unknown import UnknownTokens

BATCH = 32
DENSE_TYPE = "SentenceTransformer"
OWN_PROMPTS = {"query": ("query",), "document": ("document", "passage", "corpus")}  # names that models use


def build(out: Path, parameters: Mapping[str, Any], inputs: Mapping[str, Location], batch_divisor: int = 1) -> None:
    """Search a collection with the bridge and write the run and its scores.

    parameters: k, max_length, precision, query_prompt, document_prompt (None: the model's own), ignore_identical_ids.
    inputs: bridge, collection.
    """
    from harness.collections import beir
    from harness.evaluation import warnings
    from harness.evaluation.measurement import smaller_batches, write
    from harness.evaluation.own_documents import searched
    from harness.retrieval.dense_search import DenseTopK
    from sembridge.bridge import load_bridge
    from sembridge.search.ranking import id_order

    start = time.perf_counter()
    check_dense(*inputs["bridge"])
    model = load_bridge(*inputs["bridge"])
    folder, options = inputs["collection"].path, EncodeOptions.of(parameters, batch_divisor)
    _limit(model, options.max_length)
    collection, unknown = beir.load_queries(folder), UnknownTokens()
    prompts, texts = (parameters["query_prompt"], parameters["document_prompt"]), collection.query_texts
    with counting_rows(model, "texts", len(texts) + len(collection.document_ids)):
        queries = np.concatenate(list(encode(model, texts, "query", prompts[0], options, unknown)))
        ranking = DenseTopK(queries, searched(parameters), id_order(collection.document_ids))
        position = 0
        for block in encode(model, beir.stream(folder), "document", prompts[1], options, unknown):
            ranking.add(position, block)
            position += len(block)
    assert position == len(collection.document_ids)
    run = ranking.result(collection.query_ids, collection.document_ids)
    about = {"label": "dense"} | smaller_batches(batch_divisor)
    # No statistics: all dimensions are always active.
    warned = warnings.of_unknown(unknown.rates(), warnings.MODEL)
    write(out, run, collection, {}, time.perf_counter() - start, about, parameters, unknown.rates(), warned)


DENSE = Stage("dense", version=3, seconds=3, build=build, shared=False)


def check_dense(model: str, revision: str | None = None) -> None:
    """Raise ValueError unless a folder or hub repository holds a SentenceTransformer and no other kind of encoder."""
    types = module_types(model, revision)
    if types is None:
        advice = "give a saved SentenceTransformer, or drop dense"
        raise ValueError(f"{model!r} is not a dense encoder: it has no modules.json; {advice}")
    settings = read_json(model, revision, "config_sentence_transformers.json") or {}
    model_type = settings.get("model_type", DENSE_TYPE)  # missing in older models
    foreign = [kind for kind in types if "sparse_encoder" in kind or "cross_encoder" in kind or "multi_vector" in kind]
    if model_type != DENSE_TYPE or foreign:
        kind = model_type if model_type != DENSE_TYPE else foreign[0].rsplit(".", 1)[-1]
        raise ValueError(f"{model!r} is not a dense encoder but a {kind}; give a SentenceTransformer, or drop dense")


def encode(
    model: Any,
    texts: Iterable[str],
    side: str,
    prompt: str | None,
    options: EncodeOptions,
    unknown: UnknownTokens | None = None,
) -> Iterator[np.ndarray]:
    """Yield one array [at most WINDOW, K] float32 per window of texts, in order; texts may be a stream.

    side     query | document: selects the prompt and, if the model has several, its route
    prompt   precedes each text; None: the model's own prompt for this side
    options  precision and batch_divisor; `_limit` applies max_length to the model
    unknown  counts the tokens, those of prompts included
    """
    from harness.references.tokens_read import TokensRead
    from sembridge.encoder.head import arithmetic

    if prompt is None:
        # encode_document would prefer the empty prompt "document" of every loaded model to a "passage" prompt.
        prompt = next(filter(None, map(model.prompts.get, OWN_PROMPTS[side])), "")
    embed = {"query": model.encode_query, "document": model.encode_document}[side]
    batch, read = BATCH // options.batch_divisor, TokensRead(model, unknown or UnknownTokens())
    stream = iter(texts)
    while window := list(islice(stream, WINDOW)):
        with arithmetic(model.device, options.precision), read.on(side):
            vectors = embed(window, prompt=prompt, batch_size=batch, show_progress_bar=False)
        yield np.asarray(vectors, dtype=np.float32)


def _limit(model: Any, max_length: int | None) -> None:
    """Limit the model to `max_length` tokens of a text, or fewer if its own limit is smaller."""
    if max_length is None:
        return
    own = model.max_seq_length
    if own == math.inf:  # a StaticEmbedding, which only its tokenizer limits
        cut = (model.tokenizer.truncation or {}).get("max_length", max_length)
        model.tokenizer.enable_truncation(min(cut, max_length))
    else:
        model.max_seq_length = min(own or max_length, max_length)
