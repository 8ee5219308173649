"""Stage: the bridge itself as a dense retriever on one collection, a yardstick for what is transferred through it.

sentence-transformers loads nearly anything as a dense model: of a sparse encoder or a bare masked LM it takes mean-pooled hidden states, which
give scores that look like scores. So what is loaded must say that it was made for this.
"""

from __future__ import annotations

import math
import time
from collections.abc import Iterable, Iterator, Mapping
from itertools import islice
from pathlib import Path
from typing import Any

import numpy as np

from harness.hub.model_files import module_types, read_json
from harness.retrieval.encode_options import EncodeOptions
from harness.store.artifact import Location
from harness.store.stage import Stage

WINDOW = 512  # consecutive texts that are encoded together: what shares a batch depends on the texts alone
BATCH = 32
DENSE_TYPE = "SentenceTransformer"
OWN_PROMPTS = {"query": ("query",), "document": ("document", "passage", "corpus")}  # names that models give them


def build(out: Path, parameters: Mapping[str, Any], inputs: Mapping[str, Location], batch_divisor: int = 1) -> None:
    """parameters: k, max_length, precision, query_prompt, document_prompt (None: the model's own); inputs: bridge, collection."""
    from harness.collections import beir
    from harness.evaluation.measurement import smaller_batches, write
    from harness.retrieval.dense_search import DenseTopK
    from harness.retrieval.ranking import id_order
    from sembridge.bridge import load_bridge

    start = time.perf_counter()
    check_dense(*inputs["bridge"])
    model = load_bridge(*inputs["bridge"])
    folder, options = inputs["collection"].path, EncodeOptions.of(parameters, batch_divisor)
    _limit(model, options.max_length)
    collection = beir.load_queries(folder)
    queries = np.concatenate(list(encode(model, collection.query_texts, "query", parameters["query_prompt"], options)))
    found = DenseTopK(queries, parameters["k"], id_order(collection.document_ids))
    position = 0
    for block in encode(model, beir.stream(folder), "document", parameters["document_prompt"], options):
        found.add(position, block)
        position += len(block)
    assert position == len(collection.document_ids)
    run = found.result(collection.query_ids, collection.document_ids)
    about = {"label": "dense"} | smaller_batches(batch_divisor)
    write(
        out, run, collection, {}, time.perf_counter() - start, about
    )  # no statistics: all dimensions are always active


DENSE = Stage("dense", version=2, seconds=3, build=build, shared=False)


def check_dense(model: str, revision: str | None = None) -> None:
    """ValueError unless a folder or hub repository holds a SentenceTransformer with modules of its own, none of them of another kind of encoder."""
    types = module_types(model, revision)
    if types is None:
        raise ValueError(
            f"{model!r} is no dense encoder: no modules.json is found in it; give a saved SentenceTransformer, or drop dense"
        )
    said = (read_json(model, revision, "config_sentence_transformers.json") or {}).get(
        "model_type", DENSE_TYPE
    )  # older models do not say
    foreign = [kind for kind in types if "sparse_encoder" in kind or "cross_encoder" in kind or "multi_vector" in kind]
    if said != DENSE_TYPE or foreign:
        shown = said if said != DENSE_TYPE else foreign[0].rsplit(".", 1)[-1]
        raise ValueError(f"{model!r} is no dense encoder but a {shown}; give a SentenceTransformer, or drop dense")


def encode(
    model: Any, texts: Iterable[str], side: str, prompt: str | None, options: EncodeOptions
) -> Iterator[np.ndarray]:
    """Yield one array [at most WINDOW, K] float32 per window of texts, in order; texts are taken window by window and may be a stream.

    side       query | document: which prompt and, where the model has several, which route of it a text takes
    prompt     put before each text; None: what the model says of itself for this side
    options    whose `max_length` the model must have been limited to
    """
    from sembridge.encoder.head import arithmetic

    if prompt is None:
        # Found here, not by encode_document: it takes the empty prompt "document" that every loaded model has before a "passage" of its own.
        prompt = next((own for name in OWN_PROMPTS[side] if (own := model.prompts.get(name))), "")
    embed = {"query": model.encode_query, "document": model.encode_document}[side]
    stream = iter(texts)
    while window := list(islice(stream, WINDOW)):
        with arithmetic(model.device, options.precision):
            yield np.asarray(
                embed(window, prompt=prompt, batch_size=BATCH // options.batch_divisor, show_progress_bar=False),
                dtype=np.float32,
            )


def _limit(model: Any, max_length: int | None) -> None:
    """Let the model read at most `max_length` tokens of a text, or fewer if that is its own limit."""
    if max_length is None:
        return
    own = model.max_seq_length
    if own == math.inf:  # a StaticEmbedding, which reads whatever its tokenizer gives
        cut = (model.tokenizer.truncation or {}).get("max_length", max_length)
        model.tokenizer.enable_truncation(min(cut, max_length))
    else:
        model.max_seq_length = min(own or max_length, max_length)
