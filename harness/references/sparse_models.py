"""Stage: a ready sparse retriever on one collection, a yardstick for what is transplanted. It keeps its own vocabulary and reads every language.

Of three kinds (`ReferenceKind`): what sentence-transformers saves as a SparseEncoder, the token weights of BGE-M3, and MILCO, which is code in its
repository. sentence-transformers would load nearly anything as a sparse model: of a dense one it builds an untrained autoencoder. So what is loaded
must say, or show, that it is of the kind it is named as.
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

from harness.hub.model_files import architectures, module_types, read_json
from harness.retrieval.encode_options import EncodeOptions
from harness.store.artifact import Location
from harness.store.stage import Stage

if TYPE_CHECKING:
    from harness.retrieval.retrieval import Encode

WINDOW = 512  # consecutive texts that are encoded together: what shares a batch depends on the texts alone
BATCH = 32
SPARSE = "SparseEncoder"


def build(out: Path, parameters: Mapping[str, Any], inputs: Mapping[str, Location], batch_divisor: int = 1) -> None:
    """parameters: kind, remote_code, k, max_length, precision (None for milco, whose code decides); inputs: encoder, collection."""
    from harness.collections import beir
    from harness.evaluation.measurement import smaller_batches, write
    from harness.retrieval.retrieval import search_collection

    start = time.perf_counter()
    kind, model, folder = parameters["kind"], inputs["encoder"], inputs["collection"].path
    check(kind, *model, remote_code=parameters["remote_code"])
    collection = beir.load_queries(folder)
    encode = _load(kind, model, parameters["remote_code"], EncodeOptions.of(parameters, batch_divisor))
    best, activity = search_collection(encode, folder, collection, parameters["k"])
    run = best.result(collection.query_ids, collection.document_ids)
    write(
        out,
        run,
        collection,
        activity.result(),
        time.perf_counter() - start,
        {"label": kind} | smaller_batches(batch_divisor),
    )


REFERENCE = Stage("reference", version=2, seconds=10, build=build, shared=False)


def check(kind: str, model: str, revision: str | None = None, *, remote_code: bool = False) -> None:
    """ValueError, one line, unless a folder or hub repository is of the kind. Reads settings and at most a head of two tensors; runs nothing."""
    from harness.references import bge_m3, milco

    if kind == "bge-m3":
        bge_m3.check(model, revision)
    elif kind == "milco":
        milco.check(model, revision)
    else:
        check_sparse(model, revision, remote_code=remote_code)


def check_sparse(model: str, revision: str | None = None, *, remote_code: bool = False) -> None:
    """ValueError unless a folder or hub repository holds a SparseEncoder, or a masked LM alone, and asks for no code that was not allowed."""
    from harness.references import milco

    types = module_types(model, revision)
    if types is None:
        named = architectures(read_json(model, revision, "config.json") or {})
        if not any(name.endswith("ForMaskedLM") for name in named):
            shown = ", ".join(named) or "none"
            raise ValueError(
                f"{model!r} is no sparse encoder: no modules.json, no ...ForMaskedLM (architectures: {shown}); give a saved SparseEncoder"
            )
    else:
        said = (read_json(model, revision, "config_sentence_transformers.json") or {}).get("model_type")
        own = [kind for kind in types if not kind.startswith("sentence_transformers.")]
        if said is None and not any("sparse_encoder" in kind for kind in types) and not own:  # older models do not say
            said = f"model of {', '.join(kind.rsplit('.', 1)[-1] for kind in types)}"
        if said not in (None, SPARSE):
            raise ValueError(
                f"{model!r} is no sparse encoder but a {said}; give a SparseEncoder, or make it a bridge and add the row dense"
            )
    milco.check_allowed(model, revision, types or [], remote_code)
    _check_safetensors(Path(model))


def _check_safetensors(folder: Path) -> None:
    if not folder.is_dir():
        return
    pickled = sorted(
        {path.parent for path in folder.rglob("pytorch_model*.bin") if not list(path.parent.glob("*.safetensors"))}
    )
    for part in pickled or ([] if list(folder.rglob("*.safetensors")) else [folder]):
        raise ValueError(
            f"model folder {str(part)!r} has no .safetensors file; convert its weights, pickled weights are not loaded"
        )


def _load(kind: str, model: Location, remote_code: bool, options: EncodeOptions) -> Encode:
    from harness.references import bge_m3, milco

    batch = BATCH // options.batch_divisor
    if kind == "milco":
        by_own_code = milco.load(*model, remote_code=remote_code, max_length=options.max_length, batch_size=batch)
        return partial(_windows, lambda texts, side: as_csr(by_own_code(texts, side)))
    if kind == "bge-m3":
        weights = bge_m3.load(*model, max_length=options.max_length)
        return partial(_windows, partial(bge_m3.encode, weights, precision=options.precision, batch_size=batch))
    return _sparse_encoder(*model, remote_code, options)


def _windows(
    encode_window: Callable[[list[str], str], sp.csr_array], texts: Iterable[str], side: str
) -> Iterator[sp.csr_array]:
    stream = iter(texts)
    while window := list(islice(stream, WINDOW)):
        weights = encode_window(window, side)
        if weights.shape[0] != len(window) or not np.isfinite(weights.data).all():
            raise ValueError(
                f"the reference encoder gave {weights.shape[0]} vectors for {len(window)} texts, or weights that are not finite"
            )
        yield weights


def _sparse_encoder(model: str, revision: str | None, remote_code: bool, options: EncodeOptions) -> Encode:
    """SPLADE encoders are read as all others of the grid are, other SparseEncoders and those with code of their own by their own modules."""
    from sentence_transformers import SparseEncoder

    from harness.retrieval import encode
    from sembridge.encoder.loading import within_positions
    from sembridge.encoder.modules import splade_modules

    encoder = SparseEncoder(
        model, revision=revision, trust_remote_code=remote_code, model_kwargs={"use_safetensors": True}
    ).eval()
    try:
        splade = None if remote_code else splade_modules(encoder)
    except ValueError:
        splade = None
    if splade is None:
        if options.max_length is not None:
            encoder.max_seq_length = min(encoder.max_seq_length or options.max_length, options.max_length)
        return partial(_windows, partial(_by_its_modules, encoder, options))
    within_positions(splade)
    return partial(encode.encode, encoder, options=options)


def _by_its_modules(encoder: Any, options: EncodeOptions, texts: list[str], side: str) -> sp.csr_array:
    from sembridge.encoder.head import arithmetic

    embed = partial({"query": encoder.encode_query, "document": encoder.encode_document}[side], texts)
    with arithmetic(encoder.device, options.precision):
        return as_csr(
            embed(
                batch_size=BATCH // options.batch_divisor,
                convert_to_sparse_tensor=True,
                save_to_cpu=True,
                show_progress_bar=False,
            )
        )


def as_csr(vectors: Any) -> sp.csr_array:
    """A torch tensor [N, V], dense or sparse in any form (what is there twice counts twice), as csr float32."""
    pairs = vectors.detach().to_sparse_coo().coalesce().float().cpu()
    rows, columns = pairs.indices().numpy()
    return sp.csr_array((pairs.values().numpy(), (rows, columns)), shape=tuple(pairs.shape))
