"""An inference-free encoder through the whole grid: transplanted, evaluated, fine-tuned, with both query weights."""

import numpy as np
import pandas as pd
import pytest
import torch
from safetensors.numpy import load_file
from sentence_transformers import SparseEncoder
from sentence_transformers.sparse_encoder.modules import Router, SparseStaticEmbedding

from sembridge.encoder.loading import load_encoder
from sembridge.encoder.modules import splade_modules


@pytest.fixture(scope="module")
def routed_data(own_data, tmp_path_factory):
    """The data folder with its encoder as the document side, and a weight for each token as the query side."""
    folder = tmp_path_factory.mktemp("routed")
    for name in ("tokenizers", "collections", "text", "bridge"):
        (folder / name).symlink_to(own_data / name)
    document = load_encoder(str(own_data / "source"))
    query = SparseStaticEmbedding(splade_modules(document).tokenizer, frozen=True)
    query.weight.data = torch.linspace(0.5, 2, len(query.weight))
    router = Router.for_query_document([query], list(document))
    SparseEncoder(modules=[router], similarity_fn_name="dot").save_pretrained(
        str(folder / "source"), create_model_card=False
    )
    return folder


@pytest.mark.slow
def test_every_stage_runs_and_query_weights_are_a_choice(command, routed_data, tmp_path):
    options = (
        "--languages",
        "ru",
        "--initializers",
        "ofa",
        "base",
        "--set",
        "training.batch_size=8",
        "--set",
        "training.max_length=16",
    )
    runs = {}
    for weights, regimes in (("mixture", ("zero-shot", "fine-tuned")), ("idf", ("zero-shot",))):
        code, _, err = command(*options, "--regimes", *regimes, "--set", f"query_weights={weights}", data=routed_data)
        assert code == 0, err
        cells = pd.read_csv(tmp_path / "results" / "cells.csv")
        assert len(cells) == 2 * len(regimes) and set(cells["status"]) == {"ok"}
        assert cells["query_active"].max() < 8, "a query has no more entries than tokens"
        runs[weights] = {path.name: path.read_bytes() for path in (tmp_path / "results" / "runs").glob("*zero-shot*")}
        assert len(runs[weights]) == 2
    changed = [name for name in runs["mixture"] if runs["mixture"][name] != runs["idf"][name]]
    assert len(changed) == 1 and "ofa" in changed[0], "the base row keeps its own weights"
    (stored,) = (tmp_path / "store").rglob("weights.safetensors")
    weights = load_file(stored)["weights"]
    assert np.isfinite(weights).all() and weights.max() > 1
