"""Find the modules of a sparse encoder: a masked LM under SPLADE pooling, and the query weights of inference-free ones.

An inference-free encoder (Geng et al. 2024, arXiv 2411.04403) reads documents with a masked LM and gives a query one
stored weight per token in it. sentence-transformers stores the two as routes of one Router module.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

SIDES = ("query", "document")


@dataclass(frozen=True, eq=False)
class SpladeModules:
    """The modules of a sparse encoder.

    transformer  the Transformer module around the masked LM: the document side, and the query side if `query` is None
    pooling      its SpladePooling
    query        SparseStaticEmbedding [V] for queries of an inference-free encoder; None where the masked LM reads them
    """

    transformer: Any
    pooling: Any
    query: Any = None

    @property
    def model(self) -> Any:
        """Return the transformers masked LM."""
        return self.transformer.model

    @property
    def tokenizer(self) -> Any:
        """Return the tokenizer of the masked LM; that of the queries has the same vocabulary."""
        return self.transformer.processor


def splade_modules(encoder: Any) -> SpladeModules:
    """Return the modules of a sentence-transformers `SparseEncoder`.

    Raises ValueError if it is neither Transformer + SpladePooling nor a Router of these (route `document`) and a
    SparseStaticEmbedding (`query`) with one weight per output of the masked LM.
    """
    from sentence_transformers.base.modules.router import Router

    modules = list(encoder)
    if not (len(modules) == 1 and isinstance(modules[0], Router)):
        return SpladeModules(*_masked_lm(modules))
    routes: dict[str, list[Any]] = {name: [*route.children()] for name, route in modules[0].sub_modules.items()}
    kinds = {name: [type(module).__name__ for module in route] for name, route in routes.items()}
    if kinds.keys() != set(SIDES) or kinds["query"] != ["SparseStaticEmbedding"]:
        shown = "; ".join(f"{name}: {', '.join(route)}" for name, route in kinds.items())
        expected = "query: SparseStaticEmbedding, and document: a masked LM and SpladePooling"
        raise ValueError(f"the routes are {shown}; expected {expected}")
    splade = SpladeModules(*_masked_lm(routes["document"]), routes["query"][0])
    outputs, weights = splade.model.get_output_embeddings().weight.shape[0], len(splade.query.weight)
    if outputs != weights:
        raise ValueError(
            f"queries have {weights:,} token weights but documents {outputs:,} outputs; both sides need one vocabulary"
        )
    return splade


def side_prompt(encoder: Any, side: str) -> str:
    """Return what the encoder reads before every text of a side, `query` or `document`; "" if nothing."""
    return (getattr(encoder, "prompts", None) or {}).get(side) or ""


def _masked_lm(modules: list[Any]) -> tuple[Any, Any]:
    from sentence_transformers.sparse_encoder.modules import SpladePooling

    if len(modules) != 2 or not isinstance(modules[1], SpladePooling) or not hasattr(modules[0], "model"):
        shown = ", ".join(type(module).__name__ for module in modules)
        raise ValueError(f"the modules are {shown}; expected a masked LM and SpladePooling")
    if modules[0].model.get_output_embeddings() is None:
        raise ValueError(
            f"its transformer is a {type(modules[0].model).__name__}, which has no masked-LM head; its "
            'sentence_bert_config.json has to say "transformer_task": "fill-mask"'
        )
    return modules[0], modules[1]
