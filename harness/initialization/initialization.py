"""Stage: run one initializer on one pair of vocabularies, and store its `Initialization`.

Rows that the stored mixture and residual reproduce bit for bit are not stored a second time; the others (sampled,
factorized) are. Of a residual, the rows that are not zero are stored. For a mixture that is too large to store (alpha
1), its rows and the vectors behind its weights are stored.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from harness.initialization.needs import needs_of
from harness.store.artifact import Location
from harness.store.stage import Stage


def build(out: Path, parameters: Mapping[str, Any], inputs: Mapping[str, Location]) -> None:
    """Run the initializer.

    parameters  initializer, settings, profile, overlap, donors, seed, and nonfinite where it is not "refuse"
    inputs      encoder, tokenizer, and those of the initializer's needs
    """
    from sembridge.encoder.loading import load_encoder, load_tokenizer
    from sembridge.encoder.transplant import decoder_rows, source_rows
    from sembridge.pipeline import initialize, make_task
    from sembridge.registry import initializer_class

    encoder, tokenizer = load_encoder(*inputs["encoder"]), load_tokenizer(*inputs["tokenizer"])
    kind = initializer_class(parameters["initializer"])
    prepared = {need.field: need.load(inputs) for need in needs_of(kind)}
    initializer = kind(**parameters["settings"], **prepared)
    options = {name: parameters[name] for name in ("profile", "overlap", "donors", "seed")}
    task = make_task(encoder, tokenizer, **options, nonfinite=parameters.get("nonfinite", "refuse"))
    embedding, decoder = initialize(encoder, tokenizer, initializer, task)
    _save(out / "embedding.safetensors", embedding, source_rows(encoder))
    if decoder is not None and (rows := decoder_rows(encoder)) is not None:
        _save(out / "decoder.safetensors", decoder, rows)
    about: dict[str, Any] = {
        "label": getattr(initializer, "label", initializer.name),
        "statistics": dict(embedding.statistics),
        "origin": embedding.origin.tolist(),
    }
    for inputs_of_need in prepared.values():
        if (prompt := getattr(inputs_of_need, "prompt", None)) is not None:
            about["bridge_prompt"] = prompt
    (out / "about.json").write_text(json.dumps(about, sort_keys=True), encoding="utf-8")


INITIALIZATION = Stage("initialization", version=5, seconds=2, build=build)


def load(folder: Path, encoder: Any) -> tuple[Any, Any]:
    """Return the stored `Initialization` of the embedding and of the decoder (None if tied).

    encoder  as it was before the transplant
    """
    from sembridge.encoder.transplant import decoder_rows, source_rows

    about = json.loads((folder / "about.json").read_text(encoding="utf-8"))
    embedding = _load(folder / "embedding.safetensors", source_rows(encoder), about)
    rows = decoder_rows(encoder)
    return embedding, None if rows is None else _load(folder / "decoder.safetensors", rows, about)


def _save(path: Path, initialization: Any, source: np.ndarray) -> None:
    from safetensors.numpy import save_file

    from sembridge.assembly import rows_of
    from sembridge.mixture.softmax import SoftmaxMixture

    mixture, rows = initialization.mixture, initialization.rows
    dense = mixture if isinstance(mixture, SoftmaxMixture) else None
    sparse = mixture if dense is None else dense.others
    residual = initialization.residual
    explicit = np.flatnonzero((rows_of(sparse, source[: sparse.shape[1]], residual) != rows).any(axis=1))
    tensors = {
        "indptr": sparse.indptr.astype(np.int64),
        "indices": sparse.indices.astype(np.int32),
        "weights": sparse.data,
        "shape": np.array(sparse.shape, dtype=np.int64),
        "explicit_ids": explicit,
        "explicit_rows": np.ascontiguousarray(rows[explicit]),
    }
    if residual is not None:
        ids = np.flatnonzero(residual.any(axis=1))
        tensors |= {"residual_ids": ids, "residual_rows": residual[ids]}
    if dense is not None:
        for side, vectors in (("queries", dense.queries), ("donors", dense.donors)):
            tensors[f"{side}_vectors"] = vectors.vectors[vectors.ids]
            if vectors.position is not None:
                tensors[f"{side}_extra"] = vectors.position
        tensors |= {"donors_ids": dense.donors.ids, "places": dense.places}
        if dense.queries.scale != 1:
            tensors["queries_scale"] = np.array(dense.queries.scale)
        tensors["rounded"] = np.array(dense.queries.rounded)
    save_file(tensors, path)


def _load(path: Path, source: np.ndarray, about: Mapping[str, Any]) -> Any:
    import scipy.sparse as sp
    from safetensors.numpy import load_file

    from sembridge.assembly import rows_of
    from sembridge.initializer import Initialization

    stored = load_file(path)
    csr = (stored["weights"], stored["indices"], stored["indptr"])
    sparse = sp.csr_array(csr, shape=tuple(stored["shape"].tolist()))
    residual = None
    if "residual_ids" in stored:
        residual = np.zeros((sparse.shape[0], source.shape[1]), dtype=np.float32)
        residual[stored["residual_ids"]] = stored["residual_rows"]
    rows = rows_of(sparse, source[: sparse.shape[1]], residual)
    rows[stored["explicit_ids"]] = stored["explicit_rows"]
    mixture = sparse if "places" not in stored else _softmax(stored, sparse)
    return Initialization(rows, mixture, np.array(about["origin"]), about["statistics"], residual)


def _softmax(stored: Mapping[str, np.ndarray], others: Any) -> Any:
    from sembridge.mixture.mixture import UnitVectors
    from sembridge.mixture.softmax import SoftmaxMixture

    vectors, ids = stored["queries_vectors"], stored["donors_ids"]
    table = np.zeros((others.shape[1], vectors.shape[1]), dtype=np.float32)
    table[ids] = stored["donors_vectors"]
    scale = float(stored.get("queries_scale", 1.0))
    rounded = bool(stored.get("rounded", False))
    queries = UnitVectors(vectors, np.arange(len(vectors)), stored.get("queries_extra"), scale, rounded)
    donors = UnitVectors(table, ids, stored.get("donors_extra"), rounded=rounded)
    return SoftmaxMixture(queries, donors, stored["places"], others)
