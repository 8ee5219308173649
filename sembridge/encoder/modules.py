"""The parts of a sparse encoder: a masked LM under SPLADE pooling, and, where queries need no model, the weights that stand in for it.

An inference-free encoder (Geng et al. 2024, arXiv 2411.04403) reads documents with a masked LM and gives a query one stored weight per token it
contains. sentence-transformers keeps the two as routes of one Router module.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

SIDES = ("query", "document")


@dataclass(frozen=True, eq=False)
class SpladeModules:
    """transformer  the Transformer module around the masked LM, the document side (and the query side, if `query` is None)
    pooling      its SpladePooling
    query        SparseStaticEmbedding [V] of an inference-free encoder's queries; None where queries are read by the masked LM
    """

    transformer: Any
    pooling: Any
    query: Any = None

    @property
    def model(self) -> Any:
        """The transformers masked LM."""
        return self.transformer.model

    @property
    def tokenizer(self) -> Any:
        """The tokenizer of the masked LM; that of the queries has the same vocabulary."""
        return self.transformer.processor


def splade_modules(encoder: Any) -> SpladeModules:
    """Take a sentence-transformers `SparseEncoder` apart.

    Raises ValueError if it is neither Transformer + SpladePooling nor a Router of these (route `document`) and a SparseStaticEmbedding (`query`)
    with one weight per output of the masked LM.
    """
    from sentence_transformers.base.modules.router import Router

    modules = list(encoder)
    if not (len(modules) == 1 and isinstance(modules[0], Router)):
        return SpladeModules(*_masked_lm(modules))
    routes: dict[str, list[Any]] = {name: [*route.children()] for name, route in modules[0].sub_modules.items()}
    kinds = {name: [type(module).__name__ for module in route] for name, route in routes.items()}
    if kinds.keys() != set(SIDES) or kinds["query"] != ["SparseStaticEmbedding"]:
        shown = "; ".join(f"{name}: {', '.join(route)}" for name, route in kinds.items())
        raise ValueError(
            f"the routes are {shown}; expected query: SparseStaticEmbedding, and document: a masked LM and SpladePooling"
        )
    found = SpladeModules(*_masked_lm(routes["document"]), routes["query"][0])
    outputs, weights = found.model.get_output_embeddings().weight.shape[0], len(found.query.weight)
    if outputs != weights:
        raise ValueError(
            f"queries have {weights:,} token weights but documents {outputs:,} outputs; both sides need one vocabulary"
        )
    return found


def _masked_lm(modules: list[Any]) -> tuple[Any, Any]:
    from sentence_transformers.sparse_encoder.modules import SpladePooling

    if len(modules) != 2 or not isinstance(modules[1], SpladePooling) or not hasattr(modules[0], "model"):
        shown = ", ".join(type(module).__name__ for module in modules)
        raise ValueError(f"the modules are {shown}; expected a masked LM and SpladePooling")
    return modules[0], modules[1]
