"""Count the tokens that a model of sentence-transformers reads, where the library itself tokenizes."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any

from sembridge.search.unknown import UnknownTokens
from sembridge.vocabulary.unknown import TokenCounter


class TokensRead:
    """Count what the first module of a model reads; nothing, if it has no tokenizer with ids."""

    def __init__(self, model: Any, unknown: UnknownTokens) -> None:
        self._model, self._unknown = model, unknown
        tokenizer = getattr(model, "tokenizer", None)
        readable = callable(tokenizer) or hasattr(tokenizer, "encode_batch")
        self._around = TokenCounter(tokenizer) if readable else None
        self._bare = TokenCounter(tokenizer, special=False) if readable else None

    @contextmanager
    def on(self, side: str) -> Iterator[None]:
        """Count the texts that are encoded inside this context, as texts of a side: query | document."""

        def count(module: Any, arguments: tuple[Any, ...]) -> None:
            features: Mapping[str, Any] = arguments[0]
            ids = features.get("input_ids")
            if ids is None or self._around is None or self._bare is None:
                return
            if "offsets" in features:  # a StaticEmbedding: all texts in a row, without specials
                self._unknown.add(side, self._bare.count_flat(ids.cpu().numpy(), len(features["offsets"])))
            elif "attention_mask" in features:
                real = ids[features["attention_mask"].bool()]
                self._unknown.add(side, self._around.count_flat(real.cpu().numpy(), len(ids)))

        handle = self._model[0].register_forward_pre_hook(count)
        try:
            yield
        finally:
            handle.remove()
