"""Stage: a ready multilingual sparse retriever with its own vocabulary, a yardstick for transplanted encoders.

There are three kinds (`ReferenceKind`): a SparseEncoder saved by sentence-transformers, the token weights of BGE-M3,
and MILCO, whose code is in its repository. sentence-transformers loads nearly anything as a sparse model: from a dense
one it builds an untrained autoencoder. So a model must declare, or its files must show, that it is of the kind the
preset names.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from functools import partial
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import scipy.sparse as sp

from harness.evaluation.vectors import shards_among
from harness.hub.model_files import architectures, module_types, read_json
from harness.retrieval.vector_options import VectorOptions
from harness.store.artifact import Location
from harness.store.stage import Stage
from sembridge.encoder.loading import check_encoder_tokenizers
from sembridge.search.encode_options import WINDOW, EncodeOptions
from sembridge.search.unknown import UnknownTokens
from sembridge.weights.check import MASKED_LM, check_weights

if TYPE_CHECKING:
    from harness.references.tokens_read import TokensRead
    from harness.retrieval.retrieval import Encode

BATCH = 32
SPARSE = "SparseEncoder"


def build(out: Path, parameters: Mapping[str, Any], inputs: Mapping[str, Location], batch_divisor: int = 1) -> None:
    """Search a collection with a reference and write the run and its scores.

    parameters: kind, remote_code, k, max_length, precision (None for milco, whose code decides), ignore_identical_ids;
    and the `VectorOptions` that differ from their defaults, with inputs collection and vectors-0.
    inputs: encoder, collection.
    """
    from harness.collections import beir
    from harness.evaluation import warnings
    from harness.evaluation.measurement import smaller_batches, write
    from harness.evaluation.own_documents import searched
    from harness.retrieval.retrieval import search_collection
    from harness.retrieval.vector_files import search_vectors, stored_about

    start = time.perf_counter()
    kind, folder, k = parameters["kind"], inputs["collection"].path, searched(parameters)
    collection = beir.load_queries(folder)
    about: dict[str, Any] = {"label": kind}
    if stored := shards_among(inputs):
        options = VectorOptions.of(parameters)
        best, activity, tokens = search_vectors(stored, collection, k, options)
        about |= {"vectors": options.parameters, **stored_about(stored)}
    else:
        model, tokens = inputs["encoder"], UnknownTokens()
        check(kind, *model, remote_code=parameters["remote_code"])
        encode = load(kind, model, parameters["remote_code"], EncodeOptions.of(parameters, batch_divisor), tokens)
        best, activity = search_collection(encode, folder, collection, k)
        about |= smaller_batches(batch_divisor)
    run = best.result(collection.query_ids, collection.document_ids)
    statistics, unknown = activity.result(), tokens.rates()
    warned = warnings.of_unknown(unknown, warnings.MODEL) + warnings.of_activity(statistics, activity.dimensions)
    write(out, run, collection, statistics, time.perf_counter() - start, about, parameters, unknown, warned)


REFERENCE = Stage("reference", version=3, seconds=10, build=build, shared=False)


def check(kind: str, model: str, revision: str | None = None, *, remote_code: bool = False) -> None:
    """Raise ValueError, one line, unless a folder or hub repository is of the kind.

    Reads settings, headers of weights and at most a head of two tensors; runs no code of the model.
    """
    from harness.references import bge_m3, milco

    if kind == "bge-m3":
        bge_m3.check(model, revision)
    elif kind == "milco":
        milco.check(model, revision)
    else:
        check_sparse(model, revision, remote_code=remote_code)


def check_sparse(model: str, revision: str | None = None, *, remote_code: bool = False) -> None:
    """Raise ValueError unless a folder or hub repository is a SparseEncoder or masked LM without forbidden code."""
    from harness.references import milco

    types = module_types(model, revision)
    if types is None:
        names = architectures(read_json(model, revision, "config.json") or {})
        if not any(name.endswith("ForMaskedLM") for name in names):
            problem = f"no modules.json, no ...ForMaskedLM (architectures: {', '.join(names) or 'none'})"
            raise ValueError(f"{model!r} is not a sparse encoder: {problem}; give a saved SparseEncoder")
    else:
        model_type = (read_json(model, revision, "config_sentence_transformers.json") or {}).get("model_type")
        own = [kind for kind in types if not kind.startswith("sentence_transformers.")]
        # Older models do not declare a type.
        if model_type is None and not any("sparse_encoder" in kind for kind in types) and not own:
            model_type = f"model of {', '.join(kind.rsplit('.', 1)[-1] for kind in types)}"
        if model_type not in (None, SPARSE):
            advice = "give a SparseEncoder, or make it a bridge and add the row dense"
            raise ValueError(f"{model!r} is not a sparse encoder but a {model_type}; {advice}")
    milco.check_allowed(model, revision, types or [], remote_code)
    _check_safetensors(Path(model))
    if not remote_code:  # code of its own may build other classes; their weights are checked when they are loaded
        check_weights(model, MASKED_LM)
        check_encoder_tokenizers(model)


def _check_safetensors(folder: Path) -> None:
    if not folder.is_dir():
        return
    folders = {path.parent for path in folder.rglob("pytorch_model*.bin")}
    pickled = sorted(path for path in folders if not list(path.glob("*.safetensors")))
    for path in pickled or ([] if list(folder.rglob("*.safetensors")) else [folder]):
        advice = "convert its weights, pickled weights are not loaded"
        raise ValueError(f"model folder {str(path)!r} has no .safetensors file; {advice}")


def load(
    kind: str, model: Location, remote_code: bool, options: EncodeOptions, unknown: UnknownTokens | None = None
) -> Encode:
    """Return the encoder; `unknown` counts the tokens it reads, but not those of milco, whose code tokenizes."""
    from harness.references import bge_m3, milco

    batch = BATCH // options.batch_divisor
    if kind == "milco":
        sparse = milco.load(*model, remote_code=remote_code, max_length=options.max_length, batch_size=batch)
        return partial(_windows, lambda texts, side: as_csr(sparse(texts, side)))
    if kind == "bge-m3":
        weights = bge_m3.load(*model, max_length=options.max_length)
        embed = partial(bge_m3.encode, weights, precision=options.precision, batch_size=batch, unknown=unknown)
        return partial(_windows, embed)
    return _sparse_encoder(*model, remote_code, options, unknown)


def _windows(
    encode_window: Callable[[list[str], str], sp.csr_array], texts: Iterable[str], side: str
) -> Iterator[sp.csr_array]:
    stream = iter(texts)
    while window := list(islice(stream, WINDOW)):
        weights = encode_window(window, side)
        if weights.shape[0] != len(window) or not np.isfinite(weights.data).all():
            problem = f"{weights.shape[0]} vectors for {len(window)} texts, or weights that are not finite"
            raise ValueError(f"the reference encoder gave {problem}; choose another model or revision")
        yield weights


def _sparse_encoder(
    model: str, revision: str | None, remote_code: bool, options: EncodeOptions, unknown: UnknownTokens | None = None
) -> Encode:
    """Encode with a SPLADE encoder like those of the grid, with any other SparseEncoder by its own modules."""
    from sentence_transformers import SparseEncoder

    from harness.files import headway
    from harness.references.tokens_read import TokensRead
    from sembridge.encoder.loading import check_readings, within_positions
    from sembridge.encoder.modules import splade_modules
    from sembridge.search import encode
    from sembridge.weights.checked_load import FLOAT32, checked_load

    weights = {"use_safetensors": True, **FLOAT32}
    permission: dict[str, Any] = {"trust_remote_code": remote_code, "model_kwargs": weights}
    encoder = checked_load(model, lambda: SparseEncoder(model, revision=revision, **permission))
    try:
        splade = None if remote_code else splade_modules(encoder)
    except ValueError:
        splade = None
    if splade is None:
        if options.max_length is not None:
            encoder.max_seq_length = min(encoder.max_seq_length or options.max_length, options.max_length)
        return partial(
            _windows, partial(_encode_by_modules, encoder, options, TokensRead(encoder, unknown or UnknownTokens()))
        )
    check_readings(splade, model, revision)
    within_positions(splade)
    return partial(encode.encode, encoder, options=options, unknown=unknown, advance=headway.advance)


def _encode_by_modules(
    encoder: Any, options: EncodeOptions, read: TokensRead, texts: list[str], side: str
) -> sp.csr_array:
    from sembridge.encoder.head import arithmetic

    embed = {"query": encoder.encode_query, "document": encoder.encode_document}[side]
    output = {"convert_to_sparse_tensor": True, "save_to_cpu": True, "show_progress_bar": False}
    with arithmetic(encoder.device, options.precision), read.on(side):
        return as_csr(embed(texts, batch_size=BATCH // options.batch_divisor, **output))


def as_csr(vectors: Any) -> sp.csr_array:
    """Return a torch tensor [N, V], dense or sparse in any form (repeated entries add up), as csr float32."""
    pairs = vectors.detach().to_sparse_coo().coalesce().float().cpu()
    rows, columns = pairs.indices().numpy()
    return sp.csr_array((pairs.values().numpy(), (rows, columns)), shape=tuple(pairs.shape))
