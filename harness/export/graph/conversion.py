"""Convert an encoder to one ONNX graph, `model.onnx`, from token ids to weights."""

from __future__ import annotations

import inspect
import logging
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import onnx
import torch
from onnxscript import ir

from harness.export.graph.facts import MODEL, OPSET, OUTPUT, Graph
from harness.export.graph.module import SparseGraph
from sembridge.encoder.head import pad
from sembridge.encoder.modules import SpladeModules, splade_modules

MOST_BYTES = 1_900_000_000
"""Weights that fit into the file of the graph, which holds at most 2 GiB; more lie in a file of their own beside it."""
_LENGTHS = (7, 4)  # of the example: two texts, one of them padded, so that the mask is in the graph


def convert(encoder: Any, folder: Path) -> Graph:
    """Write the graph of an encoder, for an inference-free one that of its documents, into a folder.

    The encoder is moved to the processor. Raises ValueError for a model that torch cannot convert.
    """
    encoder.to("cpu").eval()
    modules = splade_modules(encoder)
    batch = _example(modules)
    with _quiet():
        module = SparseGraph(modules, batch).eval()
        model = _converted(module, batch)
    _without_notes(model)
    size = sum(parameter.numel() * parameter.element_size() for parameter in module.parameters())  # shared ones once
    beside = f"{MODEL}.data" if size > MOST_BYTES else None
    ir.save(model, folder / MODEL, external_data=beside)
    onnx.checker.check_model(str(folder / MODEL))
    files = (MODEL,) if beside is None else (MODEL, beside)
    return Graph(files, tuple(batch), int(modules.model.get_output_embeddings().weight.shape[0]))


def _example(modules: SpladeModules) -> dict[str, torch.Tensor]:
    """Return a padded batch with all inputs that the graph has."""
    pad_id = modules.tokenizer.pad_token_id
    batch = pad([[int(pad_id == 0)] * length for length in _LENGTHS], pad_id, "cpu")
    has_types = "token_type_ids" in inspect.signature(modules.model.forward).parameters
    if has_types and "token_type_ids" in modules.tokenizer.model_input_names:
        batch["token_type_ids"] = torch.zeros_like(batch["input_ids"])
    return batch


def _converted(module: SparseGraph, batch: dict[str, torch.Tensor]) -> Any:
    shapes = {name: {0: "batch", 1: "length"} for name in batch}
    try:
        program = torch.onnx.export(
            module,
            kwargs=batch,
            dynamo=True,
            dynamic_shapes=shapes,
            output_names=[OUTPUT],
            opset_version=OPSET,
            verbose=False,
        )
    except Exception as error:  # torch fails in many ways on a model that it cannot trace
        name = type(module.model).__name__
        cause = error.__cause__ or error
        reason = f"{type(cause).__name__}: {(str(cause).strip().splitlines() or [''])[0]}"
        raise ValueError(f"torch {torch.__version__} cannot convert a {name} to ONNX ({reason})") from error
    assert program is not None  # None is for the exporter before dynamo
    return program.model


def _without_notes(model: Any) -> None:
    """Clear what torch notes at every operation, such as the path of the file on this machine that asked for it."""
    for value in (*model.graph.initializers.values(), *model.graph.inputs):
        value.metadata_props.clear()
    for node in ir.traversal.RecursiveGraphIterator(model.graph):
        node.metadata_props.clear()
        for value in node.outputs:
            value.metadata_props.clear()


@contextmanager
def _quiet() -> Iterator[None]:
    """Silence torch's notes on operations of libraries that are not there, and on names of dimensions."""
    logger = logging.getLogger("torch.onnx")
    before = logger.level
    logger.setLevel(logging.ERROR)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            yield
    finally:
        logger.setLevel(before)
