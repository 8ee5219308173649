"""Find source tokens whose numbers are NaN or infinite: one such row would spoil every mean and every drawn row."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np

from sembridge.encoder.modules import splade_modules
from sembridge.vocabulary.vocabulary import Vocabulary

_SHOWN = 3  # tokens named in a message
INSTEAD = (
    "get the model again, or leave these tokens out of donors, copies and means: --nonfinite leave-out "
    "(in a preset nonfinite: leave-out, in Python nonfinite='leave-out')"
)


def left_out(encoder: Any, source: Vocabulary, nonfinite: str = "refuse") -> np.ndarray | None:
    """Return which source tokens have a number that is not finite [S] bool; None if all are finite.

    Their embedding, their row and bias of the decoder and their query weight count; rows past the last id of the
    tokenizer do not, a transfer never reads them.

    nonfinite  refuse: raise ValueError, one line, that names tokens; leave-out: return them
    """
    affected = np.zeros(len(source), dtype=bool)
    problems = []
    for part, values in _parts(encoder):
        bad = np.flatnonzero(~np.isfinite(values[: len(source)].reshape(len(values[: len(source)]), -1)).all(axis=1))
        affected[bad] = True
        if len(bad):
            problems.append(f"{part} of {_named(source, bad)}")
    if not problems:
        return None
    if nonfinite == "refuse":
        raise ValueError(f"the source encoder has values that are not finite: {'; '.join(problems)}; {INSTEAD}")
    return affected


def check_all_finite(encoder: Any) -> None:
    """Check an encoder that is used as it is: all rows count, any of them would reach every text. ValueError if not."""
    for part, values in _parts(encoder):
        bad = np.flatnonzero(~np.isfinite(values.reshape(len(values), -1)).all(axis=1))
        if len(bad):
            ids = ", ".join(str(i) for i in bad[:_SHOWN]) + (", ..." if len(bad) > _SHOWN else "")
            raise ValueError(
                f"the encoder's {part} is not finite for {len(bad):,} ids ({ids}), so no weight of a text would be a "
                "number; get the model again, or evaluate transfers of it alone, with nonfinite: leave-out"
            )


def _parts(encoder: Any) -> Iterator[tuple[str, np.ndarray]]:
    """Yield the numbers that an encoder has for each token: (name, [V] or [V, D] float32)."""
    modules = splade_modules(encoder)
    embedding, decoder = modules.model.get_input_embeddings(), modules.model.get_output_embeddings()
    tensors = {"embedding": embedding.weight}
    if decoder.weight is not embedding.weight:
        tensors["decoder row"] = decoder.weight
    if getattr(decoder, "bias", None) is not None:
        tensors["decoder bias"] = decoder.bias
    if modules.query is not None:
        tensors["query weight"] = modules.query.weight
    for name, tensor in tensors.items():
        yield name, tensor.detach().float().cpu().numpy()


def _named(source: Vocabulary, ids: np.ndarray) -> str:
    """Return "2 tokens ('a' id 7, no token id 9)"."""
    shown = [f"{source.tokens[i]!r} id {i}" if source.exists[i] else f"no token, id {i}" for i in ids[:_SHOWN].tolist()]
    more = ", ..." if len(ids) > _SHOWN else ""
    return f"{len(ids):,} token{'s' * (len(ids) != 1)} ({', '.join(shown)}{more})"
